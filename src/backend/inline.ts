import type { AsyncLocalStorage } from "node:async_hooks";
import { Ledger } from "../wire/ledger.ts";
import {
  ABORT,
  ALONE,
  type FromWorker,
  LOADED,
  PROGRESS,
  READY,
  RUN,
  STREAM_STATE,
  type ToWorker,
  UNLOADABLE,
  YIELDED,
} from "../wire/protocol.ts";
import { type AsyncContext, runIn, runInNone } from "../runtime/async_context.ts";
import { modules } from "../tasks/modules.ts";
import { importUrl } from "../tasks/tasks_from.ts";
import { TaskServer } from "../worker/task_server.ts";
import { encodeThrown } from "../wire/thrown.ts";
import type { Backend, BackendEvents } from "./backend.ts";
import { provideCurrentTask } from "../wire/under_way.ts";
import { EVALUATE } from "./entry.ts";
import type { Evaluate } from "../worker/functions.ts";

const { structuredClone } = globalThis;

/** Serves tasks on the event loop itself, with the copies and the messages of a worker. */
export class InlineBackend implements Backend {
  readonly ledger = Ledger.local();
  /** A task sent later can still be aborted and terminated. */
  readonly queues = false;
  readonly looksAhead = false;
  readonly knowsBegun = true;
  readonly clone = structuredClone;
  /** Nobody waits for the end of a task: nothing can stop a task here. */
  readonly gone = Promise.resolve();
  readonly #server: TaskServer;
  readonly #events: BackendEvents;
  /** The run under way, or about to begin. */
  #running: number | undefined;
  /** The async context of its caller. */
  #context: AsyncContext;
  #terminated = false;
  #ended = false;

  constructor(events: BackendEvents) {
    this.#events = events;
    const post = (message: FromWorker, transfer?: Transferable[]) => {
      const copy = structuredClone(message, { transfer });
      queueMicrotask(() => runInNone(() => this.#deliver(copy)));
    };
    this.#server = new TaskServer(loadHere, evaluate, this.ledger, post);
    queueMicrotask(() => this.#deliver(READY));
  }

  /** A module named at any time can be loaded here. */
  get listed(): number {
    return modules.length;
  }

  post(message: ToWorker, transfer?: Transferable[], context?: AsyncContext): void {
    const copy = structuredClone(message, { transfer });
    if (message[0] === RUN || message[0] === ALONE) {
      this.#running = message[1];
      this.#context = context;
    }
    // Later, as with a worker: submitting a task never runs the task. Each message about a run
    // calls code of the task, in the async context of the caller.
    const receive = () => servers.run(this.#server, () => this.#server.receive(copy));
    queueMicrotask(() => runIn(this.#context, receive));
  }

  askBack(): boolean {
    return false;
  }

  engage(): void {}

  terminate(): void {
    if (this.#terminated) return;
    this.#terminated = true;
    if (this.#running === undefined) return queueMicrotask(() => this.#end());
    // Nothing can stop the task, but its signal aborts, and a stream that waits for its reader
    // ends.
    const reason = encodeThrown(new DOMException("The executor was terminated", "AbortError"));
    this.ledger.abort(this.#running);
    this.post([ABORT, this.#running, reason]);
  }

  retire(): number {
    this.terminate();
    return 0;
  }

  #deliver(message: FromWorker): void {
    if (typeof message === "object" && GOES_ON.has(message[0])) {
      if (!this.#terminated) this.#events.onMessage(message);
      return;
    }
    // A backend serves one task at a time, and this message ends the task.
    this.#running = undefined;
    this.#context = undefined;
    if (this.#terminated) this.#end();
    else this.#events.onMessage(message);
  }

  /** Tells of the end, once: the backend may be terminated before it has said that it is there. */
  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#events.onEnd(undefined);
  }
}

/** The messages that end no run. */
const GOES_ON: ReadonlySet<number> = new Set([
  PROGRESS,
  YIELDED,
  LOADED,
  UNLOADABLE,
  STREAM_STATE,
]);

/** Evaluates functions sent by their source; set by `prepare()`. */
let evaluate: Evaluate;

/** The server of the code at hand: several servers take turns in this thread. */
let servers: AsyncLocalStorage<TaskServer>;

let prepared: Promise<void> | undefined;

/** Loads the modules that a backend needs; must end before a backend is made. */
export function prepare(): Promise<void> {
  return prepared ??= loadMeans();
}

async function loadMeans(): Promise<void> {
  const { AsyncLocalStorage } = await import("node:async_hooks");
  servers = new AsyncLocalStorage();
  provideCurrentTask(() => servers.getStore()?.context);
  const source = `${EVALUATE}\nexport { evaluate };`;
  const module = await importUrl(`data:text/javascript,${encodeURIComponent(source)}`);
  ({ evaluate } = module as { evaluate: Evaluate });
}

/** Loads a task's module by its URL. */
const loadHere = (url: string): Promise<unknown> =>
  modules.find((module) => module.url === url)!.load();
