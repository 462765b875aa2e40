import type { TaskFunction } from "./task_functions.ts";
import type { Task } from "./tasks.ts";

/**
 * Refuses a generator where a task is run for its result, beside what {@linkcode TaskFunction} says:
 * a generator cannot be cloned, and is streamed instead. All other tasks are accepted, and so is the
 * task parameter of a helper that takes any task.
 *
 * @typeParam F The type of the task.
 *
 * @example A helper with the same check as `runCpu()`
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type Runnable, type Task, type TaskFunction } from "@genro/executor";
 *
 * await using executor = await Executor.start();
 *
 * function twice<F extends TaskFunction>(task: (F | Task<F>) & Runnable<F>, ...args: Parameters<F>) {
 *   return Promise.all([executor.runCpu(task, ...args), executor.runCpu(task, ...args)]);
 * }
 *
 * assertEquals(await twice((n: number) => n * 2, 21), [42, 42]);
 * ```
 */
export type Runnable<F extends TaskFunction> = 0 extends 1 & ReturnType<F> ? unknown
  : [ReturnType<F>] extends [never] ? unknown
  : [ReturnType<F>] extends [
    Generator<unknown, unknown, never> | AsyncGenerator<unknown, unknown, never>,
  ] ? StreamedInstead | Task<StreamedInstead>
  : unknown;

/**
 * Tells in the compiler's error message why a generator is refused; see {@linkcode Runnable}.
 *
 * @param args Anything.
 * @returns An object that no task returns.
 *
 * @example The error of a generator in `runCpu()`
 * ```ts
 * import { Executor, type StreamedInstead } from "@genro/executor";
 *
 * await using executor = await Executor.start();
 * // @ts-expect-error A generator is streamed, by streamCpu() or streamBlocking().
 * await executor.runCpu(function* () {}).catch(() => {});
 * // @ts-expect-error This is why.
 * const task: StreamedInstead = function* () {};
 * void task;
 * ```
 */
export type StreamedInstead = (
  // deno-lint-ignore no-explicit-any -- a task takes anything
  ...args: any[]
) => { "a generator is streamed, by streamCpu() or streamBlocking()": never };

/**
 * Refuses a task of two or more arguments where a task is mapped over items, beside what
 * {@linkcode TaskFunction} says: one argument must be enough.
 *
 * @typeParam F The type of the task.
 *
 * @example A helper with the same check as `mapCpu()`
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type Mappable, type Runnable, type Task, type TaskFunction } from "@genro/executor";
 *
 * await using executor = await Executor.start();
 *
 * function all<F extends TaskFunction>(
 *   task: (F | Task<F>) & Runnable<F> & Mappable<F>,
 *   items: Parameters<F>[0][],
 * ) {
 *   return Array.fromAsync(executor.mapCpu(task, items));
 * }
 *
 * assertEquals(await all((n: number) => n * n, [1, 2, 3]), [1, 4, 9]);
 * ```
 */
export type Mappable<F extends TaskFunction> = [Parameters<F>[0]] extends Parameters<F> ? unknown
  // deno-lint-ignore no-explicit-any -- any function of one argument
  : ((item: any) => any) | Task<(item: any) => any>;
