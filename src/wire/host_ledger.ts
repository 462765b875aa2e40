/**
 * What a host asks about the runs that it sends to a worker. {@linkcode Ledger} answers from memory
 * that a worker shares; `ProcessLedger`, in the room `backend`, from the messages of a process.
 *
 * Runs are numbered, begin in the order of their numbers, and end in that order: so the latest run
 * that has begun, and the latest that has ended, tell of all runs before.
 */
export interface HostLedger {
  /** Notes that a run is to be sent, before its message is: nothing is known of the run yet. */
  open(run: number): void;

  /** Notes that the worker is to be asked to load a module: the load has not begun. */
  openLoad(): void;

  /** Whether the worker has begun to load the module that it was asked for last. */
  readonly hasBegunLoad: boolean;

  /** The latest run that has begun, or was dropped and passed over, or was taken back. */
  readonly claimed: number;

  /**
   * Takes back all runs up to `last` that have not begun: the worker never begins them, or is about to
   * be ended.
   *
   * @returns The latest run that has begun, or was taken back before: runs after that are the host's
   * again. `undefined` if a worker claims runs without end.
   */
  takeBack(last: number): number | undefined;

  /**
   * Drops a run: the worker passes over the run when its turn comes.
   *
   * @returns `false` if the run has begun, or if nothing can keep the worker from beginning the run.
   */
  drop(run: number): boolean;

  /**
   * Notes that the caller of a run has given up, where a task can see that without a message. Whether
   * the run has begun, or begins later, is not affected.
   */
  abort(run: number): void;

  /** Allows the tasks to have called `progress()` this many times since the worker was started. */
  allow(times: number): void;

  /** The latest run that has ended. */
  readonly ended: number;

  /** Whether a run has ended. */
  hasEnded(run: number): boolean;

  /** Whether the result of a run that has ended is in the ledger. All others arrive in messages. */
  isKept(run: number): boolean;

  /** Whether a run that has ended, and is not kept, had begun. Any other end is a lie of the worker. */
  isBegun(run: number): boolean;

  /** The result of a run that is kept. */
  resultOf(run: number): unknown;

  /** How long, in ms, a run took that has ended; 0 if the run was not timed. */
  timeOf(run: number): number;
}
