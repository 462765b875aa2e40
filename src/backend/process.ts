import type { ChildProcess } from "node:child_process";
import { misfit, tooLong } from "./command_line.ts";
import { entry } from "./entry.ts";
import { assertImportable, importHost } from "./import_hosts.ts";
import { type ListFile, useListFile } from "./list_file.ts";
import { type ModuleList, moduleList, remoteModules } from "./module_list.ts";
import { isEndOfGroup, type ProcessEnd, whyEnded } from "./process_end.ts";
import {
  assertPassed,
  coveredVariables,
  environmentFor,
  learnEnvironment,
  variableOf,
} from "./process_environment.ts";
import { passOutput } from "./process_output.ts";
import { workingDirectoryFault } from "./working_directory.ts";
import { copyForProcess } from "../wire/values/process_copy.ts";
import { stateOf } from "../runtime/permission_states.ts";
import { WorkerStartError } from "../api/errors.ts";
import type { PoolSettings } from "../settings/settings.ts";
import { learnDenials, permissionFlags } from "./process_flags.ts";
import {
  ABORT,
  ALONE,
  BEGUN,
  DONE,
  FAILED,
  LOAD,
  READY,
  RETIRE,
  RUN,
  type ToWorker,
} from "../wire/protocol.ts";
import { modules } from "../tasks/modules.ts";
import { ProcessLedger } from "./process_ledger.ts";
import type { Backend, BackendEvents } from "./backend.ts";
import { clearTimeout, setTimeout, type Timer } from "../runtime/real_timers.ts";

/** How long, in ms, an idle process may take to end what its tasks have left under way. */
const FLUSH_MS = 500;
/** How often a process is started that a signal ends while it starts. */
const MAX_STARTS = 5;
const V8_FLAGS = "--v8-flags=";
/** The standard input of a process, as a module; Windows has no path for standard input. */
const STDIN_URL = Deno.build.os === "windows" ? undefined : "file:///dev/stdin";
/** Keeps what a process loads from being run when it is to end; see worker/process_main.ts. */
const NOTHING = "data:text/javascript,Deno.exit()";

/** Node's class as it is here: `spawn()` takes the whole environment, and asks for nothing else. */
interface SpawnedProcess extends ChildProcess {
  spawn(options: SpawnOptions): void;
}

interface SpawnOptions {
  __proto__: null;
  file: string;
  args: string[];
  envPairs: string[];
  stdio: ["ignore" | "pipe", Output, Output, "ipc"];
  serialization: "advanced";
}

/** What becomes of what a process prints; a process that gets all of the program's permissions prints itself. */
type Output = "inherit" | "pipe" | "ignore";

/** Node's part of Deno is loaded when it is needed. */
let Child: new () => SpawnedProcess;

/**
 * Checks that this platform can start processes, and that this program may.
 *
 * @throws {WorkerStartError} If it cannot.
 */
export async function assertProcesses(settings: PoolSettings, server: string): Promise<void> {
  const { permissions } = settings;
  if (Deno.build.standalone) {
    throw new WorkerStartError(
      "Cannot start processes: a compiled program has no Deno to run them with; use " +
        '{ isolation: "worker" }',
    );
  }
  const command = Deno.execPath();
  if (stateOf("run", command).state !== "granted") {
    throw new WorkerStartError(
      `Cannot start processes: this program may not run Deno; expected --allow-run=${command}`,
    );
  }
  const fault = workingDirectoryFault();
  if (fault !== undefined) throw new WorkerStartError(`Cannot start processes: ${fault}`);
  assertImportable(server);
  await Promise.all([learnEnvironment(permissions), learnDenials(permissions)]);
  const environment = environmentFor(permissions);
  const long = misfit(commandLine(settings, server, environment, moduleList("process"), ""));
  if (long !== undefined) throw notStarted(long);
  assertPassed(environment);
  try {
    ({ ChildProcess: Child } = await import("node:child_process") as unknown as {
      ChildProcess: typeof Child;
    });
  } catch (cause) {
    throw new WorkerStartError("Cannot start processes: this platform has none", { cause });
  }
  if (!("spawn" in Child.prototype)) {
    throw new WorkerStartError(
      `Cannot start processes: Deno ${Deno.version.deno} cannot give them a channel for all that ` +
        'is cloned; 2.6 can, or use { isolation: "worker" }',
    );
  }
}

