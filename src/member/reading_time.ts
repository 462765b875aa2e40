/** At most this many values are looked at, as the look holds up the event loop. */
const MAX_VALUES = 20_000;
/** The size of a value on the wire without the contents, in bytes; a guess. */
const VALUE_BYTES = 16;
/** A worker reads at least this many bytes per ms, even on a slow and busy machine. */
const BYTES_PER_MS = 5_000;
/** The longest estimate, in ms; also the estimate for more values than are looked at. */
const MAX_READING_MS = 300_000;

/**
 * A generous estimate of how long, in ms, a worker takes to read these arguments. The estimate is
 * made only when a worker has been silent for long, so that sending does not pay for the look.
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
    else if (sizeOf(value) + unseen.length + seen.size > MAX_VALUES) return MAX_READING_MS;
    else if (value instanceof Map) unseen.push(...value.keys(), ...value.values());
    else if (value instanceof Set) unseen.push(...value);
    else {
      // From descriptors, as a getter of the caller must not run again.
      for (const { value: inside } of Object.values(Object.getOwnPropertyDescriptors(value))) {
        unseen.push(inside);
      }
    }
  }
  return Math.min(MAX_READING_MS, bytes / BYTES_PER_MS);
}

function sizeOf(value: object): number {
  if (Array.isArray(value)) return value.length;
  return value instanceof Map || value instanceof Set ? value.size : 0;
}
