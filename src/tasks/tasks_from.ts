import type { Tasks } from "../api/tasks.ts";
import { nameModule, type TaskModule } from "./modules.ts";
import { AddressedTask } from "./task.ts";

/**
 * Names the functions of a module as tasks, with their types, without loading the module here.
 *
 * Each worker that runs a task of the module loads the module once. The specifier is read from the
 * source of `load`, which is called only where tasks run inline. As `load` is a literal `import()`,
 * `deno check`, `deno cache`, `deno compile` and bundlers find the module. Paths, `jsr:`, `npm:` and
 * names of an import map all work.
 *
 * @typeParam M The type of the module.
 * @param meta The `import.meta` of the calling module: paths are relative to the calling module.
 * @param load `() => import("./tasks.ts")`, with the specifier as a literal.
 * @returns The module's functions, by their names.
 * @throws {TypeError} If no literal specifier can be read from `load`, or it cannot be resolved.
 *
 * @example A function of a module, as a task
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
 * @param url The absolute URL of the module.
 * @returns The module's functions, by their names.
 * @throws {TypeError} If `url` is not an absolute URL.
 *
 * @example A module that is named by its URL
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
    return tasksOf(nameModule(url, () => importUrl(url)), []);
  }
  const specifier = specifierOf(load);
  const meta = from as ImportMeta;
  const url = meta.resolve(specifier);
  const name = /^[./]/.test(specifier) ? undefined : specifier;
  return tasksOf(nameModule(url, load, name, meta.url), []);
}

/** Calls `import(url)`. Evaluated from text, as `deno publish` warns of imports without a literal. */
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

/** The literal of `() => import("literal")`; comments and import attributes are passed over. */
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

/** The module of each object that {@linkcode tasksFrom} has returned, and of each object inside. */
const modulesOfObjects = new WeakMap<object, TaskModule>();
/** The task that each object inside an object of {@linkcode tasksFrom} stands for. */
const tasksOfObjects = new WeakMap<object, AddressedTask>();

/** An object whose every property is the task with the property's name, and again such an object. */
function tasksOf(module: TaskModule, path: readonly string[]): object {
  const target = Object.create(null);
  const proxy = new Proxy(target, {
    get: (_, name) =>
      typeof name === "string" ? target[name] ??= tasksOf(module, [...path, name]) : undefined,
    set: () => false,
    defineProperty: () => false,
  });
  modulesOfObjects.set(proxy, module);
  if (path.length > 0) {
    tasksOfObjects.set(proxy, new AddressedTask({ url: module.url, path }, module.index));
  }
  return proxy;
}

/** The module of an object, if {@linkcode tasksFrom} has returned the object or one around it. */
export function moduleOf(object: unknown): TaskModule | undefined {
  return isObject(object) ? modulesOfObjects.get(object) : undefined;
}

/** The task that an object stands for, if {@linkcode tasksFrom} has named the task. */
export function taskOf(object: unknown): AddressedTask | undefined {
  return isObject(object) ? tasksOfObjects.get(object) : undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
