/**
 * An executor for servers: blocking calls and heavy computation run in two bounded pools of Web Workers,
 * and the event loop stays free to answer.
 *
 * ```ts
 * import { Executor } from "@genro/executor";
 *
 * await using executor = await Executor.start();
 * const text = await executor.runBlocking((path: string) => Deno.readTextFileSync(path), "deno.json");
 * const sum = await executor.runCpu((a: number, b: number) => a + b, 40, 2);
 * console.log(text.length, sum);
 * ```
 *
 * @module
 */

export { Executor } from "./executor.ts";
export type { TaskContext } from "./src/api/context.ts";
export {
  ExecutorError,
  NotCloneableError,
  NotStartedError,
  QueueFullError,
  ShutdownError,
  TaskNotFoundError,
  WorkerCrashedError,
  WorkersStuckError,
  WorkerStartError,
} from "./src/api/errors.ts";
export { ExecutorEvent, type ExecutorEventMap, type ExecutorEventType } from "./src/api/events.ts";
export type { ExecutorStats } from "./src/api/executor_stats.ts";
export type {
  ExecutorOptions,
  MapOptions,
  PoolOptions,
  RunOptions,
  ShutdownOptions,
} from "./src/api/options.ts";
export type { Percentiles, PoolStats } from "./src/api/pool_stats.ts";
export type { Mappable, Runnable, StreamedInstead } from "./src/api/runnable.ts";
export type { Runner } from "./src/api/runner.ts";
export type { StreamFunction, TaskFunction, Yielded } from "./src/api/task_functions.ts";
export type { Task, TaskOf, Tasks } from "./src/api/tasks.ts";
export { getExecutor } from "./src/program/program_executor.ts";
export { taskContext } from "./src/tasks/task_context.ts";
export { tasksFrom } from "./src/tasks/tasks_from.ts";
export { transfer } from "./src/wire/values/transfer.ts";
