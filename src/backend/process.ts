import type { Backend, BackendEvents } from "./backend.ts";
import { type ListFile, useListFile } from "./list_file.ts";
import { type ModuleList, moduleList } from "./module_list.ts";
import { processCommand } from "./process_command.ts";
import { isEndOfGroup, type ProcessEnd, whyEnded } from "./process_end.ts";
import { environmentFor } from "./process_environment.ts";
import { ProcessLedger } from "./process_ledger.ts";
import {
  closeHandle,
  deserialize,
  newChildProcess,
  spawn,
  type SpawnedProcess,
  whyNotStarted,
} from "./process_spawn.ts";
import { workingDirectoryFault } from "./working_directory.ts";
import { WorkerStartError } from "../api/errors.ts";
import { clearTimeout, setTimeout, type Timer } from "../runtime/real_timers.ts";
import type { PoolSettings } from "../settings/settings.ts";
import { modules } from "../tasks/modules.ts";
import {
  ABORT,
  ALONE,
  BEGUN,
  DONE,
  FAILED,
  KEPT,
  LOAD,
  READY,
  RETIRE,
  RUN,
  type ToWorker,
} from "../wire/protocol.ts";
import { lastRunOf } from "../wire/calls.ts";
import * as records from "../wire/records.ts";
import { runsBetween } from "../wire/ledger.ts";
import { copyForProcess } from "../wire/values/process_copy.ts";

/** What is used here of the pipe of a process. */
interface Socket {
  on(event: "data", listener: (chunk: Uint8Array) => void): void;
  on(event: string, listener: () => void): void;
  write(bytes: Uint8Array): void;
  destroy(): void;
  unref(): void;
}

/** How long, in ms, an idle process may take to end what its tasks have left under way. */
const FLUSH_MS = 500;
/** How often a process is started that a signal ends while the process starts. */
const MAX_STARTS = 5;
/** After how many ms without a message a process that has ended is thought to have sent no more. */
const QUIET_MS = 3;
/** Standard input as a module; Windows has no path for standard input. */
const STDIN_URL = Deno.build.os === "windows" ? undefined : "file:///dev/stdin";

/** The pipe of this descriptor. */
function pipeOf(child: SpawnedProcess, descriptor: number): Socket | undefined {
  return (child.stdio as unknown as (Socket | null | undefined)[])[descriptor] ?? undefined;
}

/**
 * A subprocess that runs Deno. Unlike a worker, a process dies when it is told to, whatever it
 * does.
 */
export class ProcessBackend implements Backend {
  readonly ledger = new ProcessLedger();
  readonly queues = false;
  readonly knowsBegun = false;
  /** A process with a pipe takes runs ahead: the pipe tells which run began before a death. */
  get looksAhead(): boolean {
    return this.#isPiped && this.#isRecallable;
  }
  readonly clone = copyForProcess;
  readonly listed = modules.length;
  readonly #settings: PoolSettings;
  readonly #server: string;
  readonly #events: BackendEvents;
  readonly #gone = Promise.withResolvers<void>();
  readonly gone = this.#gone.promise;
  /** The latest process: another one takes the place of a process that a signal has ended early. */
  #child: SpawnedProcess;
  #starts = 0;
  /** The file with the list of modules, until the process is ready. */
  #listFile: ListFile | undefined;
  /** Passes on the last output of the process, if its output is passed on. */
  #endOutput: (() => Promise<void>) | undefined;
  /** Whether the process keeps the program alive. */
  #engaged = true;
  /** Whether the process has said that it takes tasks. */
  #ready = false;
  /** Whether the process was told to end. */
  #terminated = false;
  #hasEnded = false;
  /** Whether the channel is open. */
  #connected = true;
  /** Whether the pipe is open, into which the process writes records in place of messages. */
  #isPiped = false;
  /** Whether the process has a thread that gives runs back. */
  #isRecallable = false;
  /** The last run that the process is asked back, until the process answers. */
  #asked: number | undefined;
  /** The run that the process had claimed last when it gave runs back, until the run has begun. */
  #lastClaimed: number | undefined;
  /** Whether the records that were read say of results that the member was not told of. */
  #hasResults = false;
  /** How many messages have arrived. */
  #heard = 0;
  /** Kills the process if it does not end by itself. */
  #killer: Timer | undefined;
  /** Why the process was killed, if not because its member wanted that. */
  #fault: string | undefined;

  /**
   * Starts a process.
   *
   * @param server The URL of worker.ts.
   */
  constructor(settings: PoolSettings, server: string, events: BackendEvents) {
    this.#settings = settings;
    this.#server = server;
    this.#events = events;
    this.#child = this.#start();
  }

  // The start.

