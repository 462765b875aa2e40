import type { RunOptions } from "./options.ts";
import type { AddressedTask } from "./task.ts";

/** One submitted call: what to run, and the promise of its caller. */
export class Job {
  readonly task: AddressedTask;
  readonly args: readonly unknown[];
  readonly options: RunOptions | undefined;
  /** Its neighbours in the queue; only the queue touches them. */
  next: Job | undefined;
  previous: Job | undefined;
  /** Whether it waits in a queue; only the queue changes it. */
  queued = false;
  /** Whether its caller has an answer. */
  settled = false;
  /** Whether a worker died before beginning it, so that it went back to the queue. */
  returned = false;
  /** Tells the worker that runs it that its caller has given up; set by the pool while it runs. */
  abort: ((reason: unknown) => void) | undefined;
  /** Stops listening to its signal. */
  stopListening: (() => void) | undefined;
  /** Ends its time; set while it runs. */
  timer: ReturnType<typeof globalThis.setTimeout> | undefined;
  readonly #promise = Promise.withResolvers<unknown>();

  constructor(
    task: AddressedTask,
    args: readonly unknown[],
    options: RunOptions | undefined,
  ) {
    this.task = task;
    this.args = args;
    this.options = options;
  }

  /** What its caller waits for. */
  get result(): Promise<unknown> {
    return this.#promise.promise;
  }

  resolve(value: unknown): void {
    this.#settle();
    this.#promise.resolve(value);
  }

  reject(reason: unknown): void {
    this.#settle();
    this.#promise.reject(reason);
  }

  #settle(): void {
    this.settled = true;
    this.stopListening?.();
    if (this.timer !== undefined) clearTimeout(this.timer);
  }
}
