/**
 * The module that runs inside a worker or a process. An executor starts workers and processes from a
 * small generated module, the entry, which imports this module; nothing here is meant to be called by
 * hand. Where a bundler has moved the executor into another file, the executor's option `workerUrl` says
 * where this module is.
 *
 * @module
 */

import { Ledger } from "./src/wire/ledger.ts";
import { loadWith } from "./src/worker/loader.ts";
import {
  DYING,
  LIVES,
  type Post,
  READY,
  type Setup,
  type ToWorker,
  VERSION,
} from "./src/wire/protocol.ts";
import { hideHostMessages, type WorkerScope } from "./src/worker/scope.ts";
import { TaskServer } from "./src/worker/task_server.ts";
import { encodeThrown } from "./src/wire/thrown.ts";
import { now } from "./src/runtime/real_timers.ts";
import { Ending } from "./src/worker/ending.ts";
import { provideCurrentTask } from "./src/wire/under_way.ts";

/**
 * How many uncaught errors a worker reports to its host in a second. Each may end the worker, but the
 * listeners of tasks may handle any number. If a later error ends the worker, the host learns only what
 * Deno says.
 */
const MAX_TOLD_ERRORS = 200;
const SECOND_MS = 1_000;

/**
 * Serves tasks to the executor that started this worker.
 *
 * @param loadModule Loads the module at a URL, whose exports are tasks. This is a function of the entry,
 * which names all such modules: the literal imports of the entry are loaded with the permissions of the
 * program, and not with the permissions of the worker.
 * @param version The version of the executor.
 * @param evaluate Evaluates the source of a function. This is a function of the entry, so that a
 * relative import in the source fails, as nothing is relative to the entry.
 * @throws {Error} If the version of the executor is not the version of this module.
 *
 * @example The module that an executor generates, and starts a worker from
 * ```ts ignore
 * import { serve } from "jsr:@genro/executor@0.1.0/worker";
 *
 * () => [import("file:///app/tasks.ts"), import("file:///app/more_tasks.ts")];
 * const { eval: evaluate } = globalThis;
 * await serve((url) => import(url), "0.1.0", (source) => evaluate(source));
 * ```
 */
export function serve(
  loadModule: (url: string) => Promise<unknown>,
  version: string,
  evaluate: (source: string) => unknown,
): void {
  assertVersion(version);
  const scope = globalThis as unknown as WorkerScope;
  const postMessage = scope.postMessage!.bind(scope);
  // Deno's postMessage() is faster without a second argument.
  const post: Post = (message, transfer) =>
    transfer === undefined ? postMessage(message) : postMessage(message, transfer);
  // Posted now, so that the host goes on meanwhile. No message arrives before this function returns.
  post(READY);
  const load = loadWith(loadModule);
  const close = scope.close.bind(scope);
  const ending = new Ending(close, post);
  const dying = (thrown: unknown) => {
    try {
      post([DYING, encodeThrown(thrown)]);
    } catch { /* The lifeline tells the host of the worker's death, without the cause. */ }
  };

  let server: TaskServer | undefined;
  hideHostMessages(scope, (data) => {
    if (server !== undefined) return server.receive(data as ToWorker);
    const ledger = new Ledger((data as Setup).memory);
    ledger.noteClock();
    server = new TaskServer(load, evaluate, ledger, post, ending);
  });
  provideCurrentTask(() => server?.context);
  const { queueMicrotask } = globalThis;
  let told = 0;
  let since = now();
  const uncaught = (event: Event, thrown: unknown) => {
    // The host accepts only so many messages of a worker without a task.
    if (now() - since > SECOND_MS) {
      told = 0;
      since = now();
    }
    if (told++ >= MAX_TOLD_ERRORS) return;
    dying(thrown);
    // After the listeners of tasks. A worker that dies runs no microtask.
    queueMicrotask(() => {
      if (event.defaultPrevented) post(LIVES);
    });
  };
  scope.addEventListener("error", (event) => uncaught(event, (event as ErrorEvent).error));
  scope.addEventListener(
    "unhandledrejection",
    (event) => uncaught(event, (event as PromiseRejectionEvent).reason),
  );
  scope.addEventListener("messageerror", (event) => {
    // After a message that Deno cannot decode, Deno reads no message.
    dying((event as MessageEvent).data);
    close();
  });
}

/**
 * Serves tasks to the executor that started this process.
 *
 * @param loadModule As for {@linkcode serve}.
 * @param version The version of the executor.
 * @param evaluate As for {@linkcode serve}.
 * @param host The number of the executor's process.
 * @param hasStorage Whether the tasks may use the program's `localStorage`.
 * @param hasPipe Whether the executor reads a pipe, beside the channel of Node's.
 * @returns Resolves when the process is to end. Before, the process must not go on: next it would run
 * the program's own module.
 * @throws {Error} If the version of the executor is not the version of this module.
 *
 * @example The module that an executor generates, and starts a process from
 * ```ts ignore
 * import { serveHost } from "jsr:@genro/executor@0.1.0/worker";
 *
 * () => [import("file:///app/tasks.ts"), import("file:///app/more_tasks.ts")];
 * const { eval: evaluate } = globalThis;
 * await serveHost((url) => import(url), "0.1.0", (source) => evaluate(source), 4242, false, true);
 * ```
 */
export async function serveHost(
  loadModule: (url: string) => Promise<unknown>,
  version: string,
  evaluate: (source: string) => unknown,
  host: number,
  hasStorage: boolean,
  hasPipe: boolean,
): Promise<void> {
  assertVersion(version);
  // Workers do not load this module.
  const child = await import("./src/worker/process_main.ts");
  if (!hasStorage) child.removeStorage();
  await child.serveHost(loadModule, evaluate, host, hasPipe);
}

function assertVersion(version: string): void {
  if (version === VERSION) return;
  throw new Error(
    `This worker.ts is of @genro/executor ${VERSION}, the executor is of ${version}: its ` +
      "workerUrl must be of the same version",
  );
}
