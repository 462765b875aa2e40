import type { Percentiles, PoolStats } from "../api/pool_stats.ts";
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

/** How many buckets there are from a time to twice the time: the bounds are 9 % apart. */
const BUCKETS_PER_DOUBLING = 8;
/** The upper bound of the first bucket, in ms, is 2 to the power of this: a microsecond. */
const SHORTEST_LOG2_MS = -10;
/** The upper bound of the last bucket, in ms, is 2 to the power of this: 4.6 hours. */
const LONGEST_LOG2_MS = 24;
/**
 * When there are more than this many times, each counts half from then on: the latest matter most.
 */
const MEMORY_TIMES = 8_192;

/** How the latest few thousand times, of runs or waits, are distributed. */
export class Histogram {
  readonly #counts = new Float64Array(
    (LONGEST_LOG2_MS - SHORTEST_LOG2_MS) * BUCKETS_PER_DOUBLING + 1,
  );
  #total = 0;

  /** Counts a time, in ms, `times` times. */
  add(ms: number, times = 1): void {
    const place = Math.ceil((Math.log2(ms) - SHORTEST_LOG2_MS) * BUCKETS_PER_DOUBLING);
    const last = this.#counts.length - 1;
    this.#counts[place > 0 ? Math.min(place, last) : 0]! += times;
    this.#total += times;
    if (this.#total > MEMORY_TIMES) this.#forget();
  }

  /** The percentiles of the latest times. */
  percentiles(): Percentiles {
    return { p50: this.#percentile(0.5), p95: this.#percentile(0.95), p99: this.#percentile(0.99) };
  }

  #percentile(share: number): number {
    if (this.#total === 0) return 0;
    let sum = 0;
    const place = this.#counts.findIndex((count) => (sum += count) >= share * this.#total);
    return place <= 0 ? 0 : 2 ** (place / BUCKETS_PER_DOUBLING + SHORTEST_LOG2_MS);
  }

  #forget(): void {
    this.#total = 0;
    for (let place = 0; place < this.#counts.length; place++) {
      this.#total += this.#counts[place]! /= 2;
    }
  }
}
