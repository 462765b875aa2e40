import { isPlain } from "./cloneable.ts";
import { rejected, showsCaller } from "./failure.ts";
import type { Flight } from "./flight.ts";
import type { ModuleLoads } from "./member/module_loads.ts";
import type { RunOptions } from "./options.ts";
import type { Manner } from "./protocol.ts";
import type { Queue } from "./queue.ts";
import type { AsyncContext } from "./runtime/async_context.ts";
import type { AddressedTask } from "./task.ts";
import type { Outcome, TaskTrace } from "./telemetry.ts";
import type { Timer } from "./timers.ts";
import { transferablesAmong } from "./transfer.ts";
import { buffersAmong } from "./wire/values/buffers.ts";
import { movesEnds } from "./wire/values/moved_ends.ts";

/** What few jobs have. */
interface Details {
  options?: RunOptions;
  /** Takes what it yields. */
  onValue?: (value: unknown) => void;
  /** What tells OpenTelemetry of it. */
  trace?: TaskTrace;
  /** The async context of its caller, if something of the caller's is called in it. */
  context?: AsyncContext;
  /** Resolves when what `onProgress` has returned so far has; of promises only. */
  heard?: Promise<unknown>;
  /** Since when it waits, and for how many it stands; of those that are timed. */
  waits?: { readonly since: number; readonly times: number };
  /** What its arguments have marked for transfer; it can be sent once only. */
  transferables?: Transferable[];
  /** Whether there are streams or ports among those. */
  lends?: boolean;
  /** Which of its arguments are each a `Buffer`. */
  buffers?: readonly number[];
  /** Whether a worker died when it was next, so that it went back to the queue. */
  returned?: boolean;
  /** Stops listening to its signal. */
  stopListening?: () => void;
  /** Ends its time; set while it runs. */
  timer?: Timer;
}

/**
 * One submitted call: what to run, and how to answer its caller. A million may wait, and what the
 * garbage collector has to carry of each costs more than running it: so it has few fields.
 */
export class Job {
  readonly task: AddressedTask;
  /** How many arguments it has. */
  readonly length: number;
  /** Its arguments; a single one stands for itself, as a list of it is as large as a job. */
  readonly #given: unknown;
  /** Where it stands; only that changes it. */
  place: Queue | ModuleLoads | Flight | undefined;
  /** Settles its caller's promise; gone when that was done. */
  #resolve: ((value: unknown) => void) | undefined;
  #details: Details | undefined;

  /**
   * Makes one.
   *
   * @param resolve Settles the promise of its caller; rejections go through it, too.
   */
  constructor(
    task: AddressedTask,
    args: readonly unknown[],
    options: RunOptions | undefined,
    resolve: (value: unknown) => void,
  ) {
    this.task = task;
    this.length = args.length;
    this.#given = args.length === 1 ? args[0] : args;
    this.#resolve = resolve;
    const { plain } = this;
    const transferables = plain ? undefined : transferablesAmong(args);
    const buffers = plain ? undefined : buffersAmong(args);
    if (options !== undefined || transferables !== undefined) {
      this.#details = { options, transferables };
      if (transferables !== undefined) this.#details.lends = movesEnds(transferables);
    }
    if (buffers !== undefined) this.details.buffers = buffers;
  }

  /** Its arguments. */
  get args(): readonly unknown[] {
    return this.length === 1 ? [this.#given] : this.#given as unknown[];
  }

  /** Whether its arguments are primitives that can be sent. */
  get plain(): boolean {
    return this.length === 1 ? isPlain(this.#given) : this.args.every(isPlain);
  }

  /** Adds its arguments to a list. */
  addTo(list: unknown[]): void {
    if (this.length === 1) list.push(this.#given);
    else for (const arg of this.args) list.push(arg);
  }

  /** What its caller asked for beyond running it. */
  get options(): RunOptions | undefined {
    return this.#details?.options;
  }

  /** Whose task it is, if not the program's own. */
  get tenant(): string | undefined {
    return this.#details?.options?.tenant;
  }

  /** What moves with its arguments, if anything does. */
  get transferables(): Transferable[] | undefined {
    return this.#details?.transferables;
  }

  /** Whether streams or ports move with its arguments. */
  get lends(): boolean {
    return this.#details?.lends === true;
  }

  /** How it runs, if not as usual: then it travels alone. */
  get manner(): Manner | undefined {
    const { streams } = this;
    const span = this.#details?.trace?.spanContext;
    const buffers = this.#details?.buffers;
    return streams || span !== undefined || buffers !== undefined || this.lends
      ? { streams, span, buffers }
      : undefined;
  }

  /** Whether its caller reads what it yields. */
  get streams(): boolean {
    return this.#details?.onValue !== undefined;
  }

  /** What tells OpenTelemetry of it. */
  get trace(): TaskTrace | undefined {
    return this.#details?.trace;
  }

  /** The async context in which what belongs to its caller runs. */
  get context(): AsyncContext {
    return this.#details?.context;
  }

  /** Resolves when its listener has heard all, if that takes time. */
  get heard(): Promise<unknown> | undefined {
    return this.#details?.heard;
  }

  /** Since when it waits, if it is timed. */
  get waits(): Details["waits"] {
    return this.#details?.waits;
  }

  /** Whether a worker died when it was next. */
  get returned(): boolean {
    return this.#details?.returned === true;
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
    // A rejected promise between would, until it is handled, be on a list that Deno keeps.
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
      // A queue may keep its place for long.
      this.#details.context = undefined;
    }
    return resolve;
  }

  /** Its time does not run any more. */
  endTime(): void {
    if (this.#details?.timer === undefined) return;
    clearTimeout(this.#details.timer);
    this.#details.timer = undefined;
  }
}
