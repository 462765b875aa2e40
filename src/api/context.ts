/**
 * The `this` of a task: shows whether the caller has given up, tells the caller how far the task is,
 * and returns values without a copy.
 *
 * @typeParam P The type of the values that the task passes to `progress()`.
 *
 * @example A loop that ends when its caller aborts
 * ```ts
 * import { assertRejects } from "@std/assert";
 * import { Executor, type TaskContext } from "@genro/executor";
 *
 * function spin(this: TaskContext) {
 *   while (true) this.throwIfAborted();
 * }
 *
 * await using executor = await Executor.start();
 * await assertRejects(
 *   () => executor.with({ timeout: 50 }).runCpu(spin),
 *   DOMException,
 *   "timed out",
 * );
 * ```
 */
// deno-lint-ignore no-explicit-any -- a task tells anything
export interface TaskContext<P = any> {
  /** Aborts when the caller's signal aborts or the task's time is over. For asynchronous work. */
  readonly signal: AbortSignal;
  /**
   * Throws if the caller's signal has aborted or the task's time is over. For synchronous loops, where
   * no event can reach `signal`: the method reads memory that the worker shares with the program. A
   * process shares no memory: a synchronous loop there learns nothing, and ends with its process.
   *
   * @throws {unknown} The reason of the abort; in a synchronous loop, where the reason has not arrived
   * yet, a `DOMException` named `AbortError`.
   */
  throwIfAborted(): void;
  /**
   * Marks a result so that its buffers, streams or ports move instead of being copied. Streams and
   * ports go on after the task has returned, and keep its worker until the last has ended.
   *
   * @typeParam T The type of the value.
   * @param value The object that the task returns.
   * @param transferables The buffers, streams and ports to move, all reachable from `value`.
   * @returns The same value.
   * @throws {TypeError} If `value` is a primitive, which has nothing to move, or `transferables` is
   * not an array.
   */
  transfer<T>(value: T, transferables: Transferable[]): T;
  /**
   * Tells the caller how far the task is: calls the caller's `onProgress`, if there is any, with a copy
   * of the value. The calls come in order, and before the result. In a worker, a task that tells
   * faster than the program takes the values waits in this method.
   *
   * @param value The value, which the type parameter of the context describes.
   * @throws {DOMException} Named `DataCloneError`, if the value cannot be cloned. If the value is nested
   * too deep, and the task does not catch the error, the task fails with a `NotCloneableError`.
   */
  progress(value: P): void;
}
