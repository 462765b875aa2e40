import { move } from "npm:piscina@5.3.2";

/** `echo` that moves its argument back. */
export default function (bytes: Uint8Array<ArrayBuffer>) {
  return move(bytes);
}
