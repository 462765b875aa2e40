const { isArray } = Array;

/** A subclass puts its private fields on the value given to this constructor. */
class Given {
  constructor(value: object) {
    return value;
  }
}

/**
 * The mark of `transfer()` on a value. A private field is possible on frozen objects, too, shows in
 * no copy of the value, and costs a tenth of an entry in a `WeakMap`.
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
 * Pass the value to a `run*` call as an argument, or return the value from a task. Buffers, streams and
 * ports that were transferred cannot be used on this side any more. The mark counts for the value itself
 * as an argument or a result, not for a value nested in another.
 *
 * A stream or a port goes on when the task has returned: its worker is kept until the stream or port has
 * ended, and `shutdown()` waits for a stream. When the worker ends, the stream errors.
 *
 * @typeParam T The type of the value.
 * @param value The object to send: a buffer, stream or port, or an object that contains some.
 * @param transferables The buffers, streams and ports to move; they must be reachable from `value`.
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

/** The objects marked for transfer with this value, if any. */
export function transferablesOf(value: unknown): Transferable[] | undefined {
  return typeof value === "object" && value !== null ? Marked.transferablesOf(value) : undefined;
}

/** The objects marked for transfer with these values, if any. */
export function transferablesAmong(values: readonly unknown[]): Transferable[] | undefined {
  let all: Transferable[] | undefined;
  for (const value of values) {
    const some = transferablesOf(value);
    if (some !== undefined) all = all === undefined ? some : [...all, ...some];
  }
  return all;
}
