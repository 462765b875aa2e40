/**
 * What is under way in this thread: the task, or the load of a task module. Both are kept on the
 * global object, because several copies of this package may be in a thread. A bundled program has
 * two copies, the program's and the worker's. The module of a task may have another copy than its
 * worker.
 */

import type { TaskContext } from "../api/context.ts";

/** Finds the context of the task under way, if a task is under way. */
type Find = () => TaskContext | undefined;

const TASK = Symbol.for("@genro/executor current task");
const LOAD = Symbol.for("@genro/executor is loading");

const scope = globalThis as { [TASK]?: Find; [LOAD]?: string };

/** Has {@linkcode currentTask} ask this function first. */
export function provideCurrentTask(find: Find): void {
  const next = scope[TASK];
  const value = next === undefined ? find : () => find() ?? next();
  const property = { __proto__: null, value, configurable: true };
  Object.defineProperty(scope, TASK, property as PropertyDescriptor);
}

/** The context of the task under way in this thread. */
export function currentTask(): TaskContext | undefined {
  return scope[TASK]?.();
}

/** Loads a task module, whose URL {@linkcode loadingModule} returns until the module is loaded. */
export async function whileLoading(url: string, load: () => Promise<unknown>): Promise<unknown> {
  scope[LOAD] = url;
  try {
    return await load();
  } finally {
    delete scope[LOAD];
  }
}

/** The URL of the task module being loaded by this worker or process. */
export function loadingModule(): string | undefined {
  return scope[LOAD];
}
