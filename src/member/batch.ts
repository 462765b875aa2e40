import { takeBytes } from "../wire/values/bytes.ts";
import { assertCloneable, assertNotLost, isPlain } from "../wire/values/cloneable.ts";
import type { Job } from "./job.ts";
import { CallWriter } from "../wire/calls.ts";
import type { ToWorker } from "../wire/protocol.ts";
import type { AddressedTask } from "../tasks/task.ts";
import type { TaskRecord } from "./task_record.ts";
import type { Loan } from "../wire/values/moved_ends.ts";
import { guard } from "../wire/values/write_guard.ts";

/**
 * At most this many jobs with moved bytes travel together: with more, sending takes longer again.
 */
const MAX_MOVED_JOBS = 16;
/**
 * At most this many jobs with other objects travel together: with more, the first job waits longer
 * and nothing is gained.
 */
const MAX_OBJECT_JOBS = 8;
/**
 * At most this many ms of sending time for jobs with objects: beyond, joint sending saves nothing.
 */
const MAX_SENDING_MS = 0.25;

/** The arguments of a job whose bytes were taken from its caller, and the buffer to be moved. */
export interface Taken {
  readonly args: readonly unknown[];
  readonly buffer: ArrayBuffer;
}

/**
 * Jobs that travel to a worker in the same message. The clone of the message fails for all jobs if
 * the arguments of a single job cannot be cloned.
 */
export class Batch {
  /** The buffers, streams and ports that move with the message. */
  readonly transfer: Transferable[] | undefined;
  /** How many jobs have objects to be cloned. */
  objects = 0;
  /** The task of the jobs with objects. */
  task: AddressedTask | undefined;
  readonly #calls: CallWriter;
  /** Whether no other job may be added. */
  readonly #closed: boolean;
  /** The only job, if streams or ports move with its arguments. */
  readonly lender: Job | undefined;

  /**
   * Begins a batch with a job.
   *
   * @param first The run of the job.
   * @param taken The bytes that {@linkcode takeBytesOf} has taken from the job.
   */
  constructor(first: number, job: Job, taken: Taken | undefined) {
    this.#calls = new CallWriter(first, job.manner);
    this.transfer = taken === undefined ? job.transferables : [taken.buffer];
    this.#closed = travelsAlone(job, taken);
    this.lender = job.lends ? job : undefined;
    this.#put(job, taken);
  }

  /** The run of the first job. */
  get first(): number {
    return this.#calls.first;
  }

  /** The run of the last job. */
  get last(): number {
    return this.#calls.last;
  }

  /** How many jobs there are. */
  get size(): number {
    return this.#calls.size;
  }

  /** Whether several jobs have objects, which the jobs may share. */
  get isTogether(): boolean {
    return this.objects > 1;
  }

  /**
   * Adds a job as the run after the last; `false` if the job has to travel in another message.
   *
   * @param record What the pool has learned of the task.
   */
  add(job: Job, taken: Taken | undefined, record: TaskRecord): boolean {
    if (this.#closed || travelsAlone(job, taken)) return false;
    // A message is taken back as a whole, and moved bytes cannot be taken back: the two do not mix.
    if ((taken === undefined) !== (this.transfer === undefined)) return false;
    if (taken !== undefined) {
      if (this.transfer!.length === MAX_MOVED_JOBS) return false;
      this.transfer!.push(taken.buffer);
    } else if (!job.plain && this.objects > 0) {
      if (!this.#hasRoomFor(job, record)) return false;
      // An object that two jobs share would be a single object in the worker; see aliasing.ts.
      this.#calls.markTogether();
    }
    this.#put(job, taken);
    return true;
  }

  /**
   * Whether another job with objects is worth sending along. All jobs with objects in a message are
   * of the same task, so that the sending time tells about this task.
   */
  #hasRoomFor(job: Job, { sending, shares }: TaskRecord): boolean {
    const { length, span, task, timeout } = job;
    return this.objects < MAX_OBJECT_JOBS &&
      this.#calls.endsWith(task.id, length, timeout !== undefined, span) && !shares &&
      (this.objects + 1) * sending.ms < MAX_SENDING_MS;
  }

  #put(job: Job, taken: Taken | undefined): void {
    if (taken !== undefined) {
      return this.#calls.add(job.task.id, taken.args, job.timeout !== undefined, job.span);
    }
    job.writeTo(this.#calls);
    if (job.plain) return;
    this.objects++;
    this.task = job.task;
  }

  /**
   * The message.
   *
   * @throws {DOMException} If something in the message would silently arrive as an empty object, or
   * cannot be read.
   */
  get message(): ToWorker {
    if (this.objects > 0) { for (const part of this.#calls.parts) assertCloneable(part); }
    return this.#calls.finish();
  }

  /**
   * The message, with a guard at the end: see write_guard.ts.
   *
   * @throws {DOMException} If something in the message would silently arrive as an empty object.
   */
  guarded(): ToWorker {
    for (const part of this.#calls.parts) assertNotLost(part);
    return this.#calls.finishGuarded(guard);
  }

  /** The message of the only job, with the arguments of the loan. */
  messageWith({ values, moved }: Loan): ToWorker {
    return this.#calls.finishMoved(moved, values);
  }
}

/** Whether a job must have a message of its own. */
function travelsAlone({ manner, returned, transferables }: Job, taken: Taken | undefined): boolean {
  return manner !== undefined || returned || (transferables !== undefined && taken === undefined);
}

/** Takes the bytes that a job moves, if the bytes are the only object among the arguments. */
export function takeBytesOf({ args, transferables }: Job): Taken | undefined {
  const isObject = (arg: unknown) => !isPlain(arg);
  const place = args.findIndex(isObject);
  if (place !== args.findLastIndex(isObject)) return;
  const bytes = takeBytes(args[place], transferables!);
  return bytes && { args: args.with(place, bytes.value), buffer: bytes.buffer };
}
