/**
 * How calls of tasks are laid out in a message. No other file knows the places.
 *
 * A message is flat, as a nested array costs as much as ten numbers: the kind, the number of the
 * first run, for {@linkcode ALONE} the manner, then groups of calls. A group is the id of a task, the
 * shape of a call, the number of calls, the span of the calls, if they have a span, and the arguments of
 * all these calls. The shape says how many arguments a call has, and in its lowest bits whether the call
 * is limited, and whether there is a span.
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

/** What a group of calls has in common, beside the task and the span. */
const LIMITED = 1, TRACED = 2;
const FLAG_BITS = 2;

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

  /** Whether a call may follow the last call in its group; the parameters are those of `add()`. */
  endsWith(task: number, count: number, isLimited: boolean, span: string | undefined): boolean {
    return this.#endsWith(task, shapeOf(count, isLimited, span), span);
  }

  #endsWith(task: number, shape: number, span: string | undefined): boolean {
    const message = this.#message;
    const times = this.#times;
    return times > 0 && message[times - 2] === task && message[times - 1] === shape &&
      (span === undefined || message[times + 1] === span);
  }

  /**
   * Adds a call.
   *
   * @param isLimited Whether the host must know when the call begins, as its time is limited.
   * @param span The parent of the spans that the task makes; see otel.ts.
   */
  add(task: number, args: readonly unknown[], isLimited: boolean, span: string | undefined): void {
    this.#begin(task, shapeOf(args.length, isLimited, span), span);
    for (const arg of args) this.#message.push(arg);
  }

  /** Adds a call with one argument: most calls have no more, and need no list. */
  addUnary(task: number, arg: unknown, isLimited: boolean, span: string | undefined): void {
    this.#begin(task, shapeOf(1, isLimited, span), span);
    this.#message.push(arg);
  }

  #begin(task: number, shape: number, span: string | undefined): void {
    const message = this.#message;
    if (this.#endsWith(task, shape, span)) {
      message[this.#times] = message[this.#times] as number + 1;
    } else {
      this.#times = message.push(task, shape, 1) - 1;
      if (span !== undefined) message.push(span);
    }
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
    const [task, shape, , span] = this.#message.slice(this.#times - 2) as [
      task: number,
      shape: number,
      times: number,
      span: string,
    ];
    copy.add(task, args, (shape & LIMITED) > 0, (shape & TRACED) > 0 ? span : undefined);
    return copy.finish();
  }
}

function shapeOf(count: number, isLimited: boolean, span: string | undefined): number {
  return count << FLAG_BITS | (isLimited ? LIMITED : 0) | (span === undefined ? 0 : TRACED);
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
  #span: string | undefined;

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
      const isTraced = (shape & TRACED) > 0;
      this.#isLimited = (shape & LIMITED) > 0;
      this.#span = isTraced ? message[at + 3] as string : undefined;
      this.#count = shape >> FLAG_BITS;
      this.#left = message[at + 2] as number;
      this.#next = isTraced ? at + 4 : at + 3;
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

  /** The parent of the spans that the task makes, if the call is traced. */
  get span(): string | undefined {
    return this.#span;
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

/** The run of the last call of a message. */
export function lastRunOf(message: CallMessage): number {
  const calls = new CallReader(message);
  while (calls.next());
  return calls.run;
}
