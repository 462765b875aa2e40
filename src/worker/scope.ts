/** The global scope of a worker, which the worker's own code shares with all its tasks. */

/** The few names of a worker's global scope that are used here; the type library is for a page. */
export interface WorkerScope extends EventTarget {
  // deno-lint-ignore no-explicit-any -- protocol.ts has the types
  postMessage?: (message: any, transfer?: Transferable[]) => void;
  close(): void;
}

/**
 * Gives the host's messages to a listener, and to nobody else. The module of a task may serve
 * messages of its own if used as a worker's main module, with `onmessage` or a library such as
 * comlink. Such a module must not answer the host's messages, and its answers must not reach the
 * host.
 */
export function hideHostMessages(scope: WorkerScope, listener: (data: unknown) => void): void {
  // No error: such a module may send a message while the module is loaded.
  scope.postMessage = () => {};
  scope.addEventListener("message", (event) => {
    // An event dispatched within the worker is not the host's.
    if (!event.isTrusted) return;
    event.stopImmediatePropagation();
    listener((event as MessageEvent).data);
  });
  removeInternals();
}

/** Takes from tasks a way into the runtime which is meant for the runtime's own tests. */
export function removeInternals(): void {
  const deno = Deno as unknown as Record<symbol, { nodeGlobals?: object } | undefined> & {
    internal: symbol;
  };
  const nodeGlobals = deno[deno.internal]?.nodeGlobals;
  Reflect.deleteProperty(deno, deno.internal);
  // Before Deno 2.7, CommonJS modules take their globals from there.
  if (nodeGlobals !== undefined) Object.assign(deno, { [deno.internal]: { nodeGlobals } });
}
