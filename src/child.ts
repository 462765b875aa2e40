import { apply } from "./intrinsics.ts";
import { copyForProcess } from "./copy.ts";
import { Ledger } from "./ledger.ts";
import { type Loaders, loadWith } from "./load.ts";
import {
  ALONE,
  BEGUN,
  DYING,
  type FromProcess,
  LOAD,
  type ProcessSetup,
  READY,
  RUN,
  type ToWorker,
} from "./protocol.ts";
import { TaskServer } from "./task_server.ts";
import { encodeThrown } from "./thrown.ts";

/** How often, in ms, a process makes sure that its host is there. */
const INTERVAL = 500;

/** What is used here of Deno's node:process in a process that was started with a channel. */
interface ChannelProcess {
  send?: (message: FromProcess, sent: (error: Error | null) => void) => boolean;
  emit(type: string, ...args: unknown[]): boolean;
  on(type: string, listener: (...args: unknown[]) => void): void;
}

/** The ledger of a process, which it shares with nobody: each result goes in a message. */
class OwnLedger extends Ledger {
  override begin(run: number): boolean {
    this.open(run);
    return super.begin(run);
  }

  override keep(): boolean {
    return false;
  }
}

/**
 * Serves tasks to the executor that started this process.
 *
 * @param loaders How to load each module whose exports are tasks, by its URL.
 * @param host The number of the host's process.
 */
export function serveHost(loaders: Loaders, host: number): void {
  const { process } = globalThis as unknown as { process: ChannelProcess };
  const exit = Deno.exit.bind(Deno);
  const write = process.send!.bind(process);
  const send = (message: FromProcess, sent?: () => void) => {
    // With a callback: without one a channel whose host is gone is an uncaught error.
    write(message, (error) => error === null || error === undefined ? sent?.() : exit(1));
  };
  const load = loadWith(loaders);
  const report = console.error.bind(console);
  let server: TaskServer | undefined;
  let hostKey: number;
  /** What came while a run waits to begin. */
  let waiting: ToWorker[] | undefined;

  const receive = (message: ToWorker | ProcessSetup) => {
    if (server === undefined) {
      hostKey = (message as ProcessSetup).key;
      server = new TaskServer(load, OwnLedger.local(), post);
      return send(READY);
    }
    if ((message as ToWorker)[1] !== hostKey) return;
    if (waiting !== undefined) return void (waiting[waiting.length] = message as ToWorker);
    const [kind, , run] = message as ToWorker;
    if (kind !== RUN && kind !== ALONE && kind !== LOAD) return server.receive(message as ToWorker);
    waiting = [];
    send([BEGUN, run], () => {
      const behind = waiting!;
      waiting = undefined;
      server!.receive(message as ToWorker);
      for (let i = 0; i < behind.length; i++) receive(behind[i]!);
    });
  };
  const post = (message: FromProcess, transfer?: Transferable[]) => {
    send(copyForProcess(message, transfer));
  };
  hide(process, receive);

  const dying = (event: Event, thrown: unknown) => {
    event.preventDefault();
    report("error: Uncaught (in a process)", thrown);
    try {
      send(copyForProcess([DYING, encodeThrown(thrown)]), () => exit(1));
    } catch {
      exit(1);
    }
  };
  addEventListener("error", (event) => dying(event, event.error));
  addEventListener("unhandledrejection", (event) => dying(event, event.reason));
  process.on("disconnect", () => exit(0));
  process.on("error", () => exit(1));
  // The terminal interrupts all processes of a program; when this one ends is the host's affair.
  Deno.addSignalListener("SIGINT", () => {});
  // At once, as in a worker; here Deno would let what is under way go on.
  Object.defineProperty(globalThis, "close", { value: () => exit(0), writable: true });
  watchHost(host);
}

/** Gives what the host says to `receive` alone, and takes from tasks what they could answer with. */
function hide(process: ChannelProcess, receive: (message: ToWorker) => void): void {
  const { emit } = process;
  const emitOthers = (type: string, ...args: unknown[]) =>
    type === "message"
      ? (receive(args[0] as ToWorker), true)
      : apply(emit, process, [type, ...args]);
  Object.defineProperty(process, "emit", { value: emitOthers, enumerable: true });
  Object.defineProperty(process, "send", { value: undefined, enumerable: true });
  // Deno reads the channel only while someone listens.
  process.on("message", () => {});
}

/** Ends this process when its host is gone, even if a task keeps its own thread busy. */
function watchHost(host: number): void {
  const source = `setInterval(() => {
    if (Deno.ppid !== ${host}) Deno.kill(Deno.pid, "SIGKILL");
  }, ${INTERVAL});`;
  new Worker(`data:text/javascript,${encodeURIComponent(source)}`, { type: "module" });
}
