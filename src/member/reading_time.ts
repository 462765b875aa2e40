/** How many values are looked at: this runs on the event loop. */
const MAX_VALUES = 20_000;
/** What a value takes on the wire beside its contents, in bytes; a guess. */
const VALUE_BYTES = 16;
/** How many bytes a worker reads in a ms at least, on a slow machine that is busy. */
const BYTES_PER_MS = 5_000;
/** How long, in ms, arguments may take to read that hold more values than are looked at. */
const LONG_MS = 300_000;

/**
 * How long a worker may take to read these arguments, in ms; generous. It is asked only of a worker
 * that has been silent for long, so that sending costs nothing.
 */
export function readingTime(args: readonly unknown[]): number {
  const seen = new Set<unknown>();
  const unseen: unknown[] = [...args];
  let bytes = 0;
  while (unseen.length > 0) {
    const value = unseen.pop();
    bytes += VALUE_BYTES;
    if (typeof value === "string") bytes += 2 * value.length;
    if (typeof value !== "object" || value === null || seen.has(value)) continue;
    seen.add(value);
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) bytes += value.byteLength;
    else if (sizeOf(value) + unseen.length + seen.size > MAX_VALUES) return LONG_MS;
    else if (value instanceof Map) unseen.push(...value.keys(), ...value.values());
    else if (value instanceof Set) unseen.push(...value);
    else {
      // What was sent has no getter that matters: an argument that has is not read again.
      for (const { value: inside } of Object.values(Object.getOwnPropertyDescriptors(value))) {
        unseen.push(inside);
      }
    }
  }
  return Math.min(LONG_MS, bytes / BYTES_PER_MS);
}

function sizeOf(value: object): number {
  if (Array.isArray(value)) return value.length;
  return value instanceof Map || value instanceof Set ? value.size : 0;
}
