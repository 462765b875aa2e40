import type { TaskContext } from "./context.ts";

/**
 * Any function that can be a task. Its `this` is the context of the task.
 *
 * @typeParam P The type of the values for `this.progress()`.
 * @param args The arguments: any values that structured clone takes.
 * @returns Any value that structured clone takes, or a promise of such a value.
 *
 * @example A helper for any task, which measures the time
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type Task, type TaskFunction } from "@genro/executor";
 *
 * await using executor = await Executor.start();
 *
 * async function timed<F extends TaskFunction>(task: F | Task<F>, ...args: Parameters<F>) {
 *   const begun = performance.now();
 *   const result = await executor.runCpu(task, ...args);
 *   return { result, ms: performance.now() - begun };
 * }
 *
 * const { result, ms } = await timed((a: number, b: number) => a + b, 40, 2);
 * assertEquals([result, ms > 0], [42, true]);
 * ```
 */
// deno-lint-ignore no-explicit-any -- a task takes, tells and returns anything
export type TaskFunction<P = any> = (this: TaskContext<P>, ...args: any[]) => any;

/**
 * Any function for a streaming task: a generator, or a function with an iterable as its result.
 *
 * @typeParam P The type of the values for `this.progress()`.
 * @param args The arguments: any values that structured clone takes.
 * @returns The values of the stream, each of which can be cloned or transferred.
 *
 * @example The values of any stream, as lines of JSON for the body of a response
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type StreamFunction } from "@genro/executor";
 *
 * await using executor = await Executor.start();
 *
 * async function* jsonLines<F extends StreamFunction>(task: F, ...args: Parameters<F>) {
 *   for await (const value of executor.streamCpu(task, ...args)) {
 *     yield `${JSON.stringify(value)}\n`;
 *   }
 * }
 *
 * const lines = jsonLines((text: string) => text.matchAll(/\d+/g).map(Number), "7 of 42");
 * assertEquals(await Array.fromAsync(lines), ["7\n", "42\n"]);
 * ```
 */
// deno-lint-ignore no-explicit-any -- a task tells anything
export type StreamFunction<P = any> = (
  this: TaskContext<P>,
  // deno-lint-ignore no-explicit-any -- a task takes anything
  ...args: any[]
) => // No string: a string is a single value.
| object & (Iterable<unknown> | AsyncIterable<unknown>)
| Promise<object & (Iterable<unknown> | AsyncIterable<unknown>)>;

/**
 * The type of the values that a streaming task yields.
 *
 * @typeParam F The type of the task.
 *
 * @example The rows that a parser yields
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type Yielded } from "@genro/executor";
 *
 * function* parse(csv: string) {
 *   for (const line of csv.split("\n")) yield line.split(",");
 * }
 * type Row = Yielded<typeof parse>; // string[]
 *
 * await using executor = await Executor.start();
 * const rows: Row[] = [];
 * for await (const row of executor.streamCpu(parse, "Ann,Rome\nBob,Genoa")) rows.push(row);
 * assertEquals(rows, [["Ann", "Rome"], ["Bob", "Genoa"]]);
 * ```
 */
export type Yielded<F extends StreamFunction> = Awaited<ReturnType<F>> extends
  AsyncIterable<infer T> | Iterable<infer T> ? Awaited<T> : never;
