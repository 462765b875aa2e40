import type { Backend, BackendEvents } from "./backend.ts";
import type { MessageChannel, MessagePort } from "node:worker_threads";
import { askToEnd, mayLoadNativeCode } from "./native_code.ts";
import { entry } from "./entry.ts";
import { listBlob, moduleList } from "./module_list.ts";
import { WorkerStartError } from "../api/errors.ts";
import { Ledger } from "../wire/ledger.ts";
import { afterStartup, endStartup } from "../runtime/after_startup.ts";
import { LIFELINE, type Setup, type ToWorker } from "../wire/protocol.ts";
import { modules } from "../tasks/modules.ts";
import { unref } from "../runtime/unref_worker.ts";
import { deliveries, now } from "../runtime/real_timers.ts";

const { createObjectURL, revokeObjectURL } = URL;

/**
 * Checks that this platform has workers.
 *
 * @throws {WorkerStartError} If the platform has none.
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
export class WebWorkerBackend implements Backend {
  readonly ledger: Ledger;
  readonly queues = true;
  readonly looksAhead = true;
  readonly knowsBegun = true;
  readonly clone = structuredClone;
  readonly listed = modules.length;
  readonly #worker: Worker;
  readonly #events: BackendEvents;
  readonly #permissions: Deno.PermissionOptions;
  readonly #gone = Promise.withResolvers<void>();
  readonly gone = this.#gone.promise;
  /** Where the worker finds the list of the modules with tasks, until the worker is ready. */
  #listUrl: string | undefined;
  /** Closes when the worker is gone; `undefined` until the worker is connected. */
  #lifeline: MessagePort | undefined;
  /** Whether the worker has a task, or has yet to say that it takes tasks. */
  #engaged = true;
  /** How many messages have arrived. */
  #heard = 0;
  #dying = false;
  #terminated = false;
  /** Asks the worker to end: set if native code may be at work in the worker. */
  #ask: (() => void) | undefined;
  /** What Deno has said of the death of the worker. */
  #lastWords: string | undefined;

  /**
   * Starts a worker.
   *
   * @param server The URL of worker.ts.
   */
  constructor(
    name: string,
    permissions: Deno.PermissionOptions,
    server: string,
    events: BackendEvents,
  ) {
    this.#events = events;
    this.#permissions = permissions;
    const since = now();
    this.#worker = this.#start(name, server);
    this.#listen();
    // Made while the worker loads its modules.
    this.ledger = Ledger.shared(since);
    const { memory } = this.ledger;
    this.#worker.postMessage({ memory } satisfies Setup);
    afterStartup(() =>
      this.#connect().catch((error) => this.#die(`it could not be connected: ${error.message}`))
    );
  }

  #start(name: string, server: string): Worker {
    const permissions = this.#permissions;
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
      return new Worker(
        entry(server, "serve", list, naming),
        options as WorkerOptions & { type: "module" },
      );
    } catch (error) {
      this.#revokeList();
      throw error;
    }
  }

  #listen(): void {
    const worker = this.#worker;
    worker.onmessage = ({ data }) => {
      // The first message says that the worker is ready. No task has run before.
      if (this.#heard++ === 0) this.#revokeList();
      this.#events.onMessage(data);
    };
    worker.onerror = (event) => {
      // Handled: or the error would end this program too.
      event.preventDefault();
      this.#die(describeWorkerError(event.message));
    };
    worker.onmessageerror = () => {
      // Deno delivers no message after one that it could not decode.
      this.#die("it sent a message that could not be decoded");
    };
  }

  #revokeList(): void {
    if (this.#listUrl !== undefined) revokeObjectURL(this.#listUrl);
    this.#listUrl = undefined;
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
    // Deno sends nothing to a worker that Deno knows to be gone: then the lifeline ends here. If
    // the port was sent, closing it here would end the lifeline everywhere under Deno 2.7.
    if (!detaches.detached) port2.close();
    this.#hold();
    // A worker keeps the process alive from its start.
    unref(this.#worker);
    if (this.#terminated) this.#end();
  }

  /** Keeps the process alive as long as the worker has a task. */
  #hold(): void {
    if (this.#engaged) this.#lifeline?.ref();
    else this.#lifeline?.unref();
  }

  post(message: ToWorker, transfer?: Transferable[]): void {
    // Without a second argument postMessage takes its fast path.
    if (transfer === undefined) this.#worker.postMessage(message);
    else this.#worker.postMessage(message, transfer);
  }

  askBack(): boolean {
    return false;
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
    // Only a lifeline tells when the worker is gone.
    if (this.#lifeline === undefined) endStartup();
    else this.#end();
  }

  #end(): void {
    if (this.#ask === undefined) this.#worker.terminate();
    else this.#ask();
  }

  retire(): number {
    // Deno still does what tasks have left under way up to now.
    this.terminate(false);
    return 0;
  }

  async #die(message: string | undefined): Promise<void> {
    this.#lastWords ??= message;
    if (this.#dying) return;
    this.#dying = true;
    this.#revokeList();
    this.#events.onDying();
    // Messages that were sent before the death may still be on their way. Nobody hears a worker
    // that was terminated.
    if (!this.#terminated) await deliveries(() => this.#heard);
    this.#worker.terminate();
    this.#lifeline?.close();
    this.#events.onEnd(this.#lastWords);
    this.#gone.resolve();
  }
}

/**
 * At most this many characters of a message are looked at: a task may have made the message long.
 */
const MAX_MESSAGE_CHARACTERS = 100_000;
/** The colours that Deno gives to the URLs in its messages. */
// deno-lint-ignore no-control-regex -- a colour begins with this character
const COLOUR = /\x1b\[\d+m/g;
/** The line of Deno about an import in a generated module. */
const FROM_ENTRY = /\n +at data:text\/javascript,import\S*$/gm;
/** The URL of a generated module, anywhere else. */
const ENTRY = /data:text\/javascript,import\S*/g;

/** Deno's message on the error of a worker, without the generated module of the worker. */
export function describeWorkerError(message: string): string {
  return message.slice(0, MAX_MESSAGE_CHARACTERS)
    .replaceAll(COLOUR, "").replaceAll(FROM_ENTRY, "").replaceAll(ENTRY, "its entry");
}

/**
 * Makes a lifeline, by which the host notices that a worker has ended. A worker that ends by itself
 * tells nobody. But each worker is given a port, which closes with the worker, and the other port of
 * the pair hears of the close within a few ms. Whatever the end: an exit, an error, or the late
 * return of a terminated worker.
 *
 * `port1` stays here, and keeps the process alive unless told not to by `unref()`; `port2` is for
 * the worker. Nothing is ever sent through the ports.
 *
 * @param onEnd Is called when `port1` was closed, or the worker with `port2` is gone.
 */
async function newLifeline(onEnd: () => void): Promise<MessageChannel> {
  // Only Node's channels tell of their close. Loading Node's part of Deno takes some ms.
  const { MessageChannel } = await import("node:worker_threads");
  const lifeline = new MessageChannel();
  lifeline.port1.on("close", onEnd);
  // A port that is not started hears nothing, its close included.
  lifeline.port1.start();
  return lifeline;
}
