import { takeBytes } from "../wire/values/bytes.ts";
import { assertCloneable, assertNotLost, isPlain } from "../wire/values/cloneable.ts";
import type { Job } from "./job.ts";
import { ALONE, GUARDED, type Manner, RUN, RUN_TOGETHER, type ToWorker } from "../wire/protocol.ts";
import type { AddressedTask } from "../tasks/task.ts";
import type { Loan } from "../wire/values/moved_ends.ts";
import { guard } from "../wire/values/write_guard.ts";

/** How many jobs whose bytes move travel together: with more, it takes longer again. */
const MAX_MOVED = 16;
/** How many with other objects: with more, the first waits longer and nothing is gained. */
const MAX_OBJECTS = 8;
/** For how long, in ms, sending those may take; what takes longer does not cost less together. */
const MAX_SENDING_MS = 0.25;

/** The arguments of a job whose bytes were taken from its caller, and the buffer that is moved. */
export interface Taken {
  readonly args: readonly unknown[];
  readonly buffer: ArrayBuffer;
}

/** Jobs that travel to a worker in one message; a clone of it that fails, fails for all of them. */
export class Batch {
  /** The run of the first. */
  readonly first: number;
  /** What moves with it. */
  readonly transfer: Transferable[] | undefined;
  /** How many jobs there are, how many of them have objects that are cloned, and the task of those. */
  size = 0;
  objects = 0;
  task: AddressedTask | undefined;
  readonly #message: [kind: number, first: number, ...calls: unknown[]];
  /** Where it says for how many calls the last arguments are. */
  #times = 0;
  /** Whether no other job may be added. */
  readonly #closed: boolean;
  /** The one job, if streams or ports move with its arguments. */
  readonly lender: Job | undefined;

  /**
   * Makes one.
   *
   * @param first The run of the job.
   * @param taken What {@linkcode takeBytesOf} has taken of it.
   */
  constructor(first: number, job: Job, taken: Taken | undefined) {
    const { manner } = job;
    this.first = first;
    this.transfer = taken === undefined ? job.transferables : [taken.buffer];
    this.#message = manner === undefined ? [RUN, first] : [ALONE, first, manner];
    this.#closed = travelsAlone(job, taken);
    this.lender = job.lends ? job : undefined;
    this.#put(job, taken);
  }

  /** Adds a job as the run after the last; `false` if it has to travel in another message. */
  add(job: Job, taken: Taken | undefined): boolean {
    if (this.#closed || travelsAlone(job, taken)) return false;
    // A message is taken back from as a whole, and what has moved cannot be: the two do not mix.
    if ((taken === undefined) !== (this.transfer === undefined)) return false;
    if (taken !== undefined) {
      if (this.transfer!.length === MAX_MOVED) return false;
      this.transfer!.push(taken.buffer);
    } else if (!job.plain) {
      if (this.objects > 0 && !this.#hasRoomFor(job)) return false;
      // What two jobs of one message have in common would be one object in the worker; see sharing.ts.
      if (this.objects > 0) this.#message[0] = RUN_TOGETHER;
    }
    this.#put(job, taken);
    return true;
  }

  /** Whether one more job with objects is worth it. All are of one task: so each task's cost is known. */
  #hasRoomFor(job: Job): boolean {
    const { sending, shares } = job.task;
    return this.objects < MAX_OBJECTS && this.#endsWith(job) && !shares &&
      (this.objects + 1) * sending.ms < MAX_SENDING_MS;
  }

  #put(job: Job, taken: Taken | undefined): void {
    const message = this.#message;
    if (this.#endsWith(job)) message[this.#times] = message[this.#times] as number + 1;
    else this.#times = message.push(job.task.id, job.length, 1) - 1;
    if (taken !== undefined) message.push(...taken.args);
    else {
      job.addTo(message);
      if (!job.plain) {
        this.objects++;
        this.task = job.task;
      }
    }
    this.size++;
  }

  /** Whether the last call is of the same task as the job, with as many arguments. */
  #endsWith({ task, length }: Job): boolean {
    const message = this.#message;
    const times = this.#times;
    return times > 0 && message[times - 2] === task.id && message[times - 1] === length;
  }

  /** The run of the last. */
  get last(): number {
    return this.first + this.size - 1 | 0;
  }

  /** Whether several of them have objects, some of which they may share. */
  get isTogether(): boolean {
    return this.objects > 1;
  }

  /**
   * What is sent.
   *
   * @throws {DOMException} If something in it would silently arrive as an empty object, or cannot be
   * read.
   */
  get message(): ToWorker {
    if (this.objects > 0) { for (const part of this.#message) assertCloneable(part); }
    return this.#message as unknown as ToWorker;
  }

  /**
   * What is sent, with a guard at the end: see write_guard.ts.
   *
   * @throws {DOMException} If something in it would silently arrive as an empty object.
   */
  guarded(): ToWorker {
    const message = this.#message;
    for (const part of message) assertNotLost(part);
    message[0] += GUARDED;
    message.push(guard);
    return message as unknown as ToWorker;
  }

  /** What is sent with what was lent in the place of the arguments. */
  messageWith({ values, moved }: Loan): ToWorker {
    const [kind, first, manner, task, length, times] = this.#message;
    const message = [kind, first, { ...manner as Manner, moved }, task, length, times];
    return [...message, ...values] as unknown as ToWorker;
  }
}

/** Whether a job must have a message of its own. */
function travelsAlone({ manner, returned, transferables }: Job, taken: Taken | undefined): boolean {
  return manner !== undefined || returned || (transferables !== undefined && taken === undefined);
}

/** Takes the bytes that a job moves, if they are the one object among its arguments. */
export function takeBytesOf({ args, transferables }: Job): Taken | undefined {
  const isObject = (arg: unknown) => !isPlain(arg);
  const place = args.findIndex(isObject);
  if (place !== args.findLastIndex(isObject)) return;
  const bytes = takeBytes(args[place], transferables!);
  return bytes && { args: args.with(place, bytes.value), buffer: bytes.buffer };
}
