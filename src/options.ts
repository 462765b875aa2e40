/** What an executor can be told, and the checks of it. */

import { permissionNames } from "./backend/permission_states.ts";
import { moduleOf, type TaskModule } from "./task.ts";

/**
 * Options of one pool of workers.
 *
 * @example
 * ```ts
 * import { assertEquals, assertRejects } from "@std/assert";
 * import { Executor, type PoolOptions } from "@genro/executor";
 *
 * const files: PoolOptions = {
 *   maxWorkers: 4,
 *   maxQueue: 1_000, // More are refused at once.
 *   permissions: { read: ["."] }, // All that its tasks are meant to touch.
 * };
 * await using executor = await Executor.start({ blocking: files });
 * const isFolder = (path: string) => Deno.statSync(path).isDirectory;
 * assertEquals(await executor.runBlocking(isFolder, "."), true);
 * await assertRejects(() => executor.runBlocking(isFolder, ".."), Deno.errors.NotCapable);
 * ```
 */
export interface PoolOptions {
  /**
   * How many workers `startup()` starts and no idle time ends.
   *
   * @default {0}
   */
  minWorkers?: number;
  /**
   * How many workers the pool may have.
   *
   * @default {40} for `blocking`; `navigator.hardwareConcurrency` for `cpu`
   */
  maxWorkers?: number;
  /**
   * How many tasks may wait for a worker. Past it `run*()` rejects with `QueueFullError`.
   *
   * @default {Infinity}
   */
  maxQueue?: number;
  /**
   * How long, in ms, a worker above `minWorkers` may be idle before it ends. One with a stream or
   * a port that goes on does not end.
   *
   * @default {10_000}
   */
  idleTimeout?: number;
  /**
   * What the workers are allowed. Anything but `"inherit"` needs
   * `"unstable": ["worker-options"]` in the application's deno.json, or
   * `--unstable-worker-options`; without it Deno ends the program with exit code 70. Processes
   * need neither; they inherit what the program has without restriction, and what it has for
   * some paths or hosts only must be named.
   *
   * @default {"inherit"} for `blocking`; `"none"` for `cpu`
   */
  permissions?: Deno.PermissionOptions;
  /**
   * What the workers are. A `"process"` is a Deno of its own: it is killed when an aborted
   * task does not end, and a crash or running out of memory ends it alone. It takes longer to
   * start and to reach, and the program needs `--allow-run` for `Deno.execPath()`.
   *
   * @default {"worker"}
   */
  isolation?: "worker" | "process";
  /**
   * How many MB of V8's heap a process may use before it ends; of processes only. Memory
   * outside of the heap, such as that of an `ArrayBuffer`, does not count.
   *
   * @default {Infinity}
   */
  memoryLimit?: number;
  /**
   * Modules of tasks that each worker loads before it takes tasks, in `startup()` and whenever the
   * pool grows: what {@linkcode tasksFrom} returned, or tasks of it. A pool with some starts at
   * least one worker in `startup()`, which rejects if one of them cannot be loaded.
   *
   * @default {[]}
   */
  preload?: readonly object[];
  /**
   * Flags of `deno run` for each process, such as `--import-map=map.json`; of processes only. They
   * find the program's deno.json as it does, but Deno does not tell a program its own flags, so
   * those that its tasks need are repeated here. Permissions are not among them: those are
   * {@linkcode PoolOptions.permissions}.
   *
   * @default {[]}
   */
  args?: readonly string[];
  /**
   * What becomes of what a process prints; of processes only. Where the pool's permissions are not
   * `"inherit"`, the program passes the output on, some ten MB a second at most, and the process has
   * no descriptor of the program's.
   *
   * @default {"print"}
   */
  output?: "print" | "discard";
  /**
   * How many workers that have served nobody are kept ready, beyond the `maxWorkers` that serve: a
   * tenant that needs a worker then waits for no start. See {@linkcode RunOptions.tenant}.
   *
   * @default {0}
   */
  spare?: number;
  /**
   * How many workers may serve one tenant at a time. The program's own tasks are a tenant, too.
   *
   * @default {maxWorkers}
   */
  maxWorkersPerTenant?: number;
  /**
   * How many tasks of one tenant may wait for a worker. Past it `run*()` rejects with
   * `QueueFullError`, while other tenants go on. The program's own tasks are a tenant, too.
   *
   * @default {Infinity}
   */
  maxQueuePerTenant?: number;
}

