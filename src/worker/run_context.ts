import type { TaskContext } from "../api/context.ts";
import type { WorkerLedger } from "../wire/worker_ledger.ts";
import { transfer } from "../wire/values/transfer.ts";
import type { News } from "./news.ts";

const { AbortController, DOMException } = globalThis;

/** Nothing; see the tag of {@linkcode RunContext}. */
class Base {}

/** The context of one run in a worker. */
export class RunContext extends Base implements TaskContext {
  readonly #run: number;
  readonly #ledger: WorkerLedger;
  /** Made when the task first asks for its signal: most tasks never ask. */
  #controller: AbortController | undefined;
  #reason: unknown;
  #aborted = false;
  readonly #news: News;
  /** Whether messages tell of this run, so that a message must tell of its end, too. */
  #told = false;

  constructor(run: number, ledger: WorkerLedger, news: News) {
    super();
    this.#run = run;
    this.#ledger = ledger;
    this.#news = news;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  throwIfAborted(): void {
    if (this.#aborted) throw this.#reason;
    if (this.isAborted) {
      throw new DOMException("The task was aborted", "AbortError");
    }
  }

  transfer<T>(value: T, transferables: Transferable[]): T {
    return transfer(value, transferables);
  }

  progress(value: unknown): void {
    if (this.#news.tell(this.#run, value, this.hasEnded)) this.#told = true;
  }

  /** Keeps a small value that the run yields; `false` if the value has to be sent. */
  keepYielded(value: unknown): boolean {
    return this.#news.keepYielded(this.#run, value);
  }

  /** The value to send in place of the value that was not kept. */
  unkept(value: unknown): unknown {
    return this.#news.unkept(value);
  }

  /** Sends a value that the run yields. */
  yield(value: unknown): void {
    this.#news.yield(this.#run, value);
    this.#told = true;
  }

  /** Whether the run has ended. */
  get hasEnded(): boolean {
    return this.#ledger.hasEnded(this.#run);
  }

  /** Whether messages tell of this run. */
  get hasTold(): boolean {
    return this.#told;
  }

  /** Whether the host has aborted this run. */
  get isAborted(): boolean {
    return this.#aborted || this.#ledger.isAborted(this.#run);
  }

  /** The host says that a run was aborted, which may be another run. */
  abort(run: number, reason: () => unknown): void {
    if (this.#run !== run) return;
    this.#aborted = true;
    this.#reason = reason();
    this.#controller?.abort(this.#reason);
  }
}

// V8 prints the class of `this` before the name of a function, in stacks. If the class extends
// another, V8 prints the tag instead, and nothing if the tag is empty.
Object.defineProperty(RunContext.prototype, Symbol.toStringTag, { value: "" });
