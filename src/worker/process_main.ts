import { copyForProcess } from "../wire/values/process_copy.ts";
import type { Load } from "./loader.ts";
import {
  ALONE,
  BEGUN,
  DYING,
  type FromProcess,
  LOAD,
  READY,
  RETIRE,
  RUN,
  type ToWorker,
} from "../wire/protocol.ts";
import { unref } from "../runtime/unref_worker.ts";
import { removeInternals } from "./scope.ts";
import { OwnLedger } from "./own_ledger.ts";
import { TaskServer } from "./task_server.ts";
import { encodeThrown } from "../wire/thrown.ts";
import { setTimeout } from "../runtime/real_timers.ts";
import { whileLoading } from "../wire/loading.ts";
import { provideCurrentTask } from "../wire/current_task.ts";
import type { Evaluate } from "../wire/evaluator.ts";

const isWindows = Deno.build.os === "windows";

/** How often, in ms, a process makes sure that its host is there. */
const WATCH_INTERVAL_MS = 500;
/** How long, in ms, an older Deno goes on that cannot tell when there is nothing left to do. */
const BLIND_FLUSH_MS = 50;
/**
 * The signals that may be meant for the host, though its processes get them, too: a terminal or a
 * service manager sends them to all. When a process ends is the host's affair.
 */
const IGNORED_SIGNALS: readonly Deno.Signal[] = isWindows
  ? ["SIGINT", "SIGBREAK", "SIGHUP"]
  : ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"];

/** What is used here of Deno's node:process in a process that was started with a channel. */
interface ChannelProcess {
  send?: (message: FromProcess, sent: (error: Error | null) => void) => boolean;
  emit(type: string, ...args: unknown[]): boolean;
  on(type: string, listener: (...args: unknown[]) => void): void;
  disconnect(): void;
  listenerCount(type: string): number;
}

/**
 * Serves tasks to the executor that started this process.
 *
 * @param loadModule Loads the module at a URL whose exports are tasks.
 * @param evaluate Evaluates the source of a function.
 * @param host The number of the host's process.
 * @returns Resolves when Deno may end the process as soon as nothing is left to do.
 */
export function serveHost(loadModule: Load, evaluate: Evaluate, host: number): Promise<void> {
  const { process } = globalThis as unknown as { process: ChannelProcess };
  const exit = Deno.exit.bind(Deno);
  const write = process.send!.bind(process);
  const disconnect = process.disconnect.bind(process);
  const send = (message: FromProcess, sent?: () => void) => {
    // With a callback: without one a channel whose host is gone is an uncaught error.
    write(message, (error) => error === null || error === undefined ? sent?.() : end(1));
  };
  // An exit ends a process at once: nobody has to wait for another turn, as in a worker.
  const load = async (url: string) => {
    try {
      return await whileLoading(url, () => loadModule(url));
    } catch (error) {
      throw withHint(error);
    }
  };
  const report = console.error.bind(console);
  const retired = Promise.withResolvers<void>();
  let isRetiring = false;
  /** Ends the process, unless it ends by itself. */
  const end = (code: number) => {
    if (!isRetiring) exit(code);
  };
  /** What came while a run waits to begin. */
  let waiting: ToWorker[] | undefined;

  const post = (message: FromProcess, transfer?: Transferable[]) => {
    send(copyForProcess(message, transfer));
  };
  const server = new TaskServer(load, evaluate, new OwnLedger(), post);
  const receive = (message: ToWorker) => {
    if (waiting !== undefined) return void waiting.push(message);
    const [kind, run] = message;
    if (kind === RETIRE) {
      isRetiring = true;
      disconnect();
      if (watch !== undefined) unref(watch);
      return endWhenDone(exit).then(retired.resolve);
    }
    if (kind !== RUN && kind !== ALONE && kind !== LOAD) return server.receive(message);
    waiting = [];
    send([BEGUN, run], () => {
      const behind = waiting!;
      waiting = undefined;
      server.receive(message);
      for (const next of behind) receive(next);
    });
  };
  hideHostMessages(process, receive);
  removeInternals();
  provideCurrentTask(() => server.context);

  const dying = (thrown: unknown) => {
    report("error: Uncaught (in a process)", thrown);
    try {
      send(copyForProcess([DYING, encodeThrown(thrown)]), () => exit(1));
    } catch {
      exit(1);
    }
  };
  hearUncaught<ErrorEvent>(
    "error",
    (event) => new ErrorEvent("error", event),
    ({ error }) => dying(error),
  );
  hearUncaught<PromiseRejectionEvent>(
    "unhandledrejection",
    (event) => new PromiseRejectionEvent("unhandledrejection", event),
    ({ reason }) => dying(reason),
    // Deno asks Node's part of it when no listener has handled a rejection.
    () => process.listenerCount("unhandledRejection") + process.listenerCount("uncaughtException"),
  );
  process.on("disconnect", () => end(0));
  process.on("error", () => end(1));
  for (const signal of IGNORED_SIGNALS) Deno.addSignalListener(signal, () => {});
  // At once, as in a worker; here Deno would let what is under way go on.
  Object.defineProperty(globalThis, "close", { value: () => exit(0), writable: true });
  const watch = watchHost(host);
  // Now that no signal to all of the program ends this process.
  send(READY);
  return retired.promise;
}