/** A subprocess that runs Deno. It dies when it is told to, whatever it does. */
export class ProcessBackend implements Backend {
  readonly ledger = new ProcessLedger();
  readonly queues = false;
  readonly clone = copyForProcess;
  readonly listed = modules.length;
  readonly #settings: PoolSettings;
  readonly #server: string;
  readonly #events: BackendEvents;
  readonly #gone = Promise.withResolvers<void>();
  readonly gone = this.#gone.promise;
  #child: SpawnedProcess;
  /** Whether the process keeps the program alive. */
  #engaged = true;
  /** The file with the list of modules, until the process is ready. */
  #listFile: ListFile | undefined;
  /** How often it was started. */
  #starts = 0;
  /** Passes on the last that it has printed, if this side passes that on. */
  #endOutput: (() => Promise<void>) | undefined;
  /** Whether it takes tasks, and whether it was told to end. */
  #ready = false;
  #terminated = false;
  /** Kills it if it does not end by itself. */
  #killer: Timer | undefined;
  /** How many messages have arrived. */
  #heard = 0;
  #connected = true;
  #hasEnded = false;
  /** Why it was killed, if not because its member wanted that. */
  #fault: string | undefined;

  constructor(settings: PoolSettings, server: string, events: BackendEvents) {
    this.#settings = settings;
    this.#server = server;
    this.#events = events;
    this.#child = this.#start();
  }