/**
 * Options of an executor.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type ExecutorOptions } from "@genro/executor";
 *
 * const options: ExecutorOptions = {
 *   // One before the first request; no more than the database takes connections.
 *   blocking: { minWorkers: 1, maxWorkers: 8 },
 *   // More are refused, so that nobody waits for long.
 *   cpu: { maxQueue: 100 },
 * };
 * await using executor = await Executor.start(options);
 * assertEquals(executor.stats().blocking.idle, 1);
 * ```
 */
export interface ExecutorOptions {
  /** The pool of `runBlocking`. */
  blocking?: PoolOptions;
  /** The pool of `runCpu`. */
  cpu?: PoolOptions;
  /**
   * Runs every task in this thread, with the same copies, errors and limits. For platforms
   * without `Worker`: nothing is kept off the event loop, no permission is withheld and no
   * crash is contained.
   *
   * @default {false}
   */
  inline?: boolean;
  /**
   * Where the module is that workers and processes run, as an absolute URL. Needed only where a
   * bundler has moved this package into another file: then
   * `jsr:@genro/executor@<version>/worker`, of the same version, or the URL of a bundle of that.
   * `startup()` rejects where it is needed and missing.
   *
   * @default {worker.ts of this package}
   */
  workerUrl?: string | URL;
}

/**
 * How an executor is shut down.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type ShutdownOptions } from "@genro/executor";
 *
 * // What was accepted has 4.5 s to end; what has not ended then is rejected.
 * const options: ShutdownOptions = { timeout: 4_500 };
 *
 * await using executor = await Executor.start();
 * const squares = Promise.all([1, 2, 3].map((n) => executor.runCpu((n: number) => n * n, n)));
 * await executor.shutdown(options);
 * assertEquals(await squares, [1, 4, 9]);
 * ```
 */
export interface ShutdownOptions {
  /**
   * Whether the promise resolves when all that was accepted has ended. If `false` it
   * resolves at once, and what was accepted still finishes.
   *
   * @default {true}
   */
  wait?: boolean;
  /**
   * Whether tasks that have not begun are rejected with `ShutdownError`.
   *
   * @default {false}
   */
  cancelQueued?: boolean;
  /**
   * After how many ms what is still running or waiting is rejected with `ShutdownError`, streams
   * that tasks have returned error with it, and their workers are terminated.
   *
   * @default {Infinity}
   */
  timeout?: number;
}

/**
 * Options of the runs that {@linkcode Executor.with} binds.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type RunOptions, type TaskContext } from "@genro/executor";
 *
 * function count(this: TaskContext, to: number) {
 *   for (let n = 1; n <= to; n++) this.progress(n / to);
 * }
 * const shares: number[] = [];
 * const options: RunOptions = { timeout: 5_000, onProgress: (share) => shares.push(share) };
 *
 * await using executor = await Executor.start();
 * await executor.with(options).runCpu(count, 4);
 * assertEquals(shares, [0.25, 0.5, 0.75, 1]);
 * ```
 */
