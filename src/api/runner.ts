import type { MapOptions, RunOptions } from "./options.ts";
import type { Mappable, Runnable } from "./runnable.ts";
import type { StreamFunction, TaskFunction, Yielded } from "./task_functions.ts";
import type { Task } from "./tasks.ts";

/**
 * The ways to run tasks, for code that is given an executor, or the calls of `executor.with()`, and
 * need not know which.
 *
 * @typeParam P The type of the values that `onProgress` receives.
 *
 * @example A function whose caller decides how long the task may take
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type Runner } from "@genro/executor";
 *
 * function countWords(runner: Runner, text: string): Promise<number> {
 *   return runner.runCpu((text: string) => text.split(" ").length, text);
 * }
 *
 * await using executor = await Executor.start();
 * assertEquals(await countWords(executor, "a b"), 2);
 * assertEquals(await countWords(executor.with({ timeout: 5_000 }), "a b c"), 3);
 * ```
 */
// deno-lint-ignore no-explicit-any -- whatever its tasks tell
export interface Runner<P = any> {
  /**
   * Runs a task that blocks; see {@linkcode Executor.runBlocking}.
   *
   * @typeParam F The type of the task.
   * @param task A function that uses nothing from around it, or a task of `tasksFrom()`.
   * @param args The arguments, copied when a worker takes the task.
   * @returns The result of the task.
   * @throws {ExecutorError} As `Executor.runBlocking` does.
   * @throws {DOMException} Named `TimeoutError`, if the task has run for its `timeout`.
   * @throws {unknown} The error of the task, or the reason of the `signal`.
   */
  runBlocking<F extends TaskFunction<P>>(
    task: (F | Task<F>) & Runnable<F>,
    ...args: Parameters<F>
  ): Promise<Awaited<ReturnType<F>>>;
  /**
   * Runs a task that computes; see {@linkcode Executor.runCpu}.
   *
   * @typeParam F The type of the task.
   * @param task A function that uses nothing from around it, or a task of `tasksFrom()`.
   * @param args The arguments, copied when a worker takes the task.
   * @returns The result of the task.
   * @throws {ExecutorError} As `Executor.runBlocking` does.
   * @throws {DOMException} Named `TimeoutError`, if the task has run for its `timeout`.
   * @throws {unknown} The error of the task, or the reason of the `signal`.
   */
  runCpu<F extends TaskFunction<P>>(
    task: (F | Task<F>) & Runnable<F>,
    ...args: Parameters<F>
  ): Promise<Awaited<ReturnType<F>>>;
  /**
   * Runs a blocking task once for each item; see {@linkcode Executor.mapBlocking}.
   *
   * @typeParam F The type of the task.
   * @param task A function of one argument, or such a task of `tasksFrom()`.
   * @param items The arguments: an array, a generator, a stream, the characters of a string.
   * @param options In which order the results come, and how many items may be in flight.
   * @returns The results.
   * @throws {RangeError} If `buffer` is no integer of at least 1.
   * @throws {TypeError} If `items` is not iterable, or an option is of the wrong type.
   * @throws {ExecutorError} In the loop, as `Executor.runBlocking` does.
   * @throws {DOMException} In the loop, named `TimeoutError`, if a task has run for its `timeout`.
   * @throws {unknown} In the loop, the error of a task or of `items`, or the reason of the `signal`.
   */
  mapBlocking<F extends TaskFunction<P>>(
    task: (F | Task<F>) & Runnable<F> & Mappable<F>,
    items: Iterable<Parameters<F>[0]> | AsyncIterable<Parameters<F>[0]>,
    options?: MapOptions,
  ): AsyncIterableIterator<Awaited<ReturnType<F>>>;
  /**
   * Runs a computing task once for each item; see {@linkcode Executor.mapCpu}.
   *
   * @typeParam F The type of the task.
   * @param task A function of one argument, or such a task of `tasksFrom()`.
   * @param items The arguments: an array, a generator, a stream, the characters of a string.
   * @param options In which order the results come, and how many items may be in flight.
   * @returns The results.
   * @throws {RangeError} If `buffer` is no integer of at least 1.
   * @throws {TypeError} If `items` is not iterable, or an option is of the wrong type.
   * @throws {ExecutorError} In the loop, as `Executor.runBlocking` does.
   * @throws {DOMException} In the loop, named `TimeoutError`, if a task has run for its `timeout`.
   * @throws {unknown} In the loop, the error of a task or of `items`, or the reason of the `signal`.
   */
  mapCpu<F extends TaskFunction<P>>(
    task: (F | Task<F>) & Runnable<F> & Mappable<F>,
    items: Iterable<Parameters<F>[0]> | AsyncIterable<Parameters<F>[0]>,
    options?: MapOptions,
  ): AsyncIterableIterator<Awaited<ReturnType<F>>>;
  /**
   * Runs a blocking task that yields; see {@linkcode Executor.streamBlocking}.
   *
   * @typeParam F The type of the task.
   * @param task A function that uses nothing from around it, or a task of `tasksFrom()`.
   * @param args The arguments, copied when a worker takes the task.
   * @returns The values that the task yields.
   * @throws {ExecutorError} In the loop, as `Executor.runBlocking` does.
   * @throws {TypeError} In the loop, if the result of the task is not iterable.
   * @throws {DOMException} In the loop, named `TimeoutError`, if the task has run for its `timeout`.
   * @throws {unknown} In the loop, the error of the task, or the reason of the `signal`.
   */
  streamBlocking<F extends StreamFunction<P>>(
    task: F | Task<F>,
    ...args: Parameters<F>
  ): AsyncIterableIterator<Yielded<F>>;
  /**
   * Runs a computing task that yields; see {@linkcode Executor.streamCpu}.
   *
   * @typeParam F The type of the task.
   * @param task A function that uses nothing from around it, or a task of `tasksFrom()`.
   * @param args The arguments, copied when a worker takes the task.
   * @returns The values that the task yields.
   * @throws {ExecutorError} In the loop, as `Executor.runBlocking` does.
   * @throws {TypeError} In the loop, if the result of the task is not iterable.
   * @throws {DOMException} In the loop, named `TimeoutError`, if the task has run for its `timeout`.
   * @throws {unknown} In the loop, the error of the task, or the reason of the `signal`.
   */
  streamCpu<F extends StreamFunction<P>>(
    task: F | Task<F>,
    ...args: Parameters<F>
  ): AsyncIterableIterator<Yielded<F>>;
  /**
   * Narrows the options of the calls: either signal aborts, the shorter time limit counts, the new
   * listener replaces the old, and a tenant stays; see {@linkcode Executor.with}.
   *
   * @typeParam Q The type of the values that the listener receives.
   * @param options The additional options.
   * @returns The calls with both options.
   * @throws {RangeError} If `timeout` is not more than 0, or `tenant` is empty.
   * @throws {TypeError} If an option is of the wrong type, the calls are those of another tenant, or
   * there is a tenant and tasks run inline.
   */
  with<Q = P>(options: RunOptions<Q>): Runner<Q>;
}
