import { isPlain } from "./cloneable.ts";
import { rejected, showsCaller } from "./failure.ts";
import type { RunOptions } from "./options.ts";
import type { Queue } from "./queue.ts";
import type { AddressedTask } from "./task.ts";
import { transferablesAmong } from "./transfer.ts";

/** One submitted call: what to run, and the promise of its caller. */
export class Job {
  readonly task: AddressedTask;
  readonly args: readonly unknown[];
  readonly options: RunOptions | undefined;
  /** Whether its arguments are primitives that can be sent. */
  readonly plain: boolean;
  /** What its arguments have marked for transfer; it can be sent once only. */
  readonly transferables: Transferable[] | undefined;
  /** What its caller waits for. */
  readonly result: Promise<unknown>;
  /** Where it stands, and its neighbours there; only the queue changes them. */
  queue: Queue | undefined;
  next: Job | undefined;
  previous: Job | undefined;
  /** The number of its run in the worker it was sent to. */
  run = 0;
  /** Whether its caller has an answer. */
  settled = false;
  /** Whether a worker died when it was next, so that it went back to the queue. */
  returned = false;
  /** Stops listening to its signal. */
  stopListening: (() => void) | undefined;
  /** Ends its time; set while it runs. */
  timer: ReturnType<typeof globalThis.setTimeout> | undefined;
  #resolve!: (value: unknown) => void;
  #reject!: (reason: unknown) => void;

  constructor(
    task: AddressedTask,
    args: readonly unknown[],
    options: RunOptions | undefined,
  ) {
    this.task = task;
    this.args = args;
    this.options = options;
    this.plain = args.every(isPlain);
    this.transferables = this.plain ? undefined : transferablesAmong(args);
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Whether some of its arguments move. */
  get moves(): boolean {
    return this.transferables !== undefined;
  }

  resolve(value: unknown): void {
    this.#settle();
    this.#resolve(value);
  }

  reject(reason: unknown): void {
    this.#settle();
    if (showsCaller(reason)) this.#resolve(rejected(reason));
    // Without a promise between: Deno keeps a list of the rejected ones that nobody handles yet.
    else this.#reject(reason);
  }

  #settle(): void {
    this.settled = true;
    this.stopListening?.();
    if (this.timer !== undefined) clearTimeout(this.timer);
  }
}
