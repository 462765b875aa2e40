import { isPlain } from "../wire/values/cloneable.ts";
import { rejected, showsCaller } from "../tasks/failure.ts";
import type { RunOptions } from "../api/options.ts";
import type { CallWriter } from "../wire/calls.ts";
import type { Manner } from "../wire/protocol.ts";
import { stopListening } from "../runtime/abort_listeners.ts";
import type { AsyncContext } from "../runtime/async_context.ts";
import type { AddressedTask } from "../tasks/task.ts";
import type { Outcome, TaskTrace } from "../telemetry/telemetry.ts";
import { transferablesAmong } from "../wire/values/transfer.ts";
import { buffersAmong } from "../wire/values/bytes.ts";
import { movesEnds } from "../wire/values/moved_ends.ts";

/** The properties that few jobs have. */
interface Details {
  options?: RunOptions;
  /** Whether the object belongs to all jobs with these options: to write, a job makes its own. */
  isShared?: boolean;
  /** Takes each value that the task yields; {@linkcode InMessage} has the values of messages. */
  onValue?: (value: unknown) => void;
  /** Tells OpenTelemetry of the job. */
  trace?: TaskTrace;
  /** The async context of the caller, if a function of the caller is called in the context. */
  context?: AsyncContext;
  /** Resolves when the promises that `onProgress` has returned so far have resolved. */
  heard?: Promise<unknown>;
  /** When the job began to wait, and for how many jobs the time counts; of timed jobs only. */
  waits?: { readonly since: number; readonly times: number };
  /** The transferables of the arguments. A job with transferables can be sent once only. */
  transferables?: Transferable[];
  /** Whether the transferables include streams or ports. */
  lends?: boolean;
  /** The indexes of the arguments that are a `Buffer`. */
  buffers?: readonly number[];
  /** Whether a worker died when the job was next, so that the job went back to the queue. */
  returned?: boolean;
}

/** The options of many calls. Their jobs share an object, as a million of these jobs may wait. */
export type SharedOptions = Readonly<Details>;

/** Makes the object that jobs with these options share. */
export function shareOptions(options: RunOptions): SharedOptions {
  return { options, isShared: true };
}

/** A value that a task has yielded in a message, and not in the ledger. */
export class InMessage {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }
}

/** Where a job waits, or where it was sent. */
export interface Place {
  /** Takes a job out. */
  remove(job: Job): void;
  /** A job with a time limit was settled, and stays. */
  settled?(): void;
}

/**
 * A submitted call: the task, the arguments, and how to answer the caller. A million jobs may wait, and
 * the garbage collector spends more time on a job than its task takes: so a job has few fields.
 */
export class Job {
  readonly task: AddressedTask;
  /** The number of arguments. */
  readonly length: number;
  /** The arguments, or the only argument itself: a list would be as large as a job. */
  #given: unknown;
  /** Where the job waits; only the place changes this. */
  place: Place | undefined;
  /** Settles the caller's promise; removed when the promise is settled. */
  #resolve: ((value: unknown) => void) | undefined;
  #details: Details | undefined;

  /**
   * Makes a job.
   *
   * @param resolve Settles the caller's promise, by a rejected promise, too.
   */
  constructor(
    task: AddressedTask,
    args: readonly unknown[],
    options: SharedOptions | undefined,
    resolve: (value: unknown) => void,
  ) {
    this.task = task;
    this.length = args.length;
    this.#given = args.length === 1 ? args[0] : args;
    this.#resolve = resolve;
    const { plain } = this;
    const transferables = plain ? undefined : transferablesAmong(args);
    const buffers = plain ? undefined : buffersAmong(args);
    this.#details = options;
    if (transferables !== undefined) {
      this.details.transferables = transferables;
      this.details.lends = movesEnds(transferables);
    }
    if (buffers !== undefined) this.details.buffers = buffers;
  }

