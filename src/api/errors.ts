/**
 * The errors of the executor itself. The error of a task is not among these: a task's error arrives as
 * the task threw the error.
 *
 * @module
 */

/**
 * The base class of all errors that the executor itself makes.
 *
 * @example An error of the executor, and not of the task
 * ```ts
 * import { assertInstanceOf, assertRejects } from "@std/assert";
 * import { Executor, ExecutorError } from "@genro/executor";
 *
 * const error = await assertRejects(() => new Executor().runCpu(() => 1));
 * assertInstanceOf(error, ExecutorError);
 * ```
 */
export class ExecutorError extends Error {
  /** The name of the class. */
  override name = "ExecutorError";
}

/**
 * A task was submitted before `startup()` ended or after a shutdown began.
 *
 * @example A call before and after the start
 * ```ts
 * import { assertEquals, assertRejects } from "@std/assert";
 * import { Executor, NotStartedError } from "@genro/executor";
 *
 * await using executor = new Executor();
 * const double = (n: number) => executor.runCpu((n: number) => n * 2, n);
 *
 * await assertRejects(() => double(21), NotStartedError);
 * await executor.startup(); // Where the program starts, before it takes requests.
 * assertEquals(await double(21), 42);
 * ```
 */
export class NotStartedError extends ExecutorError {
  /** The name of the class. */
  override name = "NotStartedError";
  /** The HTTP status of an answer with this error: Express, Koa, Fastify and h3 read the property. */
  status = 503;
  /** The HTTP headers of such an answer, which the same frameworks send. */
  headers: Record<string, string> = { "retry-after": "1" };
}

/**
 * A task was dropped because the executor was shut down or terminated.
 *
 * @example A list of the tasks for the next start of the program
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, ShutdownError } from "@genro/executor";
 *
 * await using executor = await Executor.start();
 * const unfinished: string[] = [];
 * const job = executor.runCpu(() => new Promise<void>(() => {})).catch((error) => {
 *   if (!(error instanceof ShutdownError)) throw error;
 *   unfinished.push("report"); // The task has not failed.
 * });
 *
 * await executor.shutdown({ timeout: 10 });
 * await job;
 * assertEquals(unfinished, ["report"]);
 * ```
 */
export class ShutdownError extends ExecutorError {
  /** The name of the class. */
  override name = "ShutdownError";
  /** The HTTP status of an answer with this error: Express, Koa, Fastify and h3 read the property. */
  status = 503;
  /** The HTTP headers of such an answer, which the same frameworks send. */
  headers: Record<string, string> = { "retry-after": "1" };
}

/**
 * A task was refused, as `maxQueue` tasks already wait for a worker of the pool, or `maxQueuePerTenant`
 * tasks of the tenant.
 *
 * @example A server that answers 503
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, QueueFullError } from "@genro/executor";
 *
 * await using executor = await Executor.start({ cpu: { maxWorkers: 1, maxQueue: 1 } });
 * const answer = (name: string) =>
 *   executor.runCpu((name: string) => `Hello, ${name}`, name).catch((error) => {
 *     if (error instanceof QueueFullError) return "503 Try again later";
 *     throw error;
 *   });
 *
 * // The first task runs, the second waits, and the third is refused.
 * const answers = await Promise.all(["Ann", "Bob", "Eve"].map(answer));
 * assertEquals(answers, ["Hello, Ann", "Hello, Bob", "503 Try again later"]);
 * ```
 */
export class QueueFullError extends ExecutorError {
  /** The name of the class. */
  override name = "QueueFullError";
  /** The pool without room, if an executor made the error. */
  pool?: "blocking" | "cpu";
  /** How many tasks may wait, if an executor made the error. */
  maxQueue?: number;
  /** The option of the pool whose limit is reached. */
  option: "maxQueue" | "maxQueuePerTenant" = "maxQueue";
  /**
   * The HTTP status of an answer with this error: 503, or 429 where a tenant has too many tasks.
   * Express, Koa, Fastify and h3 read the property.
   */
  status = 503;
  /** The HTTP headers of such an answer, which the same frameworks send. */
  headers: Record<string, string> = { "retry-after": "1" };
}

/**
 * Structured clone refuses an argument, the result or the error of a task, or a value of `progress()`.
 *
 * @example An object that cannot be cloned, and the data to send instead
 * ```ts
 * import { assertEquals, assertRejects } from "@std/assert";
 * import { Executor, NotCloneableError } from "@genro/executor";
 *
 * await using executor = await Executor.start();
 * const url = new URL("https://deno.com/blog");
 *
 * await assertRejects(() => executor.runCpu((url: URL) => url.pathname, url), NotCloneableError);
 * // Send the plain data of the object, and make the object again in the task.
 * const path = await executor.runCpu((href: string) => new URL(href).pathname, url.href);
 * assertEquals(path, "/blog");
 * ```
 */
