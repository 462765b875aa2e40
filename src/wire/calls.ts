/**
 * How calls of tasks are laid out in a message. No other file knows the places.
 *
 * A message is flat, as a nested array costs as much as ten numbers: the kind, the number of the
 * first run, for {@linkcode ALONE} the manner, then groups of calls. A group is the id of a task, the
 * number of arguments of a call, the number of calls, and the arguments of all these calls. Where the
 * calls have a time limit, the number of arguments is inverted (`~1` stands for one).
 */

import { ALONE, GUARDED, type Manner, RUN, RUN_TOGETHER, type ToWorker } from "./protocol.ts";
import { nextRun } from "./ledger.ts";
import type { MovedEnd } from "./values/moved_ends.ts";

/** A message of calls. */
export type CallMessage = Extract<
  ToWorker,
  readonly [typeof RUN | typeof RUN_TOGETHER | typeof ALONE, ...unknown[]]
>;

/** Whether a message to a worker is a message of calls. */
export function isCalls(message: ToWorker): message is CallMessage {
  const kind: number = message[0];
  return kind === RUN || kind === RUN_TOGETHER || kind === ALONE || kind >= GUARDED;
}

/** Writes a message of calls, whose runs follow one another. */
export class CallWriter {
  /** The run of the first call. */
  readonly first: number;
  readonly #message: [kind: number, first: number, ...rest: unknown[]];
  /** How many calls there are. */
  #size = 0;
  /** The place of the number of calls in the latest group; 0 before the first group. */
  #times = 0;

  /**
   * Begins a message.
   *
   * @param manner How the only call of the message runs, if not as usual.
   */
  constructor(first: number, manner?: Manner) {
    this.first = first;
    this.#message = manner === undefined ? [RUN, first] : [ALONE, first, manner];
  }

  /** How many calls there are. */
  get size(): number {
    return this.#size;
  }

  /** The run of the last call. */
  get last(): number {
    return this.first + this.#size - 1 | 0;
  }

  /** The parts of the message, the arguments among them. */
  get parts(): readonly unknown[] {
    return this.#message;
  }

  /** Whether the last call is of this task, with as many arguments, and is limited likewise. */
  endsWith(task: number, count: number, isLimited: boolean): boolean {
    return this.#endsWith(task, isLimited ? ~count : count);
  }

  #endsWith(task: number, shape: number): boolean {
    const times = this.#times;
    return times > 0 && this.#message[times - 2] === task && this.#message[times - 1] === shape;
  }

  /**
   * Adds a call.
   *
   * @param isLimited Whether the host must know when the call begins, as its time is limited.
   */
  add(task: number, args: readonly unknown[], isLimited: boolean): void {
    this.#begin(task, isLimited ? ~args.length : args.length);
    for (const arg of args) this.#message.push(arg);
  }

  /** Adds a call with one argument: most calls have no more, and need no list. */
  addUnary(task: number, arg: unknown, isLimited: boolean): void {
    this.#begin(task, isLimited ? ~1 : 1);
    this.#message.push(arg);
  }

  #begin(task: number, shape: number): void {
    const message = this.#message;
    if (this.#endsWith(task, shape)) message[this.#times] = message[this.#times] as number + 1;
    else this.#times = message.push(task, shape, 1) - 1;
    this.#size++;
  }

  /** Says that several calls have objects, which the calls may share. */
  markTogether(): void {
    this.#message[0] = RUN_TOGETHER;
  }

  /** The message. */
  finish(): ToWorker {
    return this.#message as unknown as ToWorker;
  }

  /**
   * The message with a guard at the end, which a reader leaves out.
   *
   * @param guard The value that a clone of the message reads last.
   */
  finishGuarded(guard: unknown): ToWorker {
    this.#message[0] += GUARDED;
    this.#message.push(guard);
    return this.finish();
  }

  /** The message of the only call, with other arguments, which contain these streams and ports. */
  finishMoved(moved: readonly MovedEnd[], args: readonly unknown[]): ToWorker {
    const copy = new CallWriter(this.first, { ...this.#message[2] as Manner, moved });
    const [task, shape] = this.#message.slice(this.#times - 2) as [number, number];
    copy.add(task, args, shape < 0);
    return copy.finish();
  }
}

/** Reads a message of calls: stands before the first call, then at each call after `next()`. */
export class CallReader {
  /** How the call of the message runs, if not as usual. */
  readonly manner: Manner | undefined;
  readonly #message: readonly unknown[];
  /** Where the calls end: before the guard, if there is a guard. */
  readonly #end: number;
  /** The place of this call's arguments. */
  #args = 0;
  /** The place after this call. */
  #next: number;
  /** How many calls of this group follow. */
  #left = 0;
  #run: number;
  #task = 0;
  #count = 0;
  #isLimited = false;

  constructor(message: CallMessage) {
    this.#message = message;
    const kind: number = message[0];
    this.#end = kind >= GUARDED ? message.length - 1 : message.length;
    this.#run = (message[1] as number) - 1 | 0;
    const isAlone = kind % GUARDED === ALONE;
    this.manner = isAlone ? message[2] as Manner : undefined;
    this.#next = isAlone ? 3 : 2;
  }

  /** Whether several calls have objects, which the calls may share. */
  get isTogether(): boolean {
    return this.#message[0] as number % GUARDED === RUN_TOGETHER;
  }

  /** Moves to the next call; `false` after the last call. */
  next(): boolean {
    if (this.isLast) return false;
    if (this.#left === 0) {
      const message = this.#message;
      const at = this.#next;
      this.#task = message[at] as number;
      const shape = message[at + 1] as number;
      this.#isLimited = shape < 0;
      this.#count = shape < 0 ? ~shape : shape;
      this.#left = message[at + 2] as number;
      this.#next = at + 3;
    }
    this.#left--;
    this.#run = nextRun(this.#run);
    this.#args = this.#next;
    this.#next += this.#count;
    return true;
  }

  /** Whether no call follows this call. */
  get isLast(): boolean {
    return this.#left === 0 && this.#next >= this.#end;
  }

  /** The run of this call. */
  get run(): number {
    return this.#run;
  }

  /** The id of the task of this call. */
  get task(): number {
    return this.#task;
  }

  /** Whether the time of this call is limited. */
  get isLimited(): boolean {
    return this.#isLimited;
  }

  /** How many arguments this call has. */
  get count(): number {
    return this.#count;
  }

  /** An argument of this call. */
  argument(index: number): unknown {
    return this.#message[this.#args + index];
  }

  /** The arguments of this call. Few arguments, as in most calls, are taken in the fastest way. */
  get args(): unknown[] {
    const message = this.#message;
    const at = this.#args;
    switch (this.#count) {
      case 0:
        return [];
      case 1:
        return [message[at]];
      case 2:
        return [message[at], message[at + 1]];
      case 3:
        return [message[at], message[at + 1], message[at + 2]];
    }
    return message.slice(at, at + this.#count);
  }
}