  /** The arguments. */
  get args(): readonly unknown[] {
    return this.length === 1 ? [this.#given] : this.#given as unknown[];
  }

  /** Whether all arguments are primitives that can be sent. */
  get plain(): boolean {
    return this.length === 1 ? isPlain(this.#given) : this.args.every(isPlain);
  }

  /** Adds the call to a message. */
  writeTo(calls: CallWriter): void {
    const { span, task: { id } } = this;
    const isLimited = this.timeout !== undefined;
    if (this.length === 1) calls.addUnary(id, this.#given, isLimited, span);
    else calls.add(id, this.args, isLimited, span);
  }

  /** The parent of the spans that the task makes, if the job is traced. */
  get span(): string | undefined {
    return this.#details?.trace?.parent;
  }

  /** The options of the call. */
  get options(): RunOptions | undefined {
    return this.#details?.options;
  }

  /** For how many ms the task may run, if not for ever. */
  get timeout(): number | undefined {
    return this.#details?.options?.timeout;
  }

  /** The name of the tenant; the program's own tasks have none. */
  get tenant(): string | undefined {
    return this.#details?.options?.tenant;
  }

  /** The transferables of the arguments, if there are any. */
  get transferables(): Transferable[] | undefined {
    return this.#details?.transferables;
  }

  /** Whether streams or ports move with the arguments. */
  get lends(): boolean {
    return this.#details?.lends === true;
  }

  /** How the task runs, if not as usual: then the job is sent in a message of its own. */
  get manner(): Manner | undefined {
    const { streams } = this;
    const buffers = this.#details?.buffers;
    return streams || buffers !== undefined || this.lends ? { streams, buffers } : undefined;
  }

  /** Whether the caller reads the values that the task yields. */
  get streams(): boolean {
    return this.#details?.onValue !== undefined;
  }

  /** Tells OpenTelemetry of the job. */
  get trace(): TaskTrace | undefined {
    return this.#details?.trace;
  }

  /** The async context for functions of the caller. */
  get context(): AsyncContext {
    return this.#details?.context;
  }

  /** Resolves when `onProgress` has taken all values, if `onProgress` takes time. */
  get heard(): Promise<unknown> | undefined {
    return this.#details?.heard;
  }

  /** When the job began to wait, if the job is timed. */
  get waits(): Details["waits"] {
    return this.#details?.waits;
  }

  /** Whether a worker died when the job was next. */
  get returned(): boolean {
    return this.#details?.returned === true;
  }

  /** Whether the caller has an answer. */
  get settled(): boolean {
    return this.#resolve === undefined;
  }

  /** The properties that few jobs have, to be written. */
  get details(): Details {
    const details = this.#details;
    if (details !== undefined && details.isShared !== true) return details;
    return this.#details = { ...details, isShared: false };
  }

  /** Resolves the caller's promise, unless the promise is settled. */
  resolve(value: unknown): void {
    this.#settle("completed", undefined)?.(value);
  }

  /** Rejects the caller's promise, unless the promise is settled. */
  reject(reason: unknown, outcome: Outcome = "failed"): void {
    const resolve = this.#settle(outcome, reason);
    if (resolve === undefined) return;
    if (showsCaller(reason)) return resolve(rejected(reason));
    // Deno keeps a list of rejected promises without a handler: so no other promise is rejected.
    resolve({ then: (_: unknown, reject: (reason: unknown) => void) => reject(reason) });
  }

  /** Ends the job; returns how to settle the caller's promise, unless the promise is settled. */
  #settle(outcome: Outcome, reason: unknown): ((value: unknown) => void) | undefined {
    const resolve = this.#resolve;
    if (resolve === undefined) return;
    this.#resolve = undefined;
    if (this.#details !== undefined) this.#end(this.#details, outcome, reason);
    return resolve;
  }

  #end(details: Details, outcome: Outcome, reason: unknown): void {
    const { options, trace } = details;
    if (options?.signal !== undefined) stopListening(options.signal);
    if (options?.timeout !== undefined) this.place?.settled?.();
    // A signal may keep the job for as long as other jobs, and a queue the job's place.
    if (this.place === undefined) this.#given = undefined;
    trace?.ended(outcome, reason);
    if (details.context !== undefined) details.context = undefined;
  }
}
