/**
 * The global scope of a worker, which all its tasks share. What the host says is for the worker
 * alone: a task must neither hear it nor be able to answer.
 */

import { apply } from "./intrinsics.ts";

/** The few names of a worker's global scope that are used here; the type library is the page's. */
export interface WorkerScope extends EventTarget {
  // deno-lint-ignore no-explicit-any -- the protocol says what it is
  postMessage?: (message: any, transfer?: Transferable[]) => void;
  onmessage: unknown;
  close(): void;
}

const { stopImmediatePropagation } = Event.prototype;

/** Gives what the host says to this listener alone, and takes `postMessage` from the scope. */
export function seclude(scope: WorkerScope, listener: (data: unknown) => void): void {
  scope.postMessage = undefined;
  scope.addEventListener("message", (event) => {
    apply(stopImmediatePropagation, event, []);
    listener((event as MessageEvent).data);
  });
  fixListeners(scope, "message");
  // A way into the runtime that is meant for its own tests.
  const deno = Deno as unknown as Record<symbol, { nodeGlobals?: object } | undefined> & {
    internal: symbol;
  };
  const nodeGlobals = deno[deno.internal]?.nodeGlobals;
  Reflect.deleteProperty(deno, deno.internal);
  // Before Deno 2.7, CommonJS modules are given their globals from there.
  if (nodeGlobals !== undefined) Object.assign(deno, { [deno.internal]: { nodeGlobals } });
}

/**
 * Keeps the listeners of a type as they are. Deno has them in a table of the target, under a
 * symbol that any code can find; where it is not found, a task that looks for it can listen.
 */
function fixListeners(scope: WorkerScope, type: string): void {
  for (const key of Object.getOwnPropertySymbols(scope)) {
    const data =
      (scope as unknown as Record<symbol, { listeners?: Record<string, object[]> }>)[key];
    const own = data?.listeners?.[type];
    if (own === undefined) continue;
    const fixed = { writable: false, configurable: false };
    own.forEach((listener) => Object.freeze(listener));
    Object.freeze(own);
    Object.defineProperty(data!.listeners, type, fixed);
    Object.defineProperty(data, "listeners", fixed);
    Object.defineProperty(scope, key, fixed);
  }
  // A module that would serve messages of its own, were it a worker, still loads.
  const { addEventListener } = scope;
  scope.addEventListener = (name: string, ...rest: [EventListenerOrEventListenerObject]) => {
    if (name !== type) apply(addEventListener, scope, [name, ...rest]);
  };
  Object.defineProperty(scope, `on${type}`, { value: null, writable: true });
}
