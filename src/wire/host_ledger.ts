import type { Said } from "./protocol.ts";

/** Nothing more was said by a run so far, and what comes next has to come in a message. */
export const NOTHING = 0, WAITS = -1;

/**
 * What a host notes and asks about the runs of a worker. `Ledger` answers from shared memory, and
 * `ProcessLedger`, of the room `backend`, from the messages of a process.
 *
 * Runs are numbered, begin in the order of their numbers, and end in the same order. So the latest
 * run that has begun tells of all runs before, and so does the latest run that has ended.
 */
export interface HostLedger {
  /** Notes that a run is to be sent. Comes before the message: nothing is known of the run yet. */
  open(run: number): void;

  /** Notes that the worker is to be asked to load a module: the load has not begun. */
  openLoad(): void;

  /** Whether the worker has begun the load that was asked for last. */
  readonly hasBegunLoad: boolean;

  /** The latest run that has begun, was taken back, or was dropped and passed over. */
  readonly claimed: number;

  /**
   * Takes back all runs up to `last` that have not begun. The worker never begins such a run,
   * unless the worker is a process, which is about to be ended.
   *
   * @returns The latest run that has begun, or was taken back before: later runs are the host's
   * again. `undefined` if a worker claims runs without end.
   */
  takeBack(last: number): number | undefined;

  /**
   * Drops a run: the worker passes over the run when its turn comes.
   *
   * @returns `false` if the run has begun, or if nothing can keep the worker from beginning the
   * run.
   */
  drop(run: number): boolean;

  /**
   * Notes that the caller of a run has given up, where the task can see the note without a message.
   * Has no effect on whether the run has begun, or begins later.
   */
  abort(run: number): void;

  /** Allows the tasks to have called `progress()` this many times since the worker was started. */
  allow(times: number): void;

  /**
   * When the latest limited run began, in ms by the clock of real_timers.ts: a claim of the worker. Says
   * nothing before a limited run has begun.
   */
  readonly beganAt: number;

  /** The latest run that has ended. */
  readonly ended: number;

  /** Whether a run has ended. */
  hasEnded(run: number): boolean;

  /** Whether the result of a run that has ended is in the ledger. All others arrive in messages. */
  isKept(run: number): boolean;

  /**
   * Whether a run had begun that has ended and is not kept. Any other end is a lie of the worker.
   */
  isBegun(run: number): boolean;

  /**
   * The result of a run, if the result is kept. Is asked once of each run, in their order.
   *
   * @throws {RangeError} If the worker has written what no worker of this package writes.
   */
  resultOf(run: number): unknown;

  /** Whether no value is left in the ledger that a run tells or yields, as far as one can see. */
  readonly isRead: boolean;

  /**
   * What the next value is that a run tells or yields; {@linkcode NOTHING} if there is none in the
   * ledger, {@linkcode WAITS} if a message comes first.
   *
   * @throws {RangeError} If the worker has written what no worker of this package writes.
   */
  nextSaid(run: number): Said[0] | typeof NOTHING | typeof WAITS;

  /**
   * Takes the value that `nextSaid()` has found.
   *
   * @throws {RangeError} If the worker has written what no worker of this package writes.
   */
  takeSaid(): unknown;

  /** A value that a run tells or yields has arrived in a message. */
  noteHeard(): void;

  /** Whether the worker was not asked for a message since the latest value was taken. */
  readonly mayListen: boolean;

  /**
   * Asks the worker for a message when a run tells or yields another value.
   *
   * @returns Whether there is something in the ledger by now.
   */
  listen(): boolean;

  /** How long, in ms, an ended run took; 0 if the run was not timed. */
  timeOf(run: number): number;
}
