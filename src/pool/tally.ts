import type { PoolStats } from "../api/pool_stats.ts";
import { Histogram } from "./histogram.ts";
import type { Job } from "../member/job.ts";
import { now } from "../runtime/real_timers.ts";

/**
 * When more than this many tasks wait, a single task of this many is timed, as reading the clock
 * takes as long as a short task.
 */
const SAMPLE_TASKS = 32;

/** The counts of a pool from its beginning. */
export class Tally {
  completed = 0;
  failed = 0;
  cancelled = 0;
  crashed = 0;
  readonly #queueTime = new Histogram();
  readonly #runTime = new Histogram();
  /** How many tasks had to wait; says which tasks are timed. */
  #waits = 0;

  /** How many tasks have returned or failed. */
  get ended(): number {
    return this.completed + this.failed;
  }

  /** A job was sent as soon as it came. */
  didNotWait(): void {
    this.#queueTime.add(0);
  }

  /**
   * A job begins to wait, in a queue of `queued` jobs. Notes the time if the job is to be timed.
   */
  waits(job: Job, queued: number): void {
    const times = queued > SAMPLE_TASKS ? SAMPLE_TASKS : 1;
    if (this.#waits++ % times === 0) job.details.waits = { since: now(), times };
  }

  /** A timed job was sent, at this time. */
  waited(job: Job, time: number): void {
    const { since, times } = job.waits!;
    job.details.waits = undefined;
    this.#queueTime.add(time - since, times);
  }

  /** `runs` runs took `ms` ms each. */
  ran(ms: number, runs: number): void {
    this.#runTime.add(ms, runs);
  }

  /** The counts, for {@linkcode PoolStats}. */
  counts(): Omit<PoolStats, "workers" | "idle" | "busy" | "stuck" | "queued"> {
    const { completed, failed, cancelled, crashed } = this;
    return {
      completed,
      failed,
      cancelled,
      crashed,
      queueTime: this.#queueTime.percentiles(),
      runTime: this.#runTime.percentiles(),
    };
  }
}
