/** Addressing a function in another thread: by module and export, or by its source. */

import type { TaskContext } from "../api/context.ts";
import { TaskNotFoundError } from "../api/errors.ts";
import { isOfModule, MAX_ADDRESSES, type TaskAddress } from "../wire/protocol.ts";

/**
 * Any function that can be a task. Its `this` is the task's context.
 *
 * @typeParam P The type of what the function tells by `this.progress()`.
 * @param args Its arguments: whatever can be cloned.
 * @returns Whatever can be cloned, or a promise of that.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type Task, type TaskFunction } from "@genro/executor";
 *
 * await using executor = await Executor.start();
 *
 * // Runs any task, and says how long that took.
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
 * Any function that can be a task that streams: a generator, or what returns something iterable.
 *
 * @typeParam P The type of what the function tells by `this.progress()`.
 * @param args Its arguments: whatever can be cloned.
 * @returns What it yields, each value of which can be cloned or transferred.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type StreamFunction } from "@genro/executor";
 *
 * await using executor = await Executor.start();
 *
 * // What any such task yields, as lines of JSON for the body of a response.
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
) => // No string: that is a single value.
| object & (Iterable<unknown> | AsyncIterable<unknown>)
| Promise<object & (Iterable<unknown> | AsyncIterable<unknown>)>;

/**
 * What is asked of a task that is run for its result, beside what {@linkcode TaskFunction} says: a
 * generator cannot be cloned, and is streamed instead. Any other task is let pass, and so is the task
 * of a function that takes any task.
 *
 * @typeParam F The type of the task.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type Runnable, type Task, type TaskFunction } from "@genro/executor";
 *
 * await using executor = await Executor.start();
 *
 * // Does not compile for a generator, as runCpu() does not.
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
 * What a generator is not, in words that the compiler shows; see {@linkcode Runnable}.
 *
 * @param args Anything.
 * @returns Nothing that there is.
 *
 * @example
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
 * What is asked of the task of a map, beside what {@linkcode TaskFunction} says: that one argument is
 * enough.
 *
 * @typeParam F The type of the task.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type Mappable, type Runnable, type Task, type TaskFunction } from "@genro/executor";
 *
 * await using executor = await Executor.start();
 *
 * // All results at once. Does not compile for a task of two arguments, as mapCpu() does not.
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

/**
 * What a task yields that streams.
 *
 * @typeParam F The type of the task.
 *
 * @example
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

/**
 * A function of a module, as {@linkcode tasksFrom} names it. It cannot be called, only run.
 *
 * @typeParam F The type of the function.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type Task, tasksFrom } from "@genro/executor";
 *
 * const { basename, extname } = tasksFrom(import.meta, () => import("node:path"));
 *
 * // What a request may ask for.
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
 * The task that a function of a module becomes. One with several signatures takes the arguments of
 * each of them, but those with a callback, which cannot be sent; its result is whatever one of them
 * returns. For one signature, or for one type of a generic function, name the `Task` of that.
 *
 * @typeParam F The type of the function.
 *
 * @example
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
  // `Parameters<F>` and `ReturnType<F>` read the last signature alone. That is enough if the others
  // say no more: of fewer than six, the first stands for those that are missing.
}
  ? [[A1, R1], [A2, R2], [A3, R3], [A4, R4], [A5, R5]] extends
    [[A6, R6], [A6, R6], [A6, R6], [A6, R6], [A6, R6]] ? Task<F>
    // Else they read a union, of functions each of which has another signature as its last. It
    // returns a promise, as a signature that is there twice would not be the last.
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
 * The functions of a module as tasks; objects among its exports keep their shape.
 *
 * @typeParam M The type of the module.
 *
 * @example
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

/** A module that has tasks. */
export interface TaskModule {
  readonly url: string;
  /** What the program calls it, if that is not relative to a module. */
  readonly specifier: string | undefined;
  /** The module that calls it so. */
  readonly from: string | undefined;
  /** Its place in `modules`. */
  readonly index: number;
  /** Loads the module in this thread. */
  readonly load: () => Promise<unknown>;
}

/** Every module named so far, in order; only grows. A worker lists those there were when it started. */
export const modules: TaskModule[] = [];
const modulesByUrl = new Map<string, TaskModule>();

