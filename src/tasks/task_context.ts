import type { TaskContext } from "../api/context.ts";
import { ExecutorError } from "../api/errors.ts";
import { currentTask } from "../wire/current_task.ts";

/**
 * Gets the context of the task that is under way: for a method, whose `this` is its own object, for
 * an arrow function, and for whatever a task calls.
 *
 * A worker runs one task at a time, so this works after an `await`, too. What a task leaves behind
 * when it has ended must not call it: it would get the context of the next task, or an error.
 *
 * @returns What a function that is a task has as `this`.
 * @throws {ExecutorError} If no task is under way here.
 *
 * @example A method that can be cancelled
 * ```ts
 * import { assertThrows } from "@std/assert";
 * import { ExecutorError, taskContext } from "@genro/executor";
 *
 * // An export of counter.ts, and a task by the name of
 * // tasksFrom(import.meta, () => import("./counter.ts")).counter.count
 * const counter = {
 *   step: 2,
 *   count(limit: number): number {
 *     const context = taskContext();
 *     let n = 0;
 *     for (; n < limit; n += this.step) context.throwIfAborted();
 *     return n;
 *   },
 * };
 *
 * assertThrows(() => counter.count(9), ExecutorError); // Here it is called, and no task.
 * ```
 */
export function taskContext(): TaskContext {
  const context = currentTask();
  if (context !== undefined) return context;
  throw new ExecutorError(
    "Cannot get the context of a task: none is under way here; call taskContext() in a task, " +
      "before it ends",
  );
}
