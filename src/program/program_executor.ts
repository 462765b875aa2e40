import { Executor } from "../../executor.ts";
import { ExecutorError } from "../api/errors.ts";
import type { ExecutorOptions } from "../api/options.ts";
import { callerFrames } from "../tasks/failure.ts";

/** The executor of the program, with the options of the first call, and the line of that call. */
let shared: {
  readonly executor: Executor;
  readonly options: ExecutorOptions | undefined;
  readonly place: string;
} | undefined;

/**
 * Gets the executor that the whole program shares. The first call makes the executor; the code that
 * starts the program starts the executor, too.
 *
 * @param options Sizes and permissions of the two pools, for the first call. Later calls need no
 * options.
 * @returns The same executor each time.
 * @throws {ExecutorError} If the executor was made with other options.
 * @throws {RangeError} If a number is out of its range.
 * @throws {TypeError} If an option is of the wrong type.
 *
 * @example Options where the program starts, and none elsewhere
 * ```ts
 * import { assertEquals, assertThrows } from "@std/assert";
 * import { ExecutorError, getExecutor } from "@genro/executor";
 *
 * // Where the program starts.
 * await using executor = getExecutor({ cpu: { maxWorkers: 2 } });
 * await executor.startup();
 *
 * // Anywhere else.
 * assertEquals(await getExecutor().runCpu((n: number) => n * 2, 21), 42);
 * assertThrows(() => getExecutor({ cpu: { maxWorkers: 4 } }), ExecutorError, "other options");
 * ```
 */
export function getExecutor(options?: ExecutorOptions): Executor {
  if (shared === undefined) {
    const executor = new Executor(options);
    const place = callerFrames(getExecutor).split("\n", 1)[0]!.trim();
    shared = { executor, options, place };
  } else if (options !== undefined && !areSame(options, shared.options)) {
    throw new ExecutorError(
      "Cannot configure the program's executor: it was made with other options" +
        `${
          shared.place && ` ${shared.place}`
        }; expected options where it is used first, received ` +
        Deno.inspect(options, { depth: 2 }),
    );
  }
  return shared.executor;
}

/**
 * Whether two options of executors mean the same: the same object, or equal objects. A URL equals its
 * text.
 */
function areSame(a: unknown, b: unknown): boolean {
  if (a instanceof URL || b instanceof URL) return String(a) === String(b);
  if (Object.is(a, b)) return true;
  if (!isPlain(a) || !isPlain(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Array.isArray(a) === Array.isArray(b) &&
    [...keys].every((key) => areSame(own(a, key), own(b, key)));
}

/** Whether a value is an object or a list of options. A result of `tasksFrom()` has no prototype. */
function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === Array.prototype;
}

function own(value: object, key: string): unknown {
  return Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}
