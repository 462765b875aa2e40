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

/**
 * How long things took, in ms, within a tenth; 0 if there were none.
 *
 * @example
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
 * // More workers would help, if there are cores for them.
 * assert(waited.p50 > ran.p50);
 * ```
 */
export interface Percentiles {
  /** Half took no longer. */
  p50: number;
  /** 95 of 100 took no longer. */
  p95: number;
  /** 99 of 100 took no longer. */
  p99: number;
}
