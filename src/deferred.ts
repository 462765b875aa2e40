/** What settles the promise that is being made. */
let latest: ((value: unknown) => void) | undefined;

/** One for all promises: once it is compiled, nothing is allocated but what stays. */
const keep = (resolve: (value: unknown) => void) => {
  latest = resolve;
};

/** A promise, and what settles it; as `Promise.withResolvers()`, with half the garbage. */
export function deferred(): { promise: Promise<unknown>; resolve: (value: unknown) => void } {
  const promise = new Promise(keep);
  const resolve = latest!;
  // Or it would keep the promise's result alive until another one is made.
  latest = undefined;
  return { promise, resolve };
}
