/**
 * What runs inside a worker. An executor starts its workers from a small generated
 * module that imports this one; nothing here is meant to be called by hand.
 *
 * @module
 */

import { Ledger } from "./src/ledger.ts";
import { locks } from "./src/locks.ts";
import { DYING, type FromWorker, READY, type Setup, type ToWorker } from "./src/protocol.ts";
import { type Post, TaskServer } from "./src/task_server.ts";
import { encodeThrown } from "./src/thrown.ts";

/** The few names of a worker's global scope that are used here; the type library is the page's. */
interface WorkerScope extends EventTarget {
  postMessage?: (message: FromWorker, options: Transferable[]) => void;
  close(): void;
}

/**
 * Serves tasks to the executor that started this worker.
 *
 * @param loaders How to load each module whose exports are tasks, by its URL. They are
 * listed in the worker's entry because what the entry imports is loaded with the
 * permissions of the program, and not with those of the worker.
 */
export function serve(loaders: Readonly<Record<string, () => Promise<unknown>>>): void {
  const scope = globalThis as unknown as WorkerScope;
  const post = scope.postMessage!.bind(scope) as Post;
  // Taken away from tasks: only the worker itself speaks to the host.
  scope.postMessage = undefined;

  const load = async (url: string) => {
    const module = await loaders[url]!();
    // One that exits while it is evaluated goes on until the next turn, which never comes.
    await turn();
    return module;
  };
  let server: TaskServer | undefined;
  scope.addEventListener("message", (event) => {
    event.stopImmediatePropagation();
    const { data } = event as MessageEvent<Setup | ToWorker>;
    if (server !== undefined) return server.receive(data as ToWorker);
    const { memory, lifeline } = data as Setup;
    server = new TaskServer(load, new Ledger(memory), post);
    holdUntilDeath(lifeline, () => post(READY));
  });

  const dying = (thrown: unknown) => {
    try {
      post([DYING, encodeThrown(thrown)]);
    } catch { /* The host learns from the lifeline that this worker died, if not of what. */ }
  };
  scope.addEventListener("error", (event) => dying((event as ErrorEvent).error));
  scope.addEventListener(
    "unhandledrejection",
    (event) => dying((event as PromiseRejectionEvent).reason),
  );
  scope.addEventListener("messageerror", (event) => {
    // Deno reads no message after one it could not decode.
    dying((event as MessageEvent).data);
    scope.close();
  });
}

/** Resolves in a later turn of the event loop; a timer would first have to be loaded. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(0);
  });
}

/** Holds the lock by which the host sees that this worker lives; Deno releases it at any death. */
function holdUntilDeath(lifeline: string, held: () => void): void {
  locks!.request(lifeline, () => {
    held();
    return new Promise<never>(() => {});
  });
}
