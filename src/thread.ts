import type { MessagePort } from "node:worker_threads";
import { askToEnd, mayLoadNativeCode } from "./backend/native_code.ts";
import { entry } from "./backend/entry.ts";
import { listBlob, moduleList } from "./backend/module_list.ts";
import { WorkerStartError } from "./errors.ts";
import { Ledger } from "./ledger.ts";
import { atLeisure, endMoment } from "./leisure.ts";
import { newLifeline } from "./lifeline.ts";
import { LIFELINE, type Setup, type ToWorker } from "./protocol.ts";
import type { AsyncContext } from "./runtime/async_context.ts";
import { modules } from "./task.ts";
import { unref } from "./runtime/unref_worker.ts";
import { deliveries } from "./timers.ts";

const { createObjectURL, revokeObjectURL } = URL;

/** Something that serves tasks beside the event loop; a member's other end. */
export interface Thread {
  /** What both sides share. */
  readonly ledger: Ledger;
  /** Whether it can be sent more while it runs a task. */
  readonly queues: boolean;
  /** How many of `modules` it can run tasks of. */
  readonly listed: number;
  /** Copies a value as sending it would; throws what that throws. */
  readonly clone: (value: unknown) => unknown;
  /**
   * Sends a message; throws what structured clone throws.
   *
   * @param context Where a task runs that is run in this thread.
   */
  post(message: ToWorker, transfer?: Transferable[], context?: AsyncContext): void;
  /** Says whether it has a task: then it keeps the process alive. */
  engage(engaged: boolean): void;
  /**
   * Ends it: now, or as soon as what cannot be stopped returns.
   *
   * @param busy Whether it may be running a task.
   */
  terminate(busy: boolean): void;
  /**
   * Ends it, as it has no task, when what its tasks have left under way is done. It does not wait
   * for long; returns for how many ms at most.
   */
  retire(): number;
  /** Resolves when it has ended. */
  readonly gone: Promise<void>;
}

/** What a thread tells its member. */
export interface ThreadEvents {
  /** A message has arrived, which may be anything. */
  onMessage(message: unknown): void;
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
}

/** A Deno Web Worker. */
export class WorkerThread implements Thread {
  readonly ledger: Ledger;
  readonly queues = true;
  readonly clone = structuredClone;
  readonly listed = modules.length;
  readonly #worker: Worker;
  readonly #events: ThreadEvents;
  readonly #gone = Promise.withResolvers<void>();
  readonly gone = this.#gone.promise;
  /** Closes when the worker is gone; there is none before it is connected. */
  #lifeline: MessagePort | undefined;
  /** Whether it has a task, or has yet to say that it takes some. */
  #engaged = true;
  #dying = false;
  #terminated = false;
  readonly #permissions: Deno.PermissionOptions;
  /** Asks the worker to end, as native code may be at work in it. */
  #ask: (() => void) | undefined;
  /** What Deno has said of its death. */
  #lastWords: string | undefined;
  /** How many messages have arrived. */
  #heard = 0;
  /** Where the worker finds the list of the modules with tasks, until it is ready. */
  #listUrl: string | undefined;

