/**
 * What runs inside a worker. An executor starts its workers from a small generated
 * module that imports this one; nothing here is meant to be called by hand.
 *
 * @module
 */

import { Ledger } from "./src/ledger.ts";
import { loadWith } from "./src/load.ts";
import { DYING, READY, type Setup, type ToWorker } from "./src/protocol.ts";
import { seclude, type WorkerScope } from "./src/scope.ts";
import { type Post, TaskServer } from "./src/task_server.ts";
import { encodeThrown } from "./src/thrown.ts";

/**
 * Serves tasks to the executor that started this worker.
 *
 * @param loaders How to load each module whose exports are tasks, by its URL. They are
 * listed in the worker's entry because what the entry imports is loaded with the
 * permissions of the program, and not with those of the worker.
 */
export function serve(loaders: Readonly<Record<string, () => Promise<unknown>>>): void {
  const scope = globalThis as unknown as WorkerScope;
  const post: Post = scope.postMessage!.bind(scope);
  const load = loadWith(loaders);
  const close = scope.close.bind(scope);
  const dying = (thrown: unknown) => {
    try {
      post([DYING, encodeThrown(thrown)]);
    } catch { /* The host learns from the lifeline that this worker died, if not of what. */ }
  };

  let server: TaskServer | undefined;
  let hostKey: number;
  seclude(scope, (data) => {
    if (server !== undefined) {
      const message = data as ToWorker;
      // Anybody can dispatch an event.
      if (message[1] === hostKey) server.receive(message);
      return;
    }
    const { memory, key } = data as Setup;
    hostKey = key;
    server = new TaskServer(load, new Ledger(memory), post);
    post(READY);
  });
  scope.addEventListener("error", (event) => dying((event as ErrorEvent).error));
  scope.addEventListener(
    "unhandledrejection",
    (event) => dying((event as PromiseRejectionEvent).reason),
  );
  scope.addEventListener("messageerror", (event) => {
    // Deno reads no message after one it could not decode.
    dying((event as MessageEvent).data);
    close();
  });
}
