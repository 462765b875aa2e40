/**
 * The task under way in this thread. The function that finds the task is kept on the global object,
 * because the module of a task may have another copy of this package than its worker.
 */

import type { TaskContext } from "../api/context.ts";

/** Finds the context of the task under way, if a task is under way. */
type Find = () => TaskContext | undefined;

const KEY = Symbol.for("@genro/executor current task");

const scope = globalThis as { [KEY]?: Find };

/** Has {@linkcode currentTask} ask this function first. */
export function provideCurrentTask(find: Find): void {
  const next = scope[KEY];
  const value = next === undefined ? find : () => find() ?? next();
  const property = { __proto__: null, value, configurable: true };
  Object.defineProperty(scope, KEY, property as PropertyDescriptor);
}

/** The context of the task under way in this thread. */
export function currentTask(): TaskContext | undefined {
  return scope[KEY]?.();
}
