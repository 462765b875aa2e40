const { isArray } = Array;

/** Makes what extends it put its private fields on the value it is given. */
class Given {
  constructor(value: object) {
    return value;
  }
}

/**
 * What a value carries that `transfer()` has marked. A private field is on frozen objects, too, shows
 * in no copy of the value, and costs a tenth of an entry in a `WeakMap`.
 */
class Marked extends Given {
  #transferables: Transferable[];

  constructor(value: object, transferables: Transferable[]) {
    super(value);
    this.#transferables = transferables;
  }

  static mark(value: object, transferables: Transferable[]): void {
    if (#transferables in value) value.#transferables = transferables;
    else new Marked(value, transferables);
  }

  static transferablesOf(value: object): Transferable[] | undefined {
    return #transferables in value ? value.#transferables : undefined;
  }
}

/**
 * Marks a value so that its buffers, streams or ports move instead of being copied.
 *
 * Give it to a `run*` call as one of the arguments, or return it from a task. What was
 * transferred cannot be used on this side any more. The mark counts for the value itself
 * as an argument or a result, not when it is nested in another one.
 *
 * A stream or a port goes on when the task has returned: its worker is kept until it has ended,
 * and `shutdown()` waits for the stream. When the worker ends, the stream errors.
 *
 * @typeParam T The type of the value.
 * @param value The object that is sent: what is moved, or an object that contains it.
 * @param transferables What is moved; it must be reachable from `value`.
 * @returns The same value.
 * @throws {TypeError} If `value` is a primitive, which has nothing to move, or
 * `transferables` is not an array.
 *
 * @example A megabyte there and back without a copy
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type TaskContext, transfer } from "@genro/executor";
 *
 * function invert(this: TaskContext, bytes: Uint8Array<ArrayBuffer>) {
 *   for (let i = 0; i < bytes.length; i++) bytes[i]! ^= 255;
 *   return this.transfer(bytes, [bytes.buffer]);
 * }
 *
 * await using executor = await Executor.start();
 * const bytes = new Uint8Array(1_000_000);
 * const inverted = await executor.runCpu(invert, transfer(bytes, [bytes.buffer]));
 * assertEquals(inverted[0], 255);
 * assertEquals(bytes.length, 0); // moved away
 * ```
 *
 * @see {@link https://developer.mozilla.org/en-US/docs/Web/API/Web_Workers_API/Transferable_objects}
 */
export function transfer<T>(value: T, transferables: Transferable[]): T {
  if (typeof value !== "object" || value === null) {
    throw new TypeError(
      `Cannot transfer with a ${value === null ? "null" : typeof value}: received ${
        String(value)
      }, pass the object that holds what is moved`,
    );
  }
  if (!isArray(transferables)) {
    throw new TypeError(
      `Cannot transfer ${typeof transferables}: pass an array of buffers, streams or ports`,
    );
  }
  // A copy, as the list is its caller's to change.
  Marked.mark(value, [...transferables]);
  return value;
}

/** What was marked for transfer with this value, if anything. */
export function transferablesOf(value: unknown): Transferable[] | undefined {
  return typeof value === "object" && value !== null ? Marked.transferablesOf(value) : undefined;
}

/** What these values have marked for transfer, if anything. */
export function transferablesAmong(values: readonly unknown[]): Transferable[] | undefined {
  let all: Transferable[] | undefined;
  for (const value of values) {
    const some = transferablesOf(value);
    if (some !== undefined) all = all === undefined ? some : [...all, ...some];
  }
  return all;
}