export interface RunOptions {
  /**
   * Aborts the run: it rejects with the signal's reason at once. A task that waits never
   * begins; one that runs sees it in its context.
   */
  signal?: AbortSignal;
  /**
   * How many ms the task may run, from when its function is called. Then it rejects with a
   * `DOMException` named `TimeoutError`. Neither waiting counts, nor the load of its module: a
   * `signal` limits those, too.
   *
   * @default {Infinity}
   */
  timeout?: number;
  /**
   * Called with what the task tells by `this.progress(value)`, in order, and before the result.
   * If it throws, the run rejects with that, and the task is aborted. If it returns a promise, the
   * same goes for one that rejects; the result waits for the promise, but no other call does.
   * It runs in the async context of the run's caller.
   *
   * @param value A copy of what the task tells.
   * @returns Nothing, or a promise that resolves when the caller is done with it.
   */
  // deno-lint-ignore no-explicit-any -- whatever its task tells
  onProgress?(value: any): unknown;
  /**
   * For whom the task is run, such as `"customer-42"`. Tasks of two tenants never share a worker or
   * a process: a worker serves one tenant from its first task to its end. Waiting tasks are taken
   * round the tenants. Without the option a task is one of the program's own, which are a tenant of
   * their own.
   *
   * `undefined` is refused, so that a name that is missing by mistake gives nobody the program's own
   * workers.
   */
  tenant?: string;
}

/**
 * Options of a `map*` call.
 *
 * @example
 * ```ts
 * import { assert } from "@std/assert";
 * import { Executor, type MapOptions } from "@genro/executor";
 *
 * let read = 0;
 * function* numbers() {
 *   while (true) yield ++read;
 * }
 * const options: MapOptions = { ordered: false, buffer: 4 };
 *
 * await using executor = await Executor.start();
 * for await (const square of executor.mapCpu((n: number) => n * n, numbers(), options)) {
 *   if (square >= 100) break; // Whichever of them comes first.
 * }
 * assert(read <= 14); // At most 10 were taken, and 4 on their way.
 * ```
 */
export interface MapOptions {
  /**
   * Whether the results come in the order of their items. If not, each comes when it is there.
   *
   * @default {true}
   */
  ordered?: boolean;
  /**
   * How many items may be in flight or wait to be taken: the source is read no further ahead.
   *
   * @default {2 * maxWorkers}
   */
  buffer?: number;
}

/** The options of a pool, complete and checked. */
export interface PoolSettings extends Omit<Required<PoolOptions>, "isolation" | "preload"> {
  readonly preload: readonly TaskModule[];
  readonly isolation: "worker" | "process" | "inline";
  /** Whether the caller asked for these permissions, or they are the default. */
  readonly permissionsGiven: boolean;
  /** Where the program says that worker.ts is. */
  readonly workerUrl: string | undefined;
}

/** The longest delay a timer can have; a longer one would fire at once. */
const MAX_DELAY = 2 ** 31 - 1;

/** How many workers a pool may have by default: blocked ones need no core. */
export const defaultMaxWorkers = {
  blocking: 40,
  cpu: navigator.hardwareConcurrency ?? 1,
} as const;

/** The options of one of several executors that share the workers there would be by default. */
export function shareOf(options: ExecutorOptions | undefined, executors: number): ExecutorOptions {
  const share = (pool: "blocking" | "cpu"): PoolOptions => {
    // A copy of what is the caller's own.
    const { minWorkers = 0, maxWorkers, ...others } = bare(bare(options)[pool]);
    const part = Math.max(1, minWorkers, Math.floor(defaultMaxWorkers[pool] / executors));
    return { ...others, minWorkers, maxWorkers: maxWorkers ?? part };
  };
  return { ...options, blocking: share("blocking"), cpu: share("cpu") };
}

