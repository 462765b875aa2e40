/** Settings: options, complete and checked. */

import type {
  ExecutorOptions,
  MapOptions,
  PoolOptions,
  RunOptions,
  ShutdownOptions,
} from "../api/options.ts";
import type { TaskModule } from "../tasks/modules.ts";
import { moduleOf } from "../tasks/tasks_from.ts";
import {
  absoluteUrl,
  bare,
  boolean,
  integer,
  milliseconds,
  ownOptions,
  wrongType,
} from "./checks.ts";
import { permissionOptions } from "./permission_options.ts";

/** The options of a pool, complete and checked. */
export interface PoolSettings extends Omit<Required<PoolOptions>, "isolation" | "preload"> {
  readonly preload: readonly TaskModule[];
  readonly isolation: "worker" | "process" | "inline";
  /** Whether the permissions are the caller's, and not the default. */
  readonly permissionsGiven: boolean;
  /** The URL of worker.ts, if the program names the URL. */
  readonly workerUrl: string | undefined;
}

/** How many workers a pool may have by default. A blocked worker needs no core. */
export const defaultMaxWorkers = {
  blocking: 40,
  cpu: navigator.hardwareConcurrency ?? 1,
} as const;

/** The options of an executor that shares the default number of workers with other executors. */
export function shareOf(options: ExecutorOptions | undefined, executors: number): ExecutorOptions {
  const share = (pool: "blocking" | "cpu"): PoolOptions => {
    // A copy of the caller's own properties.
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
    if (isolation !== "worker" && isolation !== "process" && isolation !== "inline") {
      throw wrongType(`${name}.isolation`, '"worker", "process" or "inline"', isolation);
    }
    if (byDefault === "inline" && isolation !== "inline") {
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

/** Flags for `deno run`, checked so that Deno takes no permission from a flag. */
function processFlags(name: string, flags: unknown): readonly string[] {
  if (!Array.isArray(flags)) throw wrongType(name, "an array of flags", flags);
  for (const flag of flags) {
    if (typeof flag !== "string") throw wrongType(name, "an array of flags", flag);
    // A short flag may be several, -A among others. A text without dashes would be the program's module.
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

/** The options of an executor, checked except for the options of each pool. */
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
    // A missing name must not make the task one of the program's own.
    ...Object.hasOwn(options, "tenant") && { tenant: tenantName(own("tenant")) },
  };
}

function tenantName(value: unknown): string {
  const expected = "a name that is not empty";
  if (typeof value !== "string") throw wrongType("tenant", expected, value);
  if (value === "") throw new RangeError(`Cannot use tenant: expected ${expected}, received ""`);
  return value;
}
