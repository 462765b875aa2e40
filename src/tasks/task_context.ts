import type { TaskContext } from "../api/context.ts";
import { ExecutorError } from "../api/errors.ts";
import { currentTask } from "../wire/under_way.ts";

/**
 * Gets the context of the task under way: for a method, whose `this` is its own object, for an arrow
 * function, and for any function that a task calls.
 *
 * A worker runs one task at a time, so the call works after an `await`, too. Timers and promises that
 * a task leaves behind must not call the function after the end of the task: the result would be the
 * context of the next task, or an error.
 *
 * @returns The same object as `this` of a task that is a `function`.
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
 * assertThrows(() => counter.count(9), ExecutorError); // Called here, where no task is under way.
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
