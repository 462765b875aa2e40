import type { Backend, BackendEvents } from "./backend.ts";
import type { MessagePort } from "node:worker_threads";
import { askToEnd, mayLoadNativeCode } from "./native_code.ts";
import { entry } from "./entry.ts";
import { listBlob, moduleList } from "./module_list.ts";
import { WorkerStartError } from "../api/errors.ts";
import { Ledger } from "../wire/ledger.ts";
import { afterStartup, endStartup } from "../runtime/after_startup.ts";
import { newLifeline } from "./lifeline.ts";
import { LIFELINE, type Setup, type ToWorker } from "../wire/protocol.ts";
import { modules } from "../tasks/modules.ts";
import { unref } from "../runtime/unref_worker.ts";
import { deliveries } from "../runtime/real_timers.ts";

const { createObjectURL, revokeObjectURL } = URL;

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
export class WebWorkerBackend implements Backend {
  readonly ledger: Ledger;
  readonly queues = true;
  readonly clone = structuredClone;
  readonly listed = modules.length;
  readonly #worker: Worker;
  readonly #events: BackendEvents;
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
    events: BackendEvents,
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
    afterStartup(() =>
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
    if (this.#lifeline === undefined) endStartup();
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