  #start(): SpawnedProcess {
    this.#starts++;
    this.#connected = true;
    const child = new Child();
    child.on("message", (message, handle: unknown) => {
      // No process of this package passes a handle on.
      if (handle !== undefined) close(handle);
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
    child.on("error", (error) => {
      if (child.pid === undefined) {
        return this.#end(`its process did not start: ${this.#whyNot(error, child)}`);
      }
      // Nothing that comes after such a message can be read.
      this.#fault ??= `it sent what cannot be read: ${error.message}`;
      child.kill("SIGKILL");
    });
    child.on("exit", (code, signal) => {
      if (!this.#startAgain({ code, signal })) this.#die({ code, signal });
    });
    const list = moduleList("process");
    if (list.isShort) this.#spawn(child, list, list.source);
    else if (STDIN_URL !== undefined) {
      this.#spawn(child, list, `import "${STDIN_URL}";`, list.source);
    } else this.#spawnLater(child, list);
    return child;
  }

  /** Starts the process once the list of its modules is in a file. */
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
   * Starts the process.
   *
   * @param naming The statement that names the list of its modules.
   * @param input What the process reads from its standard input.
   */
  #spawn(child: SpawnedProcess, list: ModuleList, naming: string, input?: string): void {
    const { permissions } = this.#settings;
    const output = outputOf(this.#settings);
    const environment = environmentFor(permissions);
    const args = commandLine(this.#settings, this.#server, environment, list, naming);
    const long = misfit(args);
    if (long !== undefined) throw notStarted(long);
    const options: SpawnOptions = {
      // Or Node finds options on `Object.prototype`, such as a `cwd`.
      __proto__: null,
      file: args[0]!,
      args,
      envPairs: pairsOf(environment),
      stdio: [input === undefined ? "ignore" : "pipe", output, output, "ipc"],
      serialization: "advanced",
    };
    child.spawn(options);
    // A process that could not be started has no output; the "error" of it is still to come.
    if (output === "pipe" && child.pid !== undefined) this.#endOutput = passOutput(child);
    // An error: the process has ended, which its "exit" tells.
    child.stdin?.on("error", () => {}).end(input);
    if (child.spawnargs.some((arg) => arg === "-A" || arg === "--allow-all")) {
      child.removeAllListeners();
      child.kill("SIGKILL");
      throw new WorkerStartError("Cannot start a process: Deno would grant it all permissions");
    }
  }

  /** Why a process was not started. */
  #whyNot(error: Error, { spawnargs }: SpawnedProcess): string {
    const environment = pairsOf(environmentFor(this.#settings.permissions));
    return tooLong(error, spawnargs, environment) ?? error.message;
  }

  /** Starts the process again if a signal to all of the program came before it could ignore that. */
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

  post(message: ToWorker, transfer?: Transferable[]): void {
    let copy: ToWorker;
    try {
      copy = copyForProcess(message, transfer);
    } catch (error) {
      // A reason that cannot be sent: the task is not told, and ends with its process.
      if (message[0] === ABORT) return;
      throw error;
    }
    switch (message[0]) {
      case RUN:
      case ALONE:
        this.ledger.noteSent(message[1]);
        break;
      case LOAD:
        this.ledger.noteSentLoad(message[1]);
    }
    this.#send(copy);
  }

  #send(message: unknown): void {
    // With a callback: without one a channel that is broken is an "error", which its end tells.
    if (this.#child.connected) this.#child.send(message as object, () => {});
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

  #stopKiller(): void {
    if (this.#killer !== undefined) clearTimeout(this.#killer);
    this.#killer = undefined;
  }

  /** Kills the process if it does not end by itself. */
  #killLater(fault?: string): void {
    this.#killer = setTimeout(() => {
      this.#fault ??= fault;
      this.terminate();
    }, FLUSH_MS);
    Deno.unrefTimer(this.#killer);
  }

  /** Notes what a message says of a run, and passes the message on. */
  #receive(message: unknown): void {
    this.#heard++;
    if (message === READY) {
      this.#ready = true;
      this.#listFile?.release();
    }
    if (Array.isArray(message)) {
      const [kind, run] = message;
      // The member refuses what does not fit.
      if (kind === BEGUN && this.ledger.begin(run)) return;
      if (kind === DONE || kind === FAILED) this.ledger.end(run);
    }
    this.#events.onMessage(message);
  }

  async #die(end: ProcessEnd): Promise<void> {
    this.#hasEnded = true;
    this.#stopKiller();
    this.#events.onDying();
    // What it had sent still arrives; that it is disconnected is not said if it had not read all.
    for (let quiet = 0; this.#connected && quiet < 3;) {
      const heard = this.#heard;
      await new Promise<void>((resolve) => setTimeout(resolve, 1));
      quiet = heard === this.#heard ? quiet + 1 : 0;
    }
    this.#end(whyEnded(end, this.#fault), end);
  }

  #end(why: string, end?: ProcessEnd): void {
    // Or an older Deno keeps a channel that was not read to its end.
    if (this.#child.connected) this.#child.disconnect();
    const fault = this.#ready ? undefined : workingDirectoryFault();
    this.#events.onEnd(fault === undefined ? why : `${why}: ${fault}`, end);
    Promise.allSettled([this.#endOutput?.(), this.#listFile?.release()])
      .then(() => this.#gone.resolve());
  }
}

/** What becomes of what a process of such a pool prints. */
function outputOf({ output, permissions }: PoolSettings): Output {
  if (output === "discard") return "ignore";
  return permissions === "inherit" ? "inherit" : "pipe";
}

/** Closes a socket or a server that a process has passed on. */
function close(handle: unknown): void {
  const { destroy, close } = handle as { destroy?: () => void; close?: () => void };
  try {
    (destroy ?? close)?.call(handle);
  } catch { /* It is closed. */ }
}

/** The command line of a process, from the path of its program. */
function commandLine(
  settings: PoolSettings,
  server: string,
  environment: Readonly<Record<string, string>>,
  list: ModuleList,
  naming: string,
): string[] {
  const { permissions } = settings;
  return [
    Deno.execPath(),
    "run",
    ...ownFlags(settings),
    ...flagsFor(permissions, server, environment),
    "--preload",
    // Does not end before the process does, so that the program's own module, where deno.json
    // is found, is not evaluated.
    entry(server, "serveHost", list, naming, Deno.pid, permissions === "inherit"),
    "--preload",
    NOTHING,
    Deno.mainModule ?? import.meta.url,
  ];
}

function notStarted(why: string): WorkerStartError {
  return new WorkerStartError(`Cannot start a process: ${why}`);
}

function pairsOf(environment: Readonly<Record<string, string>>): string[] {
  return Object.entries(environment).map((pair) => pair.join("="));
}

/** The flags of a process that are no permissions: an older Deno takes each of them once. */
function ownFlags({ args, memoryLimit }: PoolSettings): Iterable<string> {
  const ofV8 = args.filter((flag) => flag.startsWith(V8_FLAGS));
  if (memoryLimit !== Infinity) ofV8.push(`${V8_FLAGS}--max-old-space-size=${memoryLimit}`);
  const flags = new Set([...args.filter((flag) => !ofV8.includes(flag)), "--no-prompt", "--quiet"]);
  if (ofV8.length > 0) flags.add(V8_FLAGS + ofV8.map((flag) => flag.slice(V8_FLAGS.length)).join());
  return flags;
}

/** The permissions of a process: those it is given, and to load the modules it was made for. */
function flagsFor(
  permissions: Deno.PermissionOptions,
  server: string,
  environment: Readonly<Record<string, string>>,
): string[] {
  const hosts = [server, ...remoteModules()].flatMap(hostsOf);
  const variables = [...Object.keys(environment), ...coveredVariables(permissions)];
  return permissionFlags(permissions, hosts, variables);
}

/** The hosts that a module is loaded from: none if it is not remote, or of npm. */
function hostsOf(url: string): string[] {
  const isOfJsr = new URL(url).protocol === "jsr:";
  const host = importHost(isOfJsr ? variableOf("JSR_URL") ?? "https://jsr.io" : url);
  return host === undefined ? [] : [host];
}
