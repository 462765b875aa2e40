/** The options of an executor, and the settings of a pool: its options, complete and checked. */

import type { ExecutorOptions, PoolOptions } from "../api/options.ts";
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
import { isolationOptions, permissionOptions } from "./isolation_options.ts";

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

/** The names of all options of a pool. */
const POOL_OPTIONS = [
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
] as const;

/** Completes the options of a pool. */
export function poolSettings(
  name: string,
  options: PoolOptions | undefined,
  defaults: Pick<PoolSettings, "isolation" | "maxWorkers" | "permissions" | "workerUrl">,
): PoolSettings {
  const own = ownOptions(name, options, POOL_OPTIONS);
  const count = (key: (typeof POOL_OPTIONS)[number], least: number, byDefault: number) =>
    integer(`${name}.${key}`, own(key), least, byDefault);
  const limit = (key: "maxQueue" | "maxQueuePerTenant") =>
    own(key) === Infinity ? Infinity : count(key, 1, Infinity);
  const maxWorkers = count("maxWorkers", 1, defaults.maxWorkers);
  const minWorkers = count("minWorkers", 0, 0);
  if (minWorkers > maxWorkers) {
    throw new RangeError(
      `Cannot use ${name}.minWorkers: expected at most maxWorkers, which is ${maxWorkers}, ` +
        `received ${minWorkers}`,
    );
  }
  const permissions = own("permissions");
  return {
    minWorkers,
    maxWorkers,
    maxQueue: limit("maxQueue"),
    maxQueuePerTenant: limit("maxQueuePerTenant"),
    maxWorkersPerTenant: count("maxWorkersPerTenant", 1, maxWorkers),
    spare: count("spare", 0, 0),
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