/** Whether this thread has named the module at a URL as one that has tasks. */
export function isNamed(url: string): boolean {
  return modulesByUrl.has(url);
}

function taskModule(
  url: string,
  specifier: string | undefined,
  from: string | undefined,
  load: () => Promise<unknown>,
): TaskModule {
  let module = modulesByUrl.get(url);
  if (module === undefined) {
    module = { url, specifier, from, index: modules.length, load };
    modules.push(module);
    modulesByUrl.set(url, module);
  }
  return module;
}

/** A function that has an address, and an id that is the same in every worker. */
export class AddressedTask {
  static #lastId = 0;
  readonly id: number = ++AddressedTask.#lastId;
  readonly address: TaskAddress;
  /** Which module of `modules` a worker must list to run it; -1 for none. */
  readonly module: number;

  constructor(address: TaskAddress, module: number) {
    this.address = address;
    this.module = module;
  }

  /** What the function is called. */
  get name(): string {
    const { address } = this;
    return isOfModule(address) ? address.path.join(".") : address.name || "anonymous";
  }

  /** How errors call the task. */
  get label(): string {
    const { address } = this;
    if (isOfModule(address)) return `${this.name} of ${address.url}`;
    return address.name === "" ? "an anonymous function" : `the function ${address.name}`;
  }
}

/** The module of each object that {@linkcode tasksFrom} returns, and of each object inside. */
const namespaces = new WeakMap<object, TaskModule>();
/** What the objects that {@linkcode tasksFrom} returns stand for. */
const addressed = new WeakMap<object, AddressedTask>();
const addressedFunctions = new WeakMap<object, AddressedTask>();
/** The tasks that are sent by their source, so that a function made anew by each request is sent once. */
const addressedSources = new Map<string, AddressedTask>();

/**
 * Names the functions of a module as tasks, with their types, without loading it here.
 *
 * The module is loaded once in each worker that runs one of its tasks. The specifier is
 * read from the source of the thunk, which is never called, unless the executor is
 * `inline`; being a literal `import()` it is seen by `deno check`, `deno cache`,
 * `deno compile` and bundlers. Paths, `jsr:`, `npm:` and import-map names all work.
 *
 * @typeParam M The type of the module.
 * @param meta The `import.meta` of the calling module: paths are relative to it.
 * @param load `() => import("./tasks.ts")`, with the specifier as a literal.
 * @returns The module's functions, by their names.
 * @throws {TypeError} If no literal specifier can be read from `load`, or it cannot be resolved.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, tasksFrom } from "@genro/executor";
 *
 * const { basename } = tasksFrom(import.meta, () => import("node:path"));
 *
 * await using executor = await Executor.start();
 * assertEquals(await executor.runCpu(basename, "/tmp/picture.png"), "picture.png");
 * ```
 */
export function tasksFrom<M>(meta: ImportMeta, load: () => Promise<M>): Tasks<M>;
/**
 * Names the functions of the module at an absolute URL as tasks.
 *
 * @typeParam M The type of the module.
 * @param url Where the module is, absolute.
 * @returns The module's functions, by their names.
 * @throws {TypeError} If `url` is not an absolute URL.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, tasksFrom } from "@genro/executor";
 *
 * const { basename } = tasksFrom<typeof import("node:path")>("node:path");
 *
 * await using executor = await Executor.start();
 * assertEquals(await executor.runCpu(basename, "/tmp/picture.png"), "picture.png");
 * ```
 */
export function tasksFrom<M>(url: string | URL): Tasks<M>;
export function tasksFrom(
  from: ImportMeta | string | URL,
  load?: () => Promise<unknown>,
): unknown {
  if (load === undefined) {
    const url = absolute(from as string | URL);
    return namespace(taskModule(url, undefined, undefined, () => importUrl(url)), []);
  }
  const specifier = specifierOf(load);
  const meta = from as ImportMeta;
  const url = meta.resolve(specifier);
  const name = /^[./]/.test(specifier) ? undefined : specifier;
  return namespace(taskModule(url, name, meta.url, load), []);
}

/** `import(url)`, as source: `deno publish` would warn that it cannot analyse it. */
export const importUrl: (url: string) => Promise<unknown> = (0, eval)("(url) => import(url)");