/** Completes the options of a pool. */
export function poolSettings(
  name: string,
  options: PoolOptions | undefined,
  defaults: Pick<PoolSettings, "isolation" | "maxWorkers" | "permissions" | "workerUrl">,
): PoolSettings {
  const own = ownOptions(name, options, [
    "minWorkers",
    "maxWorkers",
    "maxQueue",
    "idleTimeout",
    "permissions",
    "isolation",
    "memoryLimit",
    "preload",
    "args",
    "output",
    "spare",
    "maxWorkersPerTenant",
    "maxQueuePerTenant",
  ]);
  const maxWorkers = integer(`${name}.maxWorkers`, own("maxWorkers"), 1, defaults.maxWorkers);
  const minWorkers = integer(`${name}.minWorkers`, own("minWorkers"), 0, 0);
  if (minWorkers > maxWorkers) {
    throw new RangeError(
      `Cannot use ${name}.minWorkers: expected at most maxWorkers, which is ${maxWorkers}, ` +
        `received ${minWorkers}`,
    );
  }
  const permissions = own("permissions");
  const limit = (key: "maxQueue" | "maxQueuePerTenant") => {
    const value = own(key);
    return value === Infinity ? Infinity : integer(`${name}.${key}`, value, 1, Infinity);
  };
  return {
    minWorkers,
    maxWorkers,
    maxQueue: limit("maxQueue"),
    maxQueuePerTenant: limit("maxQueuePerTenant"),
    maxWorkersPerTenant: integer(
      `${name}.maxWorkersPerTenant`,
      own("maxWorkersPerTenant"),
      1,
      maxWorkers,
    ),
    spare: integer(`${name}.spare`, own("spare"), 0, 0),
    idleTimeout: milliseconds(`${name}.idleTimeout`, own("idleTimeout"), 10_000),
    permissions: permissions === undefined
      ? defaults.permissions
      : permissionOptions(`${name}.permissions`, permissions),
    permissionsGiven: permissions !== undefined,
    workerUrl: defaults.workerUrl,
    preload: modulesToLoad(`${name}.preload`, own("preload")),
    ...isolationOptions(name, own, defaults.isolation),
  };
}

function modulesToLoad(name: string, value: unknown): TaskModule[] {
  if (value === undefined) return [];
  const expected = "an array of what tasksFrom() returned";
  if (!Array.isArray(value)) throw wrongType(name, expected, value);
  return Array.from(value, (tasks) => {
    const module = moduleOf(tasks);
    if (module === undefined) throw wrongType(name, expected, tasks);
    return module;
  });
}

function isolationOptions(
  name: string,
  own: (key: "isolation" | "memoryLimit" | "args" | "output") => unknown,
  byDefault: PoolSettings["isolation"],
): Pick<PoolSettings, "isolation" | "memoryLimit" | "args" | "output"> {
  const isolation = own("isolation") ?? byDefault;
  if (own("isolation") !== undefined) {
    if (isolation !== "worker" && isolation !== "process") {
      throw wrongType(`${name}.isolation`, '"worker" or "process"', isolation);
    }
    if (byDefault === "inline") {
      throw new TypeError(`Cannot use ${name}.isolation: { inline: true } runs all in this thread`);
    }
  }
  const ofProcesses = (key: "memoryLimit" | "args" | "output", what: string) => {
    if (isolation === "process") return;
    throw new TypeError(
      `Cannot use ${name}.${key}: only a process ${what}; expected ${name}.isolation "process", ` +
        `received "${isolation}"`,
    );
  };
  const limit = own("memoryLimit");
  const memoryLimit = limit === undefined ? Infinity : limit;
  if (memoryLimit !== Infinity) ofProcesses("memoryLimit", "can be limited");
  const args = own("args");
  if (args !== undefined) ofProcesses("args", "is started with flags");
  const output = own("output");
  if (output !== undefined) ofProcesses("output", "has an output of its own");
  if (output !== undefined && output !== "print" && output !== "discard") {
    throw wrongType(`${name}.output`, '"print" or "discard"', output);
  }
  return {
    isolation: isolation as PoolSettings["isolation"],
    memoryLimit: memoryLimit === Infinity
      ? Infinity
      : integer(`${name}.memoryLimit`, memoryLimit, 1, Infinity),
    args: args === undefined ? [] : processFlags(`${name}.args`, args),
    output: output ?? "print",
  };
}

