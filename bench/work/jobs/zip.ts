import { zipSync } from "npm:fflate@0.8.3";

/** A megabyte that can be compressed. */
export function input(): Uint8Array {
  const text = Array.from(
    { length: 20_000 },
    (_, i) => `${i} of many lines, ${(i * 7_919) % 1_000}\n`,
  );
  return new TextEncoder().encode(text.join("").repeat(2)).slice(0, 1_000_000);
}

/** An archive with the bytes as a file. */
export function run(bytes: Uint8Array): Uint8Array {
  return zipSync({ "data.txt": bytes });
}
