import { entry } from "./entry.ts";
import { WorkerStartError } from "./errors.ts";
import { Ledger } from "./ledger.ts";
import { released, rest, watch } from "./lifeline.ts";
import { locks, newLifeline } from "./locks.ts";
import type { FromWorker, Setup, ToWorker } from "./protocol.ts";
import { modules } from "./task.ts";
import { deliveries } from "./timers.ts";

/** Something that serves tasks beside the event loop; a member's other end. */
export interface Thread {
  /** What both sides share. */
  readonly ledger: Ledger;
  /** What each message to it has second. */
  readonly key: number;
  /** Whether it can be sent more while it runs a task. */
  readonly queues: boolean;
  /** How many of `modules` it can run tasks of. */
  readonly listed: number;
  /** Copies a value as sending it would; throws what that throws. */
  readonly clone: (value: unknown) => unknown;
  /** Sends a message; throws what structured clone throws. */
  post(message: ToWorker, transfer?: Transferable[]): void;
  /** Says whether it has a task: then it keeps the process alive and its death is watched for. */
  engage(engaged: boolean): void;
  /** Ends it now, or, where it runs synchronous code, as soon as that returns. */
  terminate(): void;
  /** Resolves when it has ended, or after `patience` ms. */
  ended(patience: number): Promise<void>;
}

/** What a thread tells its member. */
export interface ThreadEvents {
  /** A message has arrived. */
  onMessage(message: FromWorker): void;
  /** Time has passed while it has a task. */
  onLook(): void;
  /** It is dying: it takes no more tasks, but what it had sent still arrives. */
  onDying(): void;
  /** It is gone; `message` is what Deno said about it. */
  onEnd(message: string | undefined): void;
}

/**
 * Checks that this platform has what a worker needs.
 *
 * @throws {WorkerStartError} If it has not.
 */
export function assertWorkers(): void {
  if (typeof Worker === "undefined") {
    throw new WorkerStartError(
      "Cannot start workers: this platform has none; { inline: true } runs tasks on the event " +
        "loop instead",
    );
  }
  if (locks === undefined) {
    throw new WorkerStartError(
      "Cannot start workers: their deaths are noticed by Web Locks, which are missing; expected " +
        `Deno 2.9 or later, received ${Deno.version.deno}`,
    );
  }
}

/** A number that nobody can guess. */
export function newKey(): number {
  return Number(crypto.getRandomValues(new BigUint64Array(1))[0]! >> 11n);
}

/** A Deno Web Worker. */
export class WorkerThread implements Thread {
  readonly ledger = Ledger.shared();
  readonly key = newKey();
  readonly queues = true;
  readonly clone = structuredClone;
  readonly listed = modules.length;
  readonly #worker: Worker;
  readonly #lifeline = newLifeline();
  readonly #events: ThreadEvents;
  /** Whether it has a task. */
  #wanted = true;
  /** A worker keeps the process alive from the start, until it is told otherwise. */
  #keepsAlive = true;
  #dying = false;
  #terminated = false;
  #unwatch: (() => void) | undefined;
  /** Whether it is watched though it has no task: the last one may have ended it. */
  #lingers = false;

  constructor(name: string, permissions: Deno.PermissionOptions, events: ThreadEvents) {
    this.#events = events;
    this.#worker = new Worker(entry(server, "server.serve(loaders);"), {
      type: "module",
      name,
      // Passing the option at all needs --unstable-worker-options, so "inherit" passes nothing.
      ...permissions !== "inherit" && { deno: { permissions } },
    });
    this.#worker.onmessage = ({ data }) => events.onMessage(data);
    this.#worker.onerror = (event) => {
      // Handled: or the error would end this program too.
      event.preventDefault();
      this.#die(event.message);
    };
    this.#worker.onmessageerror = () => {
      // Deno delivers no message after one it could not decode.
      this.#die("it sent a message that could not be decoded");
    };
    const { ledger: { memory }, key } = this;
    this.#worker.postMessage({ memory, lifeline: this.#lifeline, key } satisfies Setup);
  }

  post(message: ToWorker, transfer?: Transferable[]): void {
    // Without a second argument postMessage takes its fast path.
    if (transfer === undefined) this.#worker.postMessage(message);
    else this.#worker.postMessage(message, transfer);
  }

  engage(engaged: boolean): void {
    this.#wanted = engaged;
    // Once watched, it stays so until the next look: another task may soon come.
    if (this.#unwatch !== undefined && !this.#lingers || this.#terminated || this.#dying) return;
    this.#keepAlive(engaged);
    if (engaged) this.#watch(true);
  }

  #watch(keepAlive: boolean): void {
    this.#unwatch?.();
    this.#unwatch = watch(this.#lifeline, keepAlive, this.#watcher);
    this.#lingers = !keepAlive;
  }

  #keepAlive(alive: boolean): void {
    if (alive === this.#keepsAlive) return;
    this.#keepsAlive = alive;
    keepAlive(this.#worker, alive);
  }

  readonly #watcher = {
    onLook: () => {
      if (this.#wanted) this.#events.onLook();
      if (this.#wanted || this.#terminated) return;
      this.#keepAlive(false);
      if (!this.#lingers) return this.#watch(false);
      this.#unwatch?.();
      this.#unwatch = undefined;
      this.#lingers = false;
    },
    onDeath: () => this.#die(undefined),
  };

  terminate(): void {
    if (this.#terminated) return;
    this.#terminated = true;
    this.#worker.terminate();
    this.#keepAlive(false);
    this.#unwatch?.();
    if (!this.#dying) this.#watch(false);
  }

  async ended(patience: number): Promise<void> {
    if (await released(this.#lifeline, patience)) await this.#die(undefined);
    rest();
  }

  async #die(message: string | undefined): Promise<void> {
    if (this.#dying) return;
    this.#dying = true;
    this.#unwatch?.();
    this.#events.onDying();
    // What it sent before it died may still be on its way; a terminated one is not heard.
    if (!this.#terminated) await deliveries();
    this.#worker.terminate();
    this.#events.onEnd(message);
  }
}

const server = new URL("../worker.ts", import.meta.url).href;

// Never called: it puts worker.ts into the module graph, for `deno cache`, `compile` and `vendor`.
((): Promise<unknown> => import("../worker.ts"));

/**
 * Sets whether a worker keeps the process alive. Deno has no public name for this; the one
 * method of `Worker` that is keyed by a symbol without description does it (for
 * node:worker_threads). Where it is missing, an idle worker delays the exit of a program
 * that never shuts its executor down until `idleTimeout`.
 */
const keepAlive: (worker: Worker, alive: boolean) => void = (() => {
  if (typeof Worker === "undefined") return () => {};
  const prototype = Worker.prototype as unknown as Record<symbol, unknown>;
  const keys = Object.getOwnPropertySymbols(prototype).filter((key) =>
    key.description === undefined && typeof prototype[key] === "function"
  );
  if (keys.length !== 1) return () => {};
  const setRef = prototype[keys[0]!] as (this: Worker, alive: boolean) => void;
  return (worker, alive) => setRef.call(worker, alive);
})();
