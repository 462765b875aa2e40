import type { TaskContext } from "./context.ts";
import type { TaskFunction } from "./task_functions.ts";

/**
 * A function of a module, as {@linkcode tasksFrom} names the function. A task cannot be called, only
 * run by an executor.
 *
 * @typeParam F The type of the function.
 *
 * @example A table of the tasks that a request may ask for
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type Task, tasksFrom } from "@genro/executor";
 *
 * const { basename, extname } = tasksFrom(import.meta, () => import("node:path"));
 *
 * const parts: Record<"name" | "extension", Task<(path: string) => string>> = {
 *   name: basename,
 *   extension: extname,
 * };
 * await using executor = await Executor.start();
 * assertEquals(await executor.runCpu(parts["extension"], "/tmp/picture.png"), ".png");
 * ```
 */
export interface Task<F extends TaskFunction> {
  /** Carries the type of the function; there is no such property when the program runs. */
  readonly "~function": F;
}

/**
 * The task that {@linkcode tasksFrom} makes of a function. The task of a function with several
 * signatures takes the arguments of each signature, except of signatures with a callback, which
 * cannot be sent; the result has the type of any signature's result. To choose one signature, or one
 * type of a generic function, annotate the task with the `Task` of that signature.
 *
 * @typeParam F The type of the function.
 *
 * @example A function with several signatures, and one signature of such a function
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type Task, tasksFrom } from "@genro/executor";
 *
 * const { randomBytes } = tasksFrom(import.meta, () => import("node:crypto"));
 * const { readFileSync } = tasksFrom(import.meta, () => import("node:fs"));
 * const readText: Task<(path: string, encoding: "utf8") => string> = readFileSync;
 *
 * await using executor = await Executor.start();
 * // Not the signature with a callback, though that is the last.
 * const bytes = await executor.runCpu(randomBytes, 16);
 * const text: string = await executor.runBlocking(readText, "deno.json", "utf8");
 * assertEquals([bytes.length, typeof text], [16, "string"]);
 * ```
 */
export type TaskOf<F extends TaskFunction> = F extends {
  (...args: infer A1): infer R1;
  (...args: infer A2): infer R2;
  (...args: infer A3): infer R3;
  (...args: infer A4): infer R4;
  (...args: infer A5): infer R5;
  (...args: infer A6): infer R6;
  // `Parameters<F>` and `ReturnType<F>` read only the last signature. The last signature is enough if
  // all signatures are equal: of fewer than six, the first stands for the missing signatures.
}
  ? [[A1, R1], [A2, R2], [A3, R3], [A4, R4], [A5, R5]] extends
    [[A6, R6], [A6, R6], [A6, R6], [A6, R6], [A6, R6]] ? Task<F>
    // Else `Parameters<F>` and `ReturnType<F>` read a union of functions, each of which has another
    // signature as its last. Each function returns a promise, as a signature that is there twice
    // would not be the last.
  : (
    [A1, R1] | [A2, R2] | [A3, R3] | [A4, R4] | [A5, R5] | [A6, R6] extends infer S
      ? S extends [infer A extends unknown[], infer R]
        ? [Extract<A[number], TaskFunction>] extends [never]
          ? F & ((...args: A) => Promise<Awaited<R>>)
        : never
      : never
      : never
  ) extends infer Each extends TaskFunction ? Task<[Each] extends [never] ? F : Each>
  : Task<F>
  : Task<F>;

/**
 * The functions of a module as tasks; objects among the exports keep their shape.
 *
 * @typeParam M The type of the module.
 *
 * @example Functions in objects that a module exports
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type Tasks, tasksFrom } from "@genro/executor";
 *
 * const path: Tasks<typeof import("node:path")> = tasksFrom("node:path");
 *
 * await using executor = await Executor.start();
 * assertEquals(await executor.runCpu(path.posix.basename, "/tmp/picture.png"), "picture.png");
 * assertEquals(await executor.runCpu(path.win32.basename, "C:\\tmp\\a.png"), "a.png");
 * ```
 */
export type Tasks<M> = {
  readonly [K in keyof M as M[K] extends object ? K : never]:
    // A method that is named with its object needs no `this` of its own.
    (TaskContext extends ThisParameterType<M[K]> ? M[K] : OmitThisParameter<M[K]>) extends
      infer F extends TaskFunction ? TaskOf<F> & Tasks<M[K]> : Tasks<M[K]>;
};
