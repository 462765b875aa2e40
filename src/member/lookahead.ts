import { SLOTS } from "../wire/ledger.ts";

/** Tasks are sent ahead for at most this many ms of running time. */
const LOOKAHEAD_MS = 0.5;
/** Tasks with objects as arguments are sent ahead for at most this many ms of sending time. */
const SENDING_AHEAD_MS = 2;
/** At most this many runs lie between the run under way and the run that was sent last. */
const MAX_RUNS_AHEAD = SLOTS / 2;
/** At most this many tasks with moved arguments are ahead, as such tasks cannot be taken back. */
const MAX_MOVED_TASKS = 256;

/**
 * How far ahead tasks are sent to a worker. A short task takes less time than a message, so a
 * worker with a single task at a time would mostly wait. But a task sent ahead waits for the tasks
 * before, even while another worker is free. So the tasks ahead must be short together.
 */
export class Lookahead {
  /** How many tasks the worker had after the last sending. */
  #stock = 0;
  /** The run that was under way at the last look. */
  #claimed = 0;

  /**
   * Whether another task may be sent to a worker with tasks.
   *
   * @param tasks How many tasks the worker has.
   * @param runs How many runs lie between the first and the last of these tasks.
   * @param runningMs How long the task runs; `Infinity` if nobody knows.
   */
  static mayHaveMore(tasks: number, runs: number, runningMs: number): boolean {
    return tasks * runningMs < LOOKAHEAD_MS && runs < MAX_RUNS_AHEAD;
  }

  /** Whether a task with moved arguments may be sent ahead. */
  static mayMove(tasks: number): boolean {
    return tasks < MAX_MOVED_TASKS;
  }

  /**
   * Whether a task with objects as arguments may be sent ahead. The host is the bottleneck of such
   * tasks: time spent on sending far ahead is missing elsewhere.
   */
  static mayClone(tasks: number, sendingMs: number): boolean {
    return tasks * sendingMs < SENDING_AHEAD_MS;
  }

  /** The worker was sent tasks, and now has so many. */
  sent(tasks: number): void {
    this.#stock = tasks;
  }

  /**
   * Whether at least half of the tasks that the worker had after the last sending are done. A
   * worker that gets a new task for each result is often asleep. To post a message takes 4 µs if
   * the worker sleeps, and 1 µs if not.
   */
  runsLow(tasks: number): boolean {
    return tasks * 2 <= this.#stock;
  }

  /**
   * Whether tasks wait behind a task that was already under way at the last look.
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
