/** The function that settles the promise under construction. */
let latest: ((value: unknown) => void) | undefined;

/** The executor function of all promises: a closure for each call would be garbage. */
const keep = (resolve: (value: unknown) => void) => {
  latest = resolve;
};

/** A promise and its `resolve`, as `Promise.withResolvers()` gives them, with half the garbage. */
export function deferred(): { promise: Promise<unknown>; resolve: (value: unknown) => void } {
  const promise = new Promise(keep);
  const resolve = latest!;
  // A reference here would keep the promise's result alive until the next call.
  latest = undefined;
  return { promise, resolve };
}