/** Flags of Deno that say what a program may do. */
const PERMISSION_FLAG = /^--(allow|deny|ignore|permission)\b/;

/** Flags for `deno run`, checked as far as that Deno takes no permission from them. */
function processFlags(name: string, flags: unknown): readonly string[] {
  if (!Array.isArray(flags)) throw wrongType(name, "an array of flags", flags);
  for (const flag of flags) {
    if (typeof flag !== "string") throw wrongType(name, "an array of flags", flag);
    // Several short ones may be in one, -A among them; what is no flag is the program's module.
    if (!/^--\w/.test(flag)) {
      throw new TypeError(
        `Cannot use ${name}: expected flags such as --name or --name=value, received ` +
          Deno.inspect(flag),
      );
    }
    if (PERMISSION_FLAG.test(flag)) {
      throw new TypeError(
        `Cannot use ${name}: what a process may do is said by permissions, received ` +
          Deno.inspect(flag),
      );
    }
  }
  return [...flags];
}

/** The options of an executor, checked as far as they are not a pool's. */
export function executorOptions(
  options: ExecutorOptions | undefined,
): ExecutorOptions & { inline: boolean; workerUrl: string | undefined } {
  const own = ownOptions("options", options, ["blocking", "cpu", "inline", "workerUrl"]);
  return {
    blocking: own("blocking") as PoolOptions | undefined,
    cpu: own("cpu") as PoolOptions | undefined,
    inline: boolean("inline", own("inline"), false),
    workerUrl: absoluteUrl("workerUrl", own("workerUrl")),
  };
}

/** The options of a shutdown, complete and checked. */
export function shutdownOptions(options: ShutdownOptions | undefined): Required<ShutdownOptions> {
  const own = ownOptions("options", options, ["wait", "cancelQueued", "timeout"]);
  return {
    wait: boolean("wait", own("wait"), true),
    cancelQueued: boolean("cancelQueued", own("cancelQueued"), false),
    timeout: milliseconds("timeout", own("timeout"), Infinity),
  };
}

/** The options of a `map*` call, complete and checked. */
export function mapOptions(
  options: MapOptions | undefined,
  defaultBuffer: number,
): Required<MapOptions> {
  const own = ownOptions("options", options, ["ordered", "buffer"]);
  const buffer = own("buffer");
  return {
    ordered: boolean("ordered", own("ordered"), true),
    buffer: buffer === Infinity ? Infinity : integer("buffer", buffer, 1, defaultBuffer),
  };
}

/** The options of a run, checked. */
export function runOptions(options: RunOptions): RunOptions {
  const own = ownOptions("options", options, ["signal", "timeout", "onProgress", "tenant"]);
  const signal = own("signal");
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw wrongType("signal", "an AbortSignal", signal);
  }
  const timeout = milliseconds("timeout", own("timeout"), Infinity);
  if (timeout === 0) {
    throw new RangeError("Cannot use timeout: expected more than 0 ms, received 0");
  }
  const onProgress = own("onProgress");
  if (onProgress !== undefined && typeof onProgress !== "function") {
    throw wrongType("onProgress", "a function", onProgress);
  }
  return {
    signal,
    timeout: timeout === Infinity ? undefined : timeout,
    onProgress: onProgress as RunOptions["onProgress"],
    // A tenant that is missing by mistake must not become the program itself.
    ...Object.hasOwn(options, "tenant") && { tenant: tenantName(own("tenant")) },
  };
}

function tenantName(value: unknown): string {
  const expected = "a name that is not empty";
  if (typeof value !== "string") throw wrongType("tenant", expected, value);
  if (value === "") throw new RangeError(`Cannot use tenant: expected ${expected}, received ""`);
  return value;
}

