/**
 * What a task finds in `this`: how it learns that its caller has given up, and how it
 * returns something without a copy.
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
  /** Aborts when the caller's signal aborts or the task's time is over; for asynchronous work. */
  readonly signal: AbortSignal;
  /**
   * Throws if the caller's signal has aborted or the task's time is over. It reads shared
   * memory, so it works in a synchronous loop, where no event can reach `signal`. A process
   * shares none: there a synchronous loop learns nothing, and ends with its process.
   *
   * @throws {unknown} The reason of the abort; in a synchronous loop, where the reason
   * has not arrived yet, a `DOMException` named `AbortError`.
   */
  throwIfAborted(): void;
  /**
   * Marks a result so that its buffers, streams or ports move instead of being copied. Streams and
   * ports go on when the task has returned, and keep its worker until they have ended.
   *
   * @typeParam T The type of the value.
   * @param value The object that the task returns.
   * @param transferables What is moved; it must be reachable from `value`.
   * @returns The same value.
   * @throws {TypeError} If `value` is a primitive, which has nothing to move, or
   * `transferables` is not an array.
   */
  transfer<T>(value: T, transferables: Transferable[]): T;
  /**
   * Tells the caller how far the task is: `onProgress` of its options is called with a copy of
   * this value, in order, and before the result arrives. A task in a worker that tells faster than
   * the program hears waits in this call.
   *
   * @param value What to tell; nobody may be listening.
   * @throws {DOMException} Named `DataCloneError`, if it cannot be cloned. A task that does not catch
   * that of a value nested too deep fails with a `NotCloneableError`.
   */
  progress(value: P): void;
}