function absolute(url: string | URL): string {
  if (!URL.canParse(url)) {
    throw new TypeError(
      `Cannot find tasks in "${url}": it is not an absolute URL; pass import.meta and ` +
        `() => import("…"), or import.meta.resolve("…")`,
    );
  }
  return new URL(url).href;
}

/** The literal of `() => import("literal")`, comments and import attributes aside. */
const IMPORT =
  /\bimport\s*\(\s*(?:\/\*.*?\*\/\s*)*(?:"([^"\\\n]+)"|'([^'\\\n]+)'|`([^`\\$]+)`)\s*[,)]/s;

function specifierOf(load: () => Promise<unknown>): string {
  const source = typeof load === "function" ? Function.prototype.toString.call(load) : String(load);
  const match = IMPORT.exec(source);
  if (match === null) {
    throw new TypeError(
      `Cannot read which module has the tasks: expected () => import("…") with a literal, ` +
        `received ${source}; where a bundler rewrites it, use ` +
        `tasksFrom<typeof import("…")>(url) with an absolute URL`,
    );
  }
  return (match[1] ?? match[2] ?? match[3])!;
}

/** An object whose every property is the task of that name in the module. */
function namespace(module: TaskModule, path: readonly string[]): object {
  const target = Object.create(null);
  const proxy = new Proxy(target, {
    get: (_, name) =>
      typeof name === "string" ? target[name] ??= namespace(module, [...path, name]) : undefined,
    set: () => false,
    defineProperty: () => false,
  });
  namespaces.set(proxy, module);
  if (path.length > 0) {
    addressed.set(proxy, new AddressedTask({ url: module.url, path }, module.index));
  }
  return proxy;
}

/** The module that what {@linkcode tasksFrom} returned is of, if that has returned it. */
export function moduleOf(tasks: unknown): TaskModule | undefined {
  return typeof tasks === "object" && tasks !== null ? namespaces.get(tasks) : undefined;
}

/**
 * The address of a task.
 *
 * @throws {TaskNotFoundError} If it is neither a task of a module nor a function that
 * can be sent by its source.
 */
export function addressOf(task: unknown): AddressedTask {
  if (typeof task !== "function") {
    const found = typeof task === "object" && task !== null && addressed.get(task);
    if (found) return found;
    throw new TaskNotFoundError(
      `Cannot run ${describe(task)}: pass a function, or a task of tasksFrom()`,
    );
  }
  let found = addressedFunctions.get(task);
  if (found === undefined) {
    found = addressSource(task);
    addressedFunctions.set(task, found);
  }
  return found;
}

function describe(task: unknown): string {
  if (task === null) return "null";
  if (task instanceof Promise) return "a promise";
  return typeof task === "object" ? "an object that names no task" : `${typeof task}`;
}

/** The end of what is not written in JavaScript: natives and bound functions. */
const NATIVE = /\{\s*\[native code\]\s*\}\s*$/;

// deno-lint-ignore ban-types -- any function at all
function addressSource(task: Function): AddressedTask {
  const source = Function.prototype.toString.call(task);
  let found = addressedSources.get(source);
  if (found !== undefined) return found;
  const name = nameOf(task);
  if (NATIVE.test(source)) {
    const error = new TaskNotFoundError(
      `Cannot send ${name === "" ? "the function" : `"${name}"`} to a worker: it is native or ` +
        `bound and has no source; wrap it in a function, or use tasksFrom()`,
    );
    throw Object.assign(error, { task: name });
  }
  // A method may be called "class".
  if (Object.getOwnPropertyDescriptor(task, "prototype")?.writable === false) {
    const error = new TaskNotFoundError(
      `Cannot send class "${name}" to a worker: it cannot be called; pass a function that makes ` +
        `an instance and returns plain data`,
    );
    throw Object.assign(error, { task: name });
  }
  // Bounded: a program may make functions without end.
  if (addressedSources.size >= MAX_ADDRESSES) addressedSources.clear();
  found = new AddressedTask({
    source,
    name,
    file: `task:${name.replace(/\s/g, "_") || "anonymous"}`,
  }, -1);
  addressedSources.set(source, found);
  return found;
}

// deno-lint-ignore ban-types -- any function at all
function nameOf(task: Function): string {
  const { name } = task;
  return typeof name === "string" ? name : "";
}
