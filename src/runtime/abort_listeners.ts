/**
 * Listening to abort signals. A million tasks may share one signal, and taking one of many
 * listeners off an `EventTarget` is O(n): so each signal has one listener of ours, which
 * calls a set of those who asked.
 */
const listened = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls back when the signal aborts.
 *
 * @returns Stops listening; after the last of a signal it keeps no listener.
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
