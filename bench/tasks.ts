/** The functions that every contender runs, in a module without imports. */

/** Returns the argument. */
export function echo(value: unknown): unknown {
  return value;
}

/** Keeps a core busy for `ms`, and returns the time of the beginning, in ms since 1970. */
export function spin(ms: number): number {
  const begun = performance.now();
  while (performance.now() < begun + ms);
  return performance.timeOrigin + begun;
}

/** Computes the same amount on any core, however busy: 1 takes about a millisecond. */
export function compute(amount: number): number {
  let x = 1;
  for (let i = 0; i < amount * 300_000; i++) x = (x * 1_103_515_245 + 12_345) & 0x7fffffff;
  return x;
}

/** Blocks for `ms` without keeping a core busy, and returns the time of the beginning. */
export function block(ms: number): number {
  const begun = performance.timeOrigin + performance.now();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  return begun;
}

/** A text of `length` characters. */
export function text(length: number): string {
  return "x".repeat(length);
}
