/**
 * Has a worker no longer keep the process alive. Deno has no public name for this; the one
 * method of `Worker` that is keyed by a symbol without description does it (for
 * node:worker_threads). Where it is missing, an idle worker delays the exit of a program
 * that never shuts its executor down until `idleTimeout`.
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
