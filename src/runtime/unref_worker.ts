/**
 * Makes a worker no longer keep the process alive. Deno has no public name for this. `Worker` has one
 * method whose key is a symbol without a description: Deno uses the method for node:worker_threads.
 * Without the method, an idle worker delays the exit of a program that does not shut its executor down
 * until `idleTimeout`.
 */
export const unref: (worker: Worker) => void = (() => {
  if (typeof Worker === "undefined") return () => {};
  const prototype = Worker.prototype as unknown as Record<symbol, unknown>;
  const keys = Object.getOwnPropertySymbols(prototype).filter((key) =>
    key.description === undefined && typeof prototype[key] === "function"
  );
  if (keys.length !== 1) return () => {};
  const setRef = prototype[keys[0]!] as (this: Worker, alive: boolean) => void;
  return (worker) => setRef.call(worker, false);
})();
