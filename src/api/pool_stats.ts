/**
 * The load and the history of one pool, for health checks and metrics. All counts are of the same
 * moment.
 *
 * @example A health check: does the pool keep up with its tasks?
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type PoolStats } from "@genro/executor";
 *
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
  /** All workers, including starting workers, without stuck workers. */
  workers: number;
  /** Workers without a task. A stream of an earlier task may still go on in an idle worker. */
  idle: number;
  /** Workers with a task, or loading the module of a task. */
  busy: number;
  /** Workers that were given up but have not ended, as nothing can stop their synchronous code. */
  stuck: number;
  /** Tasks that have not begun. */
  queued: number;
  /** Tasks that returned, in the life of the executor. */
  completed: number;
  /** Tasks that failed: by an error of their own, for a value that cannot be sent, or with their worker. */
  failed: number;
  /** Tasks whose caller gave up: aborted, timed out, or dropped by a shutdown. */
  cancelled: number;
  /** Workers that ended on their own. */
  crashed: number;
  /** How long the latest few thousand tasks waited until they were sent to a worker, in ms. */
  queueTime: Percentiles;
  /** How long the latest few thousand tasks ran, in ms. */
  runTime: Percentiles;
}

/**
 * Percentiles of times, in ms, exact to a tenth of the value; 0 before the first time is known.
 *
 * @example Whether more workers would help: tasks wait for longer than they run
 * ```ts
 * import { assert } from "@std/assert";
 * import { Executor, type Percentiles } from "@genro/executor";
 *
 * function spin(ms: number) {
 *   const end = performance.now() + ms;
 *   while (performance.now() < end);
 * }
 *
 * await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
 * await Promise.all(Array.from({ length: 20 }, () => executor.runCpu(spin, 2)));
 * const waited: Percentiles = executor.stats().cpu.queueTime;
 * const ran: Percentiles = executor.stats().cpu.runTime;
 * assert(waited.p50 > ran.p50);
 * ```
 */
export interface Percentiles {
  /** Half of the times are no longer. */
  p50: number;
  /** 95 of 100 times are no longer. */
  p95: number;
  /** 99 of 100 times are no longer. */
  p99: number;
}
