/** The global scope of a worker, which the worker's own code shares with all its tasks. */

/** The few names of a worker's global scope that are used here; the type library is the page's. */
export interface WorkerScope extends EventTarget {
  // deno-lint-ignore no-explicit-any -- the protocol says what it is
  postMessage?: (message: any, transfer?: Transferable[]) => void;
  close(): void;
}

/**
 * Gives what the host says to a listener, and to nobody else. The module of a task may serve messages
 * of its own where it is a worker's main module, with `onmessage` or a library such as comlink. Such a
 * module must not answer the host's messages, and its answers must not reach the host.
 */
export function hideHostMessages(scope: WorkerScope, listener: (data: unknown) => void): void {
  // No error: such a module may say that it is ready while it is loaded.
  scope.postMessage = () => {};
  scope.addEventListener("message", (event) => {
    // What is dispatched within the worker is not the host's.
    if (!event.isTrusted) return;
    event.stopImmediatePropagation();
    listener((event as MessageEvent).data);
  });
  removeInternals();
}

/** Takes from tasks a way into the runtime that is meant for the runtime's own tests. */
export function removeInternals(): void {
  const deno = Deno as unknown as Record<symbol, { nodeGlobals?: object } | undefined> & {
    internal: symbol;
  };
  const nodeGlobals = deno[deno.internal]?.nodeGlobals;
  Reflect.deleteProperty(deno, deno.internal);
  // Before Deno 2.7, CommonJS modules are given their globals from there.
  if (nodeGlobals !== undefined) Object.assign(deno, { [deno.internal]: { nodeGlobals } });
}
