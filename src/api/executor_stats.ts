import type { PoolStats } from "./pool_stats.ts";

/**
 * The load and the history of an executor's two pools, for health checks and metrics. All counts are
 * of the same moment.
 *
 * @example Lines for a monitoring system
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type ExecutorStats } from "@genro/executor";
 *
 * const metrics = (stats: ExecutorStats) =>
 *   (["blocking", "cpu"] as const).map((pool) => `done{pool="${pool}"} ${stats[pool].completed}`);
 *
 * await using executor = await Executor.start();
 * await executor.runCpu(() => "done");
 * assertEquals(metrics(executor.stats()), ['done{pool="blocking"} 0', 'done{pool="cpu"} 1']);
 * ```
 */
export interface ExecutorStats {
  /** The pool of `runBlocking`. */
  blocking: PoolStats;
  /** The pool of `runCpu`. */
  cpu: PoolStats;
}
