import { isPlain } from "./cloneable.ts";
import { rejected, showsCaller } from "./failure.ts";
import type { RunOptions } from "./options.ts";
import type { Manner } from "./protocol.ts";
import type { Queue } from "./queue.ts";
import type { AddressedTask } from "./task.ts";
import type { Outcome, TaskTrace } from "./telemetry.ts";
import type { Timer } from "./timers.ts";
import { transferablesAmong } from "./transfer.ts";

/** What few jobs have. A million may wait, so each field of a job counts. */
interface Details {
  options?: RunOptions;
  /** Takes what it yields. */
  onValue?: (value: unknown) => void;
  /** What tells OpenTelemetry of it. */
  trace?: TaskTrace;
  /** What its arguments have marked for transfer; it can be sent once only. */
  transferables?: Transferable[];
  /** Whether a worker died when it was next, so that it went back to the queue. */
  returned?: boolean;
  /** Stops listening to its signal. */
  stopListening?: () => void;
  /** Ends its time; set while it runs. */
  timer?: Timer;
}

/** One submitted call: what to run, and the promise of its caller. */
export class Job {
  readonly task: AddressedTask;
  readonly args: readonly unknown[];
  /** Whether its arguments are primitives that can be sent. */
  readonly plain: boolean;
  /** What its caller waits for. */
  readonly result: Promise<unknown>;
  /** Where it stands, and its neighbours there; only the queue changes them. */
  queue: Queue | undefined;
  next: Job | undefined;
  previous: Job | undefined;
  /** The number of its run in the worker it was sent to. */
  run = 0;
  /** Since when it waits, and for how many it stands; of those that are timed. */
  waits: { readonly since: number; readonly times: number } | undefined;
  /** Settles the promise; gone when its caller has an answer. */
  #resolve: ((value: unknown) => void) | undefined;
  #details: Details | undefined;

  constructor(
    task: AddressedTask,
    args: readonly unknown[],
    options: RunOptions | undefined,
  ) {
    this.task = task;
    this.args = args;
    this.plain = args.every(isPlain);
    this.result = new Promise((resolve) => this.#resolve = resolve);
    const transferables = this.plain ? undefined : transferablesAmong(args);
    if (options !== undefined || transferables !== undefined) {
      this.#details = { options, transferables };
    }
  }

  /** What its caller asked for beyond running it. */
  get options(): RunOptions | undefined {
    return this.#details?.options;
  }

  /** What moves with its arguments, if anything does. */
  get transferables(): Transferable[] | undefined {
    return this.#details?.transferables;
  }

  /** How it runs, if not as usual: then it travels alone. */
  get manner(): Manner | undefined {
    const streams = this.#details?.onValue !== undefined;
    const span = this.#details?.trace?.spanContext;
    return streams || span !== undefined ? { streams, span } : undefined;
  }

  /** What tells OpenTelemetry of it. */
  get trace(): TaskTrace | undefined {
    return this.#details?.trace;
  }

  /** Whether its caller has an answer. */
  get settled(): boolean {
    return this.#resolve === undefined;
  }

  /** The rest of what few jobs have, to be written, too. */
  get details(): Details {
    return this.#details ??= {};
  }

  /** Gives its caller the answer, unless it has one. */
  resolve(value: unknown): void {
    this.#settle("completed", undefined)?.(value);
  }

  /** Gives its caller a reason why there is no answer, unless it has one. */
  reject(reason: unknown, outcome: Outcome = "failed"): void {
    const resolve = this.#settle(outcome, reason);
    if (resolve === undefined) return;
    if (showsCaller(reason)) return resolve(rejected(reason));
    // Keeping the function that rejects as well would cost each job as much as three fields do;
    // and a rejected promise between would, until it is handled, be on a list that Deno keeps.
    resolve({ then: (_: unknown, reject: (reason: unknown) => void) => reject(reason) });
  }

  /** Ends the waiting; how to settle the promise, unless that was done before. */
  #settle(outcome: Outcome, reason: unknown): ((value: unknown) => void) | undefined {
    const resolve = this.#resolve;
    if (resolve === undefined) return;
    this.#resolve = undefined;
    if (this.#details !== undefined) {
      this.#details.stopListening?.();
      this.endTime();
      this.#details.trace?.ended(outcome, reason);
    }
    return resolve;
  }

  /** Its time does not run any more. */
  endTime(): void {
    if (this.#details?.timer !== undefined) clearTimeout(this.#details.timer);
  }
}
