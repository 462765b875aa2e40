/** What settles the promise that was made last. */
let latest: (value: unknown) => void;

/** One for all promises: once it is compiled, nothing is allocated but what stays. */
const keep = (resolve: (value: unknown) => void) => {
  latest = resolve;
};

/** A promise, and what settles it; as `Promise.withResolvers()`, with half the garbage. */
export function deferred(): { promise: Promise<unknown>; resolve: (value: unknown) => void } {
  const promise = new Promise(keep);
  return { promise, resolve: latest };
}