  constructor(
    name: string,
    permissions: Deno.PermissionOptions,
    server: string,
    events: ThreadEvents,
  ) {
    this.#events = events;
    this.#permissions = permissions;
    const options = {
      // Or Deno finds options on `Object.prototype`.
      __proto__: null,
      type: "module",
      name,
      // Passing the option at all needs --unstable-worker-options, so "inherit" passes nothing.
      ...permissions !== "inherit" && { deno: { __proto__: null, permissions } },
    };
    const list = moduleList("worker");
    this.#listUrl = list.isShort ? undefined : createObjectURL(listBlob(list));
    const naming = list.isShort ? list.source : `import "${this.#listUrl}";`;
    try {
      this.#worker = new Worker(
        entry(server, "serve", list, naming),
        options as WorkerOptions & { type: "module" },
      );
    } catch (error) {
      this.#revokeList();
      throw error;
    }
    this.#worker.onmessage = ({ data }) => {
      // It is ready, and no task has run.
      if (this.#heard++ === 0) this.#revokeList();
      events.onMessage(data);
    };
    this.#worker.onerror = (event) => {
      // Handled: or the error would end this program too.
      event.preventDefault();
      this.#die(withoutEntry(event.message.slice(0, MAX_MESSAGE_CHARACTERS)));
    };
    this.#worker.onmessageerror = () => {
      // Deno delivers no message after one it could not decode.
      this.#die("it sent a message that could not be decoded");
    };
    // Made while the worker loads its modules.
    this.ledger = Ledger.shared();
    const { memory } = this.ledger;
    this.#worker.postMessage({ memory } satisfies Setup);
    atLeisure(() =>
      this.#connect().catch((error) => this.#die(`it could not be connected: ${error.message}`))
    );
  }

  /** Gives the worker its lifeline. */
  async #connect(): Promise<void> {
    const { port1, port2 } = await newLifeline(() => this.#die(undefined));
    if (this.#dying) {
      port2.close();
      port1.close();
      return;
    }
    this.#lifeline = port1;
    const detaches = new ArrayBuffer(0);
    this.#worker.postMessage([LIFELINE, port2] satisfies ToWorker, [
      port2 as unknown as Transferable,
      detaches,
    ]);
    // Nothing is sent to one that Deno knows to be gone: then the lifeline ends here. Closed in
    // vain, it would end everywhere under Deno 2.7.
    if (!detaches.detached) port2.close();
    this.#hold();
    // A worker keeps the process alive from its start.
    unref(this.#worker);
    if (this.#terminated) this.#end();
  }

  /** Keeps the process alive as long as it has a task. */
  #hold(): void {
    if (this.#engaged) this.#lifeline?.ref();
    else this.#lifeline?.unref();
  }

  post(message: ToWorker, transfer?: Transferable[]): void {
    // Without a second argument postMessage takes its fast path.
    if (transfer === undefined) this.#worker.postMessage(message);
    else this.#worker.postMessage(message, transfer);
  }

  engage(engaged: boolean): void {
    if (engaged === this.#engaged) return;
    this.#engaged = engaged;
    this.#hold();
  }

  terminate(busy: boolean): void {
    this.#terminated = true;
    this.engage(false);
    if (busy && mayLoadNativeCode(this.#permissions)) {
      this.#ask ??= askToEnd((message) => this.post(message), this.gone);
    }
    // When it is gone is only known of one that has its lifeline.
    if (this.#lifeline === undefined) endMoment();
    else this.#end();
  }

  #end(): void {
    if (this.#ask === undefined) this.#worker.terminate();
    else this.#ask();
  }

  retire(): number {
    // What is under way now, Deno still does.
    this.terminate(false);
    return 0;
  }

  #revokeList(): void {
    if (this.#listUrl !== undefined) revokeObjectURL(this.#listUrl);
    this.#listUrl = undefined;
  }

  async #die(message: string | undefined): Promise<void> {
    this.#lastWords ??= message;
    if (this.#dying) return;
    this.#dying = true;
    this.#revokeList();
    this.#events.onDying();
    // What it sent before it died may still be on its way; a terminated one is not heard.
    if (!this.#terminated) await deliveries(() => this.#heard);
    this.#worker.terminate();
    this.#lifeline?.close();
    this.#events.onEnd(this.#lastWords);
    this.#gone.resolve();
  }
}

/** How much is looked at of what Deno says of a worker: a task may have made most of it. */
const MAX_MESSAGE_CHARACTERS = 100_000;
/** The colours that Deno gives to the URLs in its messages. */
// deno-lint-ignore no-control-regex -- this is what they begin with
const COLOUR = /\x1b\[\d+m/g;
/** Where a message says that a generated entry has imported something, and the entry elsewhere. */
const FROM_ENTRY = /\n +at data:text\/javascript,import\S*$/gm,
  ENTRY = /data:text\/javascript,import\S*/g;

/** What Deno says of a worker, without the generated module that the worker starts from. */
function withoutEntry(message: string): string {
  return message.replaceAll(COLOUR, "").replaceAll(FROM_ENTRY, "").replaceAll(ENTRY, "its entry");
}
