import type { ChildProcess } from "node:child_process";
import { copyForProcess } from "./copy.ts";
import { entry } from "./entry.ts";
import { WorkerStartError } from "./errors.ts";
import { Ledger } from "./ledger.ts";
import { environmentFor, ownVariable, permissionFlags } from "./permission_flags.ts";
import { ABORT, BEGUN, DONE, FAILED, type FromProcess, type ToWorker } from "./protocol.ts";
import { modules } from "./task.ts";
import { newKey, type Thread, type ThreadEvents } from "./thread.ts";
import { now, setTimeout } from "./timers.ts";

/** Node's class as it is here: `spawn()` takes the whole environment, and asks for nothing else. */
interface SpawnedProcess extends ChildProcess {
  spawn(options: {
    file: string;
    args: string[];
    envPairs: string[];
    stdio: ["ignore", "inherit", "inherit", "ipc"];
    serialization: "advanced";
  }): void;
}

/** Node's part of Deno is loaded when it is needed. */
let Child: new () => SpawnedProcess;

/**
 * Checks that this platform can start processes, and that this program may.
 *
 * @throws {WorkerStartError} If it cannot.
 */
export async function assertProcesses(
  permissions: Deno.PermissionOptions,
  server: string,
): Promise<void> {
  if (Deno.build.standalone) {
    throw new WorkerStartError(
      "Cannot start processes: a compiled program has no Deno to run them with; use " +
        '{ isolation: "worker" }',
    );
  }
  const command = Deno.execPath();
  if (Deno.permissions.querySync({ name: "run", command }).state !== "granted") {
    throw new WorkerStartError(
      `Cannot start processes: this program may not run Deno; expected --allow-run=${command}`,
    );
  }
  flagsFor(permissions, server);
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
export class ProcessThread implements Thread {
  /** What it says of its runs is noted here, by this side alone. */
  readonly ledger = Ledger.local();
  readonly key = newKey();
  readonly queues = false;
  readonly clone = copyForProcess;
  readonly listed = modules.length;
  readonly #child = new Child();
  readonly #events: ThreadEvents;
  readonly #gone = Promise.withResolvers<void>();
  readonly gone = this.#gone.promise;
  /** How many messages have arrived. */
  #heard = 0;
  /** When the task began that it was sent last. */
  #begun = 0;
  #connected = true;

  constructor(
    permissions: Deno.PermissionOptions,
    memoryLimit: number,
    server: string,
    events: ThreadEvents,
  ) {
    this.#events = events;
    const child = this.#child;
    child.on("message", (message) => this.#receive(message as FromProcess));
    child.on("disconnect", () => this.#connected = false);
    child.on("error", (error) => {
      if (child.pid === undefined) this.#end(`its process did not start: ${error.message}`);
      // A message that was cut off: nothing that comes after it can be read.
      else child.kill("SIGKILL");
    });
    child.on("exit", (code, signal) => this.#die(code, signal));
    const file = Deno.execPath();
    const args = [
      "run",
      "--no-prompt",
      "--quiet",
      ...flagsFor(permissions, server),
      ...memoryLimit === Infinity ? [] : [`--v8-flags=--max-old-space-size=${memoryLimit}`],
      "--preload",
      // Never ends, so that the program's own module, where deno.json is found, is not evaluated.
      entry(server, "serveHost", Deno.pid),
      Deno.mainModule ?? import.meta.url,
    ];
    child.spawn({
      file,
      args: [file, ...args],
      envPairs: Object.entries(environmentFor(permissions)).map((pair) => pair.join("=")),
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      serialization: "advanced",
    });
    if (child.spawnargs.some((arg) => arg === "-A" || arg === "--allow-all")) {
      child.removeAllListeners();
      child.kill("SIGKILL");
      throw new WorkerStartError("Cannot start a process: Deno would grant it all permissions");
    }
    this.#send({ key: this.key });
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
    this.#send(copy);
  }

  #send(message: unknown): void {
    // With a callback: without one a channel that is broken is an "error", which its end tells.
    if (this.#child.connected) this.#child.send(message as object, () => {});
  }

  engage(engaged: boolean): void {
    if (engaged) this.#child.ref();
    else this.#child.unref();
  }

  terminate(): void {
    this.#child.kill("SIGKILL");
  }

  #receive(message: FromProcess): void {
    this.#heard++;
    if (typeof message === "object") {
      const [kind, run] = message;
      if (kind === BEGUN) {
        if (typeof run === "string") return this.ledger.beginLoad();
        this.#begun = now();
        this.ledger.claim(run);
        this.ledger.begin(run);
        return;
      }
      if (kind === DONE || kind === FAILED) this.ledger.end(run as number, now() - this.#begun);
    }
    this.#events.onMessage(message);
  }

  async #die(code: number | null, signal: string | null): Promise<void> {
    this.#events.onDying();
    // What it had sent still arrives; that it is disconnected is not said if it had not read all.
    for (let quiet = 0; this.#connected && quiet < 3;) {
      const heard = this.#heard;
      await new Promise<void>((resolve) => setTimeout(resolve, 1));
      quiet = heard === this.#heard ? quiet + 1 : 0;
    }
    this.#end(
      signal === null
        ? `its process ended with exit code ${code}`
        : `its process was killed by ${signal}${
          signal === "SIGTRAP" ? ", which is how V8 ends when it is out of memory" : ""
        }`,
    );
  }

  #end(why: string): void {
    // Or an older Deno keeps a channel that was not read to its end.
    if (this.#child.connected) this.#child.disconnect();
    this.#events.onEnd(why);
    this.#gone.resolve();
  }
}

/** The permissions of a process: those it is given, and to load the modules it was made for. */
function flagsFor(permissions: Deno.PermissionOptions, server: string): string[] {
  return permissionFlags(permissions, [server, ...modules.map(({ url }) => url)].flatMap(hostsOf));
}

/** The hosts that a module is loaded from: none if it is not remote, or of npm. */
function hostsOf(url: string): string[] {
  const { protocol, host } = new URL(url);
  if (protocol === "https:" || protocol === "http:") return [host];
  return protocol === "jsr:" ? [new URL(ownVariable("JSR_URL") ?? "https://jsr.io").host] : [];
}
