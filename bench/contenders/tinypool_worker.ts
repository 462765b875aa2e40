import Tinypool from "npm:tinypool@2.2.0";

/** `echo` that moves its argument back. */
export default function (bytes: Uint8Array<ArrayBuffer>) {
  return Tinypool.move(bytes);
}
