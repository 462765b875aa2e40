/**
 * The errors an executor rejects with on its own account. What a task throws is
 * not among them: that arrives as the task threw it.
 *
 * @module
 */

/**
 * Base of every error that the executor itself makes.
 *
 * @example
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
 * @example
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
  /** The HTTP status of such an answer: Express, Koa, Fastify and h3 read the property. */
  status = 503;
  /** The HTTP headers of such an answer, which these frameworks send, too. */
  headers: Record<string, string> = { "retry-after": "1" };
}

/**
 * A task was dropped because the executor was shut down or terminated.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, ShutdownError } from "@genro/executor";
 *
 * await using executor = await Executor.start();
 * const unfinished: string[] = [];
 * const job = executor.runCpu(() => new Promise<void>(() => {})).catch((error) => {
 *   if (!(error instanceof ShutdownError)) throw error;
 *   unfinished.push("report"); // It has not failed: the next start of the program does it.
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
  /** The HTTP status of such an answer: Express, Koa, Fastify and h3 read the property. */
  status = 503;
  /** The HTTP headers of such an answer, which these frameworks send, too. */
  headers: Record<string, string> = { "retry-after": "1" };
}

/**
 * `maxQueue` tasks were already waiting for a worker of the pool, or `maxQueuePerTenant` tasks of the
 * tenant.
 *
 * @example
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
 * // One runs, one waits, and one is too many.
 * const answers = await Promise.all(["Ann", "Bob", "Eve"].map(answer));
 * assertEquals(answers, ["Hello, Ann", "Hello, Bob", "503 Try again later"]);
 * ```
 */
export class QueueFullError extends ExecutorError {
  /** The name of the class. */
  override name = "QueueFullError";
  /** The pool that has no room, if an executor made the error. */
  pool?: "blocking" | "cpu";
  /** How many tasks may wait, if an executor made the error. */
  maxQueue?: number;
  /** Which of the pool's options does not let the task wait. */
  option: "maxQueue" | "maxQueuePerTenant" = "maxQueue";
  /**
   * The HTTP status of such an answer: 503, or 429 where a tenant has too many tasks of its own.
   * Express, Koa, Fastify and h3 read the property.
   */
  status = 503;
  /** The HTTP headers of such an answer, which these frameworks send, too. */
  headers: Record<string, string> = { "retry-after": "1" };
}

/**
 * Structured clone refuses an argument, or what the task returned or threw.
 *
 * @example
 * ```ts
 * import { assertEquals, assertRejects } from "@std/assert";
 * import { Executor, NotCloneableError } from "@genro/executor";
 *
 * await using executor = await Executor.start();
 * const url = new URL("https://deno.com/blog");
 *
 * await assertRejects(() => executor.runCpu((url: URL) => url.pathname, url), NotCloneableError);
 * // Send the plain data that it is made of, and make it again there.
 * const path = await executor.runCpu((href: string) => new URL(href).pathname, url.href);
 * assertEquals(path, "/blog");
 * ```
 */
export class NotCloneableError extends ExecutorError {
  /** The name of the class. */
  override name = "NotCloneableError";
  /** Which argument cannot be sent, counted from 0; `undefined` for what a task returns or tells. */
  argument?: number;
}

/**
 * The module has no such function, or the function cannot be sent by its source.
 *
 * @example
 * ```ts
 * import { assertEquals, assertRejects } from "@std/assert";
 * import { Executor, TaskNotFoundError } from "@genro/executor";
 *
 * await using executor = await Executor.start();
 *
 * // It is native: there is no source to send.
 * await assertRejects(() => executor.runCpu(Math.max, 1, 2), TaskNotFoundError, "wrap it");
 * assertEquals(await executor.runCpu((a: number, b: number) => Math.max(a, b), 1, 2), 2);
 * ```
 */
export class TaskNotFoundError extends ExecutorError {
  /** The name of the class. */
  override name = "TaskNotFoundError";
  /** What the task is called, with dots for objects in objects; empty for a function without a name. */
  task?: string;
  /** The URL of the module that should have the task; `undefined` for a function that is sent. */
  module?: string;
}

/**
 * A worker, or the module of a task in it, could not be started; see `cause`.
 *
 * @example
 * ```ts
 * import { assertStringIncludes } from "@std/assert";
 * import { Executor, tasksFrom, WorkerStartError } from "@genro/executor";
 *
 * // No compiler looks for a plugin that is named by a URL.
 * const plugin = tasksFrom<{ render(): string }>(import.meta.resolve("./no_plugin.ts"));
 *
 * await using executor = await Executor.start();
 * const page = await executor.runCpu(plugin.render).catch((error) => {
 *   if (!(error instanceof WorkerStartError)) throw error;
 *   return `Without it: ${error.message}`; // `error.cause` is what loading it has thrown.
 * });
 * assertStringIncludes(page, "no_plugin.ts");
 * ```
 */
export class WorkerStartError extends ExecutorError {
  /** The name of the class. */
  override name = "WorkerStartError";
}

/**
 * All workers that may run the task are stuck in aborted tasks that do not end, and so are those which
 * replaced them: synchronous code cannot be stopped in a worker.
 *
 * @example
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
 * // A worker that is stuck is replaced, twice for each of `maxWorkers`.
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
  /** How many are stuck, if an executor made the error. */
  stuck?: number;
  /** The HTTP status of such an answer: Express, Koa, Fastify and h3 read the property. */
  status = 503;
  /** The HTTP headers of such an answer, which these frameworks send, too. */
  headers: Record<string, string> = { "retry-after": "1" };
}

/**
 * The worker died while it ran the task; `cause` is what killed it, if that is known.
 *
 * @example
 * ```ts
 * import { assertEquals, assertRejects } from "@std/assert";
 * import { Executor, WorkerCrashedError } from "@genro/executor";
 *
 * await using executor = await Executor.start();
 * const exit = () => Deno.exit(1);
 * const greet = (name: string) => `Hello, ${name}`;
 *
 * // Whether it may run again is for its caller to know; others go on, in another worker.
 * await assertRejects(() => executor.runCpu(exit), WorkerCrashedError, "while it ran");
 * assertEquals(await executor.runCpu(greet, "Ann"), "Hello, Ann");
 * ```
 */
export class WorkerCrashedError extends ExecutorError {
  /** The name of the class. */
  override name = "WorkerCrashedError";
  /** The pool that the worker was of, if an executor made the error. */
  pool?: "blocking" | "cpu";
  /** The exit code of a process that ended by itself. */
  exitCode?: number;
  /** The signal that ended a process; on Windows only a signal of the program itself. */
  signal?: string;
}
