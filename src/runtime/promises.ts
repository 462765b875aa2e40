/** Settles the promise that is being made. */
let latest: ((value: unknown) => void) | undefined;

/** The function for all promises: a function for each promise would be garbage. */
const keep = (resolve: (value: unknown) => void) => {
  latest = resolve;
};

/**
 * Makes a promise and its `resolve`, as `Promise.withResolvers()` does, with half of the garbage. A
 * program that submits many short tasks spends a tenth of its time on this garbage.
 */
export function deferred(): { promise: Promise<unknown>; resolve: (value: unknown) => void } {
  const promise = new Promise(keep);
  const resolve = latest!;
  // A reference here would keep the result alive until the next call.
  latest = undefined;
  return { promise, resolve };
}

/** Whether `await` would wait for a value. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (typeof value === "object" || typeof value === "function") && value !== null &&
    typeof (value as { then?: unknown }).then === "function";
}
