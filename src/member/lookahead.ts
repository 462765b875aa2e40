import { SLOTS } from "../wire/ledger.ts";

/** For how many ms of running time a worker is sent tasks ahead. */
const LOOKAHEAD_MS = 0.5;
/** For how many ms of sending time a worker is sent tasks ahead whose arguments are objects. */
const SENDING_AHEAD_MS = 2;
/** How many runs may lie between the run that is under way and the last run that was sent. */
const MAX_RUNS_AHEAD = SLOTS / 2;
/** How many tasks may be ahead whose arguments were moved, which cannot be taken back. */
const MAX_MOVED_AHEAD = 256;

/**
 * How far ahead a worker is sent tasks. A short task takes less time than a message, so a worker that
 * is asked for one task at a time mostly waits. But a task that was sent ahead waits for the tasks
 * before it, though another worker may become free: so the tasks ahead must be short together.
 */
export class Lookahead {
  /** How many tasks the worker had when it was sent some last. */
  #stock = 0;
  /** The run that was claimed last, when the worker was looked at last. */
  #claimed = 0;

  /**
   * Whether one more task may be sent to a worker that has tasks.
   *
   * @param tasks How many tasks the worker has.
   * @param runs How many runs lie between the first and the last of these.
   * @param runningMs How long the task runs; `Infinity` if nobody knows.
   */
  static mayHaveMore(tasks: number, runs: number, runningMs: number): boolean {
    return tasks * runningMs < LOOKAHEAD_MS && runs < MAX_RUNS_AHEAD;
  }

  /** Whether a task may be sent ahead whose arguments move. */
  static mayMove(tasks: number): boolean {
    return tasks < MAX_MOVED_AHEAD;
  }

  /**
   * Whether a task may be sent ahead whose arguments are objects. The host is what limits such tasks:
   * time that is spent on sending far ahead is missing elsewhere.
   */
  static mayClone(tasks: number, sendingMs: number): boolean {
    return tasks * sendingMs < SENDING_AHEAD_MS;
  }

  /** The worker was sent tasks, and now has so many. */
  sent(tasks: number): void {
    this.#stock = tasks;
  }

  /**
   * Whether half of the tasks are done that the worker had. A worker that is sent a task for each
   * task it returns is often asleep, and a message that wakes a worker takes 4 µs instead of 1.
   */
  runsLow(tasks: number): boolean {
    return tasks * 2 <= this.#stock;
  }

  /**
   * Whether tasks wait for a task that was under way at the last look, too.
   *
   * @param claimed The run that is under way.
   * @param last The last run that was sent.
   */
  isHeldUp(claimed: number, last: number): boolean {
    const isHeldUp = claimed === this.#claimed && claimed !== last;
    this.#claimed = claimed;
    return isHeldUp;
  }
}
