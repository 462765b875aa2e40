import { Histogram, type Percentiles } from "./histogram.ts";
import type { Job } from "./job.ts";
import { now } from "./timers.ts";

/** When more than this many tasks wait, one of as many is timed: the clock takes as long as a short task. */
const SAMPLE = 32;

/**
 * Counts of one pool, at one moment.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type PoolStats } from "@genro/executor";
 *
 * // For a health check: whether a pool keeps up with what it is given.
 * const keepsUp = ({ queued, stuck }: PoolStats) => queued < 10 && stuck === 0;
 *
 * await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
 * const tasks = Array.from({ length: 100 }, (_, n) => executor.runCpu((n: number) => n * n, n));
 * assertEquals(keepsUp(executor.stats().cpu), false);
 * await Promise.all(tasks);
 * assertEquals(keepsUp(executor.stats().cpu), true);
 * ```
 */
export interface PoolStats {
  /** Workers there are, starting ones included, stuck ones not. */
  workers: number;
  /** Workers that wait for a task; a stream that goes on in one is none. */
  idle: number;
  /** Workers that run a task, or load the module of one. */
  busy: number;
  /** Workers that were given up but have not ended: they run what nothing can stop. */
  stuck: number;
  /** Tasks that have not begun. */
  queued: number;
  /** Tasks that returned, since the executor was made. */
  completed: number;
  /** Tasks that failed: they threw, could not be sent, or lost their worker. */
  failed: number;
  /** Tasks whose caller gave up: aborted, timed out, or dropped by a shutdown. */
  cancelled: number;
  /** Workers that ended without being told to. */
  crashed: number;
  /** How long the latest few thousand tasks waited until a worker was sent them, in ms. */
  queueTime: Percentiles;
  /** How long they then ran, in ms. */
  runTime: Percentiles;
}

/** What a pool counts from its beginning. */
export class Tally {
  completed = 0;
  failed = 0;
  cancelled = 0;
  crashed = 0;
  readonly #queueTime = new Histogram();
  readonly #runTime = new Histogram();
  /** How many tasks had to wait; to time some of them. */
  #waits = 0;

  /** How many tasks have returned or failed. */
  get ended(): number {
    return this.completed + this.failed;
  }

  /** A job was sent as soon as it came. */
  didNotWait(): void {
    this.#queueTime.add(0);
  }

  /** A job begins to wait, as one of so many: it is noted since when, if it is one of those timed. */
  waits(job: Job, queued: number): void {
    const times = queued > SAMPLE ? SAMPLE : 1;
    if (this.#waits++ % times === 0) job.details.waits = { since: now(), times };
  }

  /** A job that is timed was sent, at this time. */
  waited(job: Job, time: number): void {
    const { since, times } = job.waits!;
    job.details.waits = undefined;
    this.#queueTime.add(time - since, times);
  }

  /** So many runs took so many ms each. */
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
