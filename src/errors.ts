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

/** A task was submitted before `startup()` ended or after a shutdown began. */
export class NotStartedError extends ExecutorError {
  /** The name of the class. */
  override name = "NotStartedError";
}

/** A task was dropped because the executor was shut down or terminated. */
export class ShutdownError extends ExecutorError {
  /** The name of the class. */
  override name = "ShutdownError";
}

/** `maxQueue` tasks were already waiting for a worker of the pool. */
export class QueueFullError extends ExecutorError {
  /** The name of the class. */
  override name = "QueueFullError";
}

/** Structured clone refuses an argument, or what the task returned or threw. */
export class NotCloneableError extends ExecutorError {
  /** The name of the class. */
  override name = "NotCloneableError";
}

/** The module has no such function, or the function cannot be sent by its source. */
export class TaskNotFoundError extends ExecutorError {
  /** The name of the class. */
  override name = "TaskNotFoundError";
}

/** A worker, or the module of a task in it, could not be started; see `cause`. */
export class WorkerStartError extends ExecutorError {
  /** The name of the class. */
  override name = "WorkerStartError";
}

/** The worker died while it ran the task; `cause` is what killed it, if that is known. */
export class WorkerCrashedError extends ExecutorError {
  /** The name of the class. */
  override name = "WorkerCrashedError";
}