  #start(): SpawnedProcess {
    this.#starts++;
    this.#connected = true;
    this.#isPiped = false;
    this.#isRecallable = false;
    const child = newChildProcess();
    this.#listen(child);
    const list = moduleList("process");
    if (list.isShort) this.#spawn(child, list, list.source);
    else if (STDIN_URL !== undefined) {
      this.#spawn(child, list, `import "${STDIN_URL}";`, list.source);
    } else this.#spawnLater(child, list);
    return child;
  }

  /**
   * Starts a process now.
   *
   * @param naming The statement that names the list of modules.
   * @param input The text that the process reads from its standard input.
   */
  #spawn(child: SpawnedProcess, list: ModuleList, naming: string, input?: string): void {
    const command = processCommand(this.#settings, this.#server, list, naming);
    this.#endOutput = spawn(child, this.#settings, command, input);
    this.#listenToPipe(child);
  }

  /** Starts a process once the list of its modules is in a file. */
  async #spawnLater(child: SpawnedProcess, list: ModuleList): Promise<void> {
    const before = this.#listFile;
    try {
      this.#listFile = useListFile(list.source);
      before?.release();
      const url = await this.#listFile.url;
      if (this.#terminated) return this.#end("it was ended before its process started");
      this.#spawn(child, list, `() => import(${JSON.stringify(url)});`);
      if (!this.#engaged) child.unref();
    } catch (error) {
      const { message } = error as Error;
      this.#end(
        error instanceof WorkerStartError ? message : `its process did not start: ${message}`,
      );
    }
  }

  /**
   * Starts another process if a signal to all of the program ended this process before it could
   * ignore the signal.
   */
  #startAgain(end: ProcessEnd): boolean {
    if (
      this.#ready || this.#terminated || this.#starts === MAX_STARTS ||
      !isEndOfGroup(end)
    ) return false;
    if (this.#child.connected) this.#child.disconnect();
    this.#stopKiller();
    this.#fault = undefined;
    this.#child = this.#start();
    return true;
  }

  // What the process does.

  #listen(child: SpawnedProcess): void {
    child.on("message", (message, handle: unknown) => {
      // No process of this package passes a handle on.
      if (handle !== undefined) closeHandle(handle);
      this.#receive(handle === undefined ? message : "a handle");
    });
    // Node's own words between processes.
    child.on("internalMessage", () => this.#receive("an internal message"));
    child.on("disconnect", () => {
      if (child !== this.#child) return;
      this.#connected = false;
      if (this.#killer === undefined && !this.#hasEnded) {
        this.#killLater("it closed its channel and went on");
      }
    });
    child.on("error", (error) => this.#fail(child, error));
    child.on("exit", (code, signal) => {
      if (!this.#startAgain({ code, signal })) this.#die({ code, signal });
    });
  }

  /** Reads the records of a process, if the process has a pipe. */
  #listenToPipe(child: SpawnedProcess): void {
    const pipe = pipeOf(child, records.PIPE_FD);
    if (pipe === undefined) return;
    const reader = new records.RecordReader({
      onRecord: (kind, run, value) => this.#note(kind, run, value),
      onResult: (run, result) => {
        if (this.ledger.keep(run, result)) this.#hasResults = true;
        else this.#receive([DONE, run, result]);
      },
      onMessage: (message) => this.#receive(message),
      onBroken: (why) => this.#receive(why),
    }, deserialize);
    pipe.on("data", (chunk) => {
      if (child !== this.#child) return;
      this.#heard++;
      reader.read(chunk);
      this.#tellResults();
    });
    const onEnd = () => {
      if (child === this.#child) this.#isPiped = false;
    };
    for (const type of ["end", "close", "error"]) pipe.on(type, onEnd);
    // The process itself keeps the program alive.
    pipe.unref();
    this.#listenForRecalls(child);
  }

  /** Reads the answers to `askBack()`. */
  #listenForRecalls(child: SpawnedProcess): void {
    const pipe = pipeOf(child, records.RECALL_FD);
    if (pipe === undefined) return;
    const answer = new Uint8Array(4);
    let size = 0;
    pipe.on("data", (chunk) => {
      if (child !== this.#child) return;
      for (const byte of chunk) {
        answer[size++ % 4] = byte;
        if (size % 4 > 0) continue;
        if (this.#asked === undefined) {
          this.#isRecallable = true;
          continue;
        }
        [this.#lastClaimed] = new Int32Array(answer.buffer);
        this.#takeGivenBack();
      }
    });
    pipe.on("error", () => {});
    pipe.unref();
  }

  /**
   * The process has given back the runs after the run that it had claimed last. The record of the last
   * claimed run may still be on its way.
   */
  #takeGivenBack(): void {
    const [claimed, asked] = [this.#lastClaimed, this.#asked];
    if (claimed === undefined || asked === undefined) return;
    const last = runsBetween(claimed, asked) > 0 ? claimed : asked;
    if (runsBetween(this.ledger.claimed, last) > 0) return;
    this.#lastClaimed = this.#asked = undefined;
    this.#events.onGivenBack();
  }

  /** Notes a record. The member refuses what does not fit. */
  #note(kind: number, run: number, value: number): void {
    switch (kind) {
      case records.HERE:
        this.#isPiped = true;
        return this.#receive(READY);
      case records.BEGINS:
        if (this.ledger.begin(run)) this.#takeGivenBack();
        else this.#receive([BEGUN, run]);
        return;
      case records.DROPPED:
        if (!this.ledger.begin(run)) return this.#receive([BEGUN, run]);
        this.#hasResults = this.ledger.keep(run, undefined);
        return this.#takeGivenBack();
      case records.TOOK:
        return this.ledger.time(run, value);
    }
  }

  #tellResults(): void {
    if (!this.#hasResults) return;
    this.#hasResults = false;
    this.#events.onMessage(KEPT);
  }

  /** Notes what a message says of a run, and passes the message on. */
  #receive(message: unknown): void {
    this.#heard++;
    // Results before the message come before the message.
    this.#tellResults();
    if (message === READY) {
      this.#ready = true;
      this.#listFile?.release();
    }
    if (Array.isArray(message)) {
      const [kind, run] = message;
      // The member refuses a message that does not fit.
      if (kind === BEGUN && this.ledger.begin(run)) return;
      if (kind === DONE || kind === FAILED) this.ledger.end(run);
    }
    this.#events.onMessage(message);
  }

  /** The process did not start, or has sent a message that cannot be read. */
  #fail(child: SpawnedProcess, error: Error): void {
    if (child.pid === undefined) {
      const environment = environmentFor(this.#settings.permissions);
      const why = whyNotStarted(error, child, environment);
      return this.#end(`its process did not start: ${why}`);
    }
    // Nothing that comes after such a message can be read.
    this.#fault ??= `it sent what cannot be read: ${error.message}`;
    child.kill("SIGKILL");
  }

  // What the member wants.

  post(message: ToWorker, transfer?: Transferable[]): void {
    let copy: ToWorker;
    try {
      copy = copyForProcess(message, transfer);
    } catch (error) {
      // The reason cannot be sent: the task is not told, and ends with its process.
      if (message[0] === ABORT) return;
      throw error;
    }
    switch (message[0]) {
      case RUN:
      case ALONE:
        this.ledger.noteSent(lastRunOf(message));
        break;
      case LOAD:
        this.ledger.noteSentLoad(message[1]);
    }
    this.#send(copy);
  }

  #send(message: unknown): void {
    // With a callback: without one, a broken channel is an "error". Its end is told anyway.
    if (this.#child.connected) this.#child.send(message as object, () => {});
  }

  askBack(last: number): boolean {
    this.#asked = last;
    pipeOf(this.#child, records.RECALL_FD)?.write(new Uint8Array(Int32Array.of(last).buffer));
    return true;
  }

  engage(engaged: boolean): void {
    this.#engaged = engaged;
    try {
      if (engaged) this.#child.ref();
      else this.#child.unref();
    } catch {
      // For a moment Deno has forgotten a process that has ended, and has not told of its end.
    }
  }

  // The end.

  terminate(): void {
    this.#terminated = true;
    this.#child.kill("SIGKILL");
  }

  retire(): number {
    this.#send([RETIRE] satisfies ToWorker);
    this.#stopKiller();
    this.#killLater();
    return FLUSH_MS;
  }

  /** Kills the process if it does not end by itself. */
  #killLater(fault?: string): void {
    this.#killer = setTimeout(() => {
      this.#fault ??= fault;
      this.terminate();
    }, FLUSH_MS);
    Deno.unrefTimer(this.#killer);
  }

  #stopKiller(): void {
    if (this.#killer !== undefined) clearTimeout(this.#killer);
    this.#killer = undefined;
  }

  /** The process has ended. Messages that it had sent still arrive. */
  async #die(end: ProcessEnd): Promise<void> {
    this.#hasEnded = true;
    this.#stopKiller();
    this.#events.onDying();
    // Node tells of the end of a channel only if all of the channel was read.
    for (let quiet = 0; (this.#connected || this.#isPiped) && quiet < QUIET_MS;) {
      const heard = this.#heard;
      await new Promise<void>((resolve) => setTimeout(resolve, 1));
      quiet = heard === this.#heard ? quiet + 1 : 0;
    }
    this.#end(whyEnded(end, this.#fault), end);
  }

  #end(why: string, end?: ProcessEnd): void {
    // Or an older Deno keeps a channel that was not read to its end.
    if (this.#child.connected) this.#child.disconnect();
    // A program started by the process may hold the other ends, and go on.
    for (const fd of [records.PIPE_FD, records.RECALL_FD]) pipeOf(this.#child, fd)?.destroy();
    const fault = this.#ready ? undefined : workingDirectoryFault();
    this.#events.onEnd(fault === undefined ? why : `${why}: ${fault}`, end);
    Promise.allSettled([this.#endOutput?.(), this.#listFile?.release()])
      .then(() => this.#gone.resolve());
  }
}