export class NotCloneableError extends ExecutorError {
  /** The name of the class. */
  override name = "NotCloneableError";
  /** The index of the argument; `undefined` if the value is of the task. */
  argument?: number;
}

/**
 * The module has no such function, or the function cannot be sent by its source.
 *
 * @example A native function, and a function around the native function
 * ```ts
 * import { assertEquals, assertRejects } from "@std/assert";
 * import { Executor, TaskNotFoundError } from "@genro/executor";
 *
 * await using executor = await Executor.start();
 *
 * // A native function has no source to send.
 * await assertRejects(() => executor.runCpu(Math.max, 1, 2), TaskNotFoundError, "wrap it");
 * assertEquals(await executor.runCpu((a: number, b: number) => Math.max(a, b), 1, 2), 2);
 * ```
 */
export class TaskNotFoundError extends ExecutorError {
  /** The name of the class. */
  override name = "TaskNotFoundError";
  /** The name of the task, with dots for objects in objects; empty for a function without a name. */
  task?: string;
  /** The URL of the task's module; `undefined` for a function that is sent by its source. */
  module?: string;
}

/**
 * A worker could not be started, or could not load the module of a task; see `cause`.
 *
 * @example A plugin that may be missing
 * ```ts
 * import { assertStringIncludes } from "@std/assert";
 * import { Executor, tasksFrom, WorkerStartError } from "@genro/executor";
 *
 * // No compiler looks for a module that is named by a URL.
 * const plugin = tasksFrom<{ render(): string }>(import.meta.resolve("./no_plugin.ts"));
 *
 * await using executor = await Executor.start();
 * const page = await executor.runCpu(plugin.render).catch((error) => {
 *   if (!(error instanceof WorkerStartError)) throw error;
 *   return `No plugin: ${error.message}`; // `error.cause` is the error of the import.
 * });
 * assertStringIncludes(page, "no_plugin.ts");
 * ```
 */
export class WorkerStartError extends ExecutorError {
  /** The name of the class. */
  override name = "WorkerStartError";
}

/**
 * All workers that may run the task are stuck in aborted tasks that do not end, and so are all
 * replacements of these workers: synchronous code cannot be stopped in a worker.
 *
 * @example Two loops that ignore their time limit
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, WorkersStuckError } from "@genro/executor";
 *
 * await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
 * const hasty = executor.with({ timeout: 20 });
 * function loop() {
 *   const end = performance.now() + 2_000;
 *   while (performance.now() < end);
 * }
 * // There may be twice as many stuck workers as `maxWorkers`.
 * await Promise.allSettled([hasty.runCpu(loop), hasty.runCpu(loop)]);
 * const error = await executor.runCpu(() => "not now").catch((error) => error);
 * assertEquals(error instanceof WorkersStuckError && error.stuck, 2);
 * ```
 */
export class WorkersStuckError extends ExecutorError {
  /** The name of the class. */
  override name = "WorkersStuckError";
  /** The pool whose workers are stuck, if an executor made the error. */
  pool?: "blocking" | "cpu";
  /** The number of stuck workers, if an executor made the error. */
  stuck?: number;
  /** The HTTP status of an answer with this error: Express, Koa, Fastify and h3 read the property. */
  status = 503;
  /** The HTTP headers of such an answer, which the same frameworks send. */
  headers: Record<string, string> = { "retry-after": "1" };
}

/**
 * The worker died while it ran the task; `cause` is the cause of the death, if the cause is known.
 *
 * @example A task that ends its worker
 * ```ts
 * import { assertEquals, assertRejects } from "@std/assert";
 * import { Executor, WorkerCrashedError } from "@genro/executor";
 *
 * await using executor = await Executor.start();
 * const exit = () => Deno.exit(1);
 * const greet = (name: string) => `Hello, ${name}`;
 *
 * // Whether the task may run again is for its caller to know. Other tasks go on, in another worker.
 * await assertRejects(() => executor.runCpu(exit), WorkerCrashedError, "while it ran");
 * assertEquals(await executor.runCpu(greet, "Ann"), "Hello, Ann");
 * ```
 */
export class WorkerCrashedError extends ExecutorError {
  /** The name of the class. */
  override name = "WorkerCrashedError";
  /** The pool of the worker, if an executor made the error. */
  pool?: "blocking" | "cpu";
  /** The exit code of a process that ended by itself. */
  exitCode?: number;
  /** The signal that ended a process; on Windows only a signal of the program itself. */
  signal?: string;
}