/**
 * Reads own properties only: nothing that was put on `Object.prototype` becomes an option. Others
 * are refused: a misspelt `timeout` would be one that never comes, where no compiler looks.
 */
function ownOptions<K extends string>(
  name: string,
  options: object | undefined,
  known: readonly K[],
): (key: K) => unknown {
  if (options === undefined) return () => undefined;
  if (typeof options !== "object" || options === null) {
    throw wrongType(name, "an object", options);
  }
  for (const key of Object.keys(options)) {
    if ((known as readonly string[]).includes(key)) continue;
    const full = name === "options" ? key : `${name}.${key}`;
    throw new TypeError(
      `Cannot use ${full}: there is no such option; expected ${known.join(", ")}`,
    );
  }
  return (key) => Object.hasOwn(options, key) ? Reflect.get(options, key) : undefined;
}

/** A copy of the own properties of options that has no prototype. */
export function bare<T extends object>(options: T | undefined): T {
  return Object.assign(Object.create(null), options);
}

function integer(name: string, value: unknown, least: number, byDefault: number): number {
  if (value === undefined) return byDefault;
  const expected = `an integer of at least ${least}`;
  if (typeof value !== "number") throw wrongType(name, expected, value);
  if (!Number.isSafeInteger(value) || value < least) {
    throw new RangeError(`Cannot use ${name}: expected ${expected}, received ${value}`);
  }
  return value;
}

/** A number of ms, checked. */
export function milliseconds(name: string, value: unknown, byDefault: number): number {
  if (value === undefined) return byDefault;
  const expected = "0 ms or more";
  if (typeof value !== "number") throw wrongType(name, expected, value);
  if (!(value >= 0)) {
    throw new RangeError(`Cannot use ${name}: expected ${expected}, received ${value}`);
  }
  return value > MAX_DELAY ? Infinity : value;
}

function boolean(name: string, value: unknown, byDefault: boolean): boolean {
  if (value === undefined) return byDefault;
  if (typeof value !== "boolean") throw wrongType(name, "true or false", value);
  return value;
}

function absoluteUrl(name: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const expected = "an absolute URL";
  if (typeof value !== "string" && !(value instanceof URL)) throw wrongType(name, expected, value);
  if (!URL.canParse(value)) {
    throw new TypeError(
      `Cannot use ${name}: expected ${expected}, such as import.meta.resolve("…") gives, ` +
        `received ${show(value)}`,
    );
  }
  return new URL(value).href;
}

/**
 * A copy of permissions: what happens to the caller's object later grants nothing. Each permission
 * is spelled out, and the copy has no prototype: Deno looks for what is not there on
 * `Object.prototype`.
 */
function permissionOptions(name: string, value: unknown): Deno.PermissionOptions {
  if (value === "inherit" || value === "none") return value;
  if (typeof value !== "object" || value === null) {
    throw wrongType(name, '"inherit", "none" or an object', value);
  }
  const own = ownOptions(name, value, permissionNames);
  const copy: Record<string, unknown> = { __proto__: null };
  for (const key of permissionNames) copy[key] = permission(`${name}.${key}`, own(key));
  return Object.freeze(copy);
}

/** One permission, checked. */
function permission(name: string, value: unknown): unknown {
  if (value === undefined) return false;
  if (typeof value === "boolean" || value === "inherit") return value;
  const expected = 'true, false, "inherit" or an array of names and file URLs';
  if (!Array.isArray(value)) throw wrongType(name, expected, value);
  return Object.freeze(Array.from(value, (item: unknown) => {
    if (typeof item === "string" && item !== "") return item;
    if (!(item instanceof URL && item.protocol === "file:")) throw wrongType(name, expected, item);
    return new URL(item);
  }));
}

function wrongType(name: string, expected: string, value: unknown): TypeError {
  return new TypeError(`Cannot use ${name}: expected ${expected}, received ${show(value)}`);
}

function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : Deno.inspect(value, { depth: 1 });
}
