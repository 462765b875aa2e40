/**
 * What runs inside a worker. An executor starts its workers from a small generated
 * module that imports this one; nothing here is meant to be called by hand.
 *
 * @module
 */

import { awaitable } from "./src/intrinsics.ts";
import { Ledger } from "./src/ledger.ts";
import { hideLifelines, locks } from "./src/locks.ts";
import { DYING, READY, type Setup, type ToWorker } from "./src/protocol.ts";
import { seclude, type WorkerScope } from "./src/scope.ts";
import { type Post, TaskServer } from "./src/task_server.ts";
import { encodeThrown } from "./src/thrown.ts";

const NativePromise = Promise;

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
  const turn = turns();
  const load = async (url: string) => {
    const module = await awaitable(loaders[url]!());
    // One that exits while it is evaluated goes on until the next turn, which never comes.
    await turn();
    return module;
  };
  const close = scope.close.bind(scope);
  const dying = (thrown: unknown) => {
    try {
      post([DYING, encodeThrown(thrown)]);
    } catch { /* The host learns from the lifeline that this worker died, if not of what. */ }
  };

  let server: TaskServer | undefined;
  seclude(scope, (data) => {
    if (server !== undefined) return server.receive(data as ToWorker);
    const { memory, lifeline, key } = data as Setup;
    server = new TaskServer(load, new Ledger(memory), post, key);
    holdUntilDeath(lifeline, () => post(READY));
    hideLifelines();
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

/** Waits for a later turn of the event loop; a timer would first have to be loaded. */
function turns(): () => Promise<void> {
  const { port1, port2 } = new MessageChannel();
  const arrive = port2.postMessage.bind(port2);
  let arrived: () => void;
  port1.onmessage = () => arrived();
  // Its own: Deno calls what is found by that name.
  port1.dispatchEvent = port1.dispatchEvent.bind(port1);
  return () =>
    awaitable(
      new NativePromise((resolve) => {
        arrived = resolve;
        arrive(0);
      }),
    );
}

/** Holds the lock by which the host sees that this worker lives; Deno releases it at any death. */
function holdUntilDeath(lifeline: string, held: () => void): void {
  locks!.request(lifeline, () => {
    held();
    return new NativePromise<never>(() => {});
  });
}