/**
 * Has Deno end this process when nothing is left to do. It does so when the modules have ended that
 * it was told to run: what it loads from now on, which would be the program's own, is empty.
 */
async function endWhenDone(exit: (code: number) => void): Promise<void> {
  const { registerHooks } = await import("node:module") as unknown as {
    registerHooks?: (hooks: { load(): object }) => void;
  };
  if (registerHooks === undefined) {
    setTimeout(() => exit(0), BLIND_FLUSH_MS);
    return await new Promise(() => {});
  }
  registerHooks({ load: () => ({ format: "module", source: "", shortCircuit: true }) });
}

/** What Deno says where a module needs a flag that the program may have been started with. */
const FLAG_IS_MISSING =
  /not prefixed with|import map|not a dependency|certificate|--(?:unstable|cached|no|node|vendor)-/;

/** Says with an error that a process has not got the program's flags, if they would explain it. */
function withHint(error: unknown): unknown {
  try {
    if (FLAG_IS_MISSING.test((error as Error).message)) {
      (error as Error).message +=
        "; a process does not have its program's flags: name those that its tasks need in the " +
        'option args of its pool, as in ["--import-map=map.json"]';
    }
  } catch { /* It is no error of Deno's. */ }
  return error;
}

/**
 * Calls `die` for an error that nobody caught, unless a listener of a task handles the error. Ours
 * was there first, and must keep this process alive until the host has been told: so the others
 * are asked with a copy of the event.
 */
function hearUncaught<E extends Event>(
  type: string,
  copyOf: (event: E) => Event,
  die: (event: E) => void,
  countLater: () => number = () => 0,
): void {
  let copy: Event | undefined;
  addEventListener(type, (event) => {
    if (event === copy) return;
    event.stopImmediatePropagation();
    const outer = copy;
    copy = copyOf(event as E);
    const handled = !dispatchEvent(copy);
    copy = outer;
    if (handled) event.preventDefault();
    else if (countLater() === 0) {
      event.preventDefault();
      die(event as E);
    }
  });
}

/**
 * Gives what the host says to `receive`, and to nobody else: the module of a task may serve messages
 * of its own where it is a process's main module. Libraries such as signal-exit replace `emit`, too.
 */
function hideHostMessages(process: ChannelProcess, receive: (message: ToWorker) => void): void {
  const { emit } = process;
  process.emit = (type, ...args) =>
    type === "message" && isFromHost(args[0])
      ? (receive(args[0]), true)
      : emit.call(process, type, ...args);
  // No error: such a module may say that it is ready while it is loaded.
  process.send = () => true;
  // Deno reads the channel only while someone listens.
  process.on("message", () => {});
}

/** Whether a message is the host's, and none that is emitted within this process. */
function isFromHost(message: unknown): message is ToWorker {
  return Array.isArray(message) && typeof message[0] === "number";
}

/**
 * Ends this process when its host is gone, even if a task keeps its own thread busy.
 *
 * On Windows the kernel ends it: Deno puts each process that it starts into a job, which the kernel
 * ends with the last handle to the job. The host has the only one. `Deno.ppid` would be of no use:
 * it goes on naming a host that is gone.
 *
 * @see {@link https://github.com/denoland/deno/blob/v2.9.6/runtime/subprocess_windows/src/process.rs}
 * @see {@link https://github.com/denoland/deno/blob/v2.9.6/runtime/ops/runtime.rs}
 */
function watchHost(host: number): Worker | undefined {
  if (isWindows) return;
  const source = `setInterval(() => {
    if (Deno.ppid !== ${host}) Deno.kill(Deno.pid, "SIGKILL");
  }, ${WATCH_INTERVAL_MS});`;
  return new Worker(`data:text/javascript,${encodeURIComponent(source)}`, { type: "module" });
}

/**
 * Takes the program's `localStorage` from tasks. It needs no permission, and all processes of a
 * program have the same.
 */
export function removeStorage(): void {
  Reflect.deleteProperty(globalThis, "localStorage");
}
