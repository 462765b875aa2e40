/**
 * The callbacks of each abort signal. A million tasks may share a signal, and to take a listener off an
 * `EventTarget` takes longer the more listeners there are. So each signal has one listener of this
 * package, which calls a set of callbacks.
 */
const listened = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls back when the signal aborts.
 *
 * @returns Stops listening. A signal without callbacks has no listener.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  let callbacks = listened.get(signal);
  if (callbacks === undefined) {
    listened.set(signal, callbacks = new Set());
    signal.addEventListener("abort", callAll);
  }
  callbacks.add(callback);
  return () => {
    if (callbacks.delete(callback) && callbacks.size === 0) {
      listened.delete(signal);
      signal.removeEventListener("abort", callAll);
    }
  };
}

function callAll({ target }: Event): void {
  for (const callback of listened.get(target as AbortSignal) ?? []) callback();
}
