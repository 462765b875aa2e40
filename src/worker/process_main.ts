import { copyForProcess } from "../wire/values/process_copy.ts";
import type { Load } from "./loader.ts";
import {
  DYING,
  type FromWorker,
  type Post,
  READY,
  RETIRE,
  type ToWorker,
} from "../wire/protocol.ts";
import { unref } from "../runtime/unref_worker.ts";
import {
  announceRuns,
  type ChannelProcess,
  HostChannel,
  noteRuns,
  openPipe,
} from "./host_channel.ts";
import { endWhenDone, ignoreSignals, watchHost } from "./process_life.ts";
import { removeInternals } from "./scope.ts";
import { OwnLedger, PipeLedger } from "./own_ledger.ts";
import { TaskServer } from "./task_server.ts";
import { hearUncaught } from "./uncaught.ts";
import { encodeThrown } from "../wire/thrown.ts";
import { provideCurrentTask, whileLoading } from "../wire/under_way.ts";
import type { Evaluate } from "./functions.ts";

/**
 * Serves tasks to the executor that started this process.
 *
 * @param loadModule Loads the module at a URL whose exports are tasks.
 * @param evaluate Evaluates the source of a function.
 * @param host The number of the host's process.
 * @param hasPipe Whether the host reads a pipe: see wire/records.ts.
 * @returns Resolves when Deno may end the process as soon as nothing is left to do.
 */
export function serveHost(
  loadModule: Load,
  evaluate: Evaluate,
  host: number,
  hasPipe: boolean,
): Promise<void> {
  const { process } = globalThis as unknown as { process: ChannelProcess };
  const exit = Deno.exit.bind(Deno);
  const retired = Promise.withResolvers<void>();
  let isRetiring = false;
  const onEnd = (code: number) => {
    // A process that retires ends by itself.
    if (!isRetiring) exit(code);
  };
  const channel = new HostChannel(process, (message) => receive(message), onEnd);
  const pipe = hasPipe ? openPipe(process, onEnd) : undefined;
  const { send } = pipe ?? channel;
  const post: Post = Object.assign(
    (message: FromWorker, transfer?: Transferable[]) => send(copyForProcess(message, transfer)),
    { writes: true } as const,
  );
  const load = (url: string) => loadWithHint(url, loadModule);
  const ledger = pipe === undefined
    ? new OwnLedger()
    : new PipeLedger(pipe.records, (claimed) => watch?.postMessage(claimed));
  const server = new TaskServer(load, evaluate, ledger, post);
  const take = (message: ToWorker) => {
    if (message[0] !== RETIRE) return server.receive(message);
    isRetiring = true;
    channel.close();
    if (watch !== undefined) unref(watch);
    endWhenDone(exit).then(retired.resolve);
  };
  const receive = ledger instanceof PipeLedger
    ? noteRuns(send, ledger, take)
    : announceRuns(channel, take);
  removeInternals();
  provideCurrentTask(() => server.context);
  hearUncaught(process, dieOf(send, exit));
  ignoreSignals();
  // At once, as in a worker; here Deno would let tasks and timers go on.
  Object.defineProperty(globalThis, "close", { value: () => exit(0), writable: true });
  const watch = watchHost(host);
  // Not before: from now on no signal to all of the program ends this process.
  send(READY);
  return retired.promise;
}

/** Ends this process of an error that nobody has caught, and tells the host of the error. */
function dieOf(send: HostChannel["send"], exit: (code: number) => void): (thrown: unknown) => void {
  const report = console.error.bind(console);
  return (thrown) => {
    report("error: Uncaught (in a process)", thrown);
    try {
      send(copyForProcess([DYING, encodeThrown(thrown)]), () => exit(1));
    } catch {
      exit(1);
    }
  };
}

/** The words of Deno where a module needs a flag that the program may have been started with. */
const FLAG_IS_MISSING =
  /not prefixed with|import map|not a dependency|certificate|--(?:unstable|cached|no|node|vendor)-/;

/**
 * Loads a module. A module that exits while it is evaluated ends a process at once, so that nobody
 * has to wait for another turn, as in a worker.
 *
 * @throws The error of the module, with a hint if a flag of the program would explain the error: a
 * process has none of these flags.
 */
async function loadWithHint(url: string, loadModule: Load): Promise<unknown> {
  try {
    return await whileLoading(url, () => loadModule(url));
  } catch (error) {
    try {
      if (FLAG_IS_MISSING.test((error as Error).message)) {
        (error as Error).message +=
          "; a process does not have its program's flags: name those that its tasks need in the " +
          'option args of its pool, as in ["--import-map=map.json"]';
      }
    } catch { /* It is no error of Deno's. */ }
    throw error;
  }
}

/**
 * Takes the program's `localStorage` from tasks. It needs no permission, and all processes of a
 * program have the same.
 */
export function removeStorage(): void {
  Reflect.deleteProperty(globalThis, "localStorage");
}
