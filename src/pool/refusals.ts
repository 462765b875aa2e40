/** The errors of tasks without a place in the queue, without a worker, or with a dead worker. */

import {
  QueueFullError,
  WorkerCrashedError,
  WorkersStuckError,
  type WorkerStartError,
} from "../api/errors.ts";
import type { Member } from "../member/member.ts";
import type { PoolSettings } from "../settings/settings.ts";
import { reasonOf } from "../tasks/reason.ts";
import { loadError } from "../tasks/refusals.ts";
import type { Tenant } from "./tenants.ts";

/**
 * The error of a task that may not wait.
 *
 * @param maxQueue How many tasks may wait.
 * @param waiting How many tasks wait.
 * @param tenant The tenant with too many tasks; without a tenant, the pool has too many.
 */
export function queueFull(
  pool: string,
  maxQueue: number,
  waiting: number,
  tenant: Tenant | undefined,
): QueueFullError {
  const [whose, option, status] = tenant === undefined
    ? ["", "maxQueue", 503] as const
    : [tenant.label, "maxQueuePerTenant", 429] as const;
  const error = new QueueFullError(
    `Cannot queue the task: ${waiting}${whose} already wait for a ${pool} worker, ` +
      `which is ${option}; try again later`,
  );
  return Object.assign(error, { pool, maxQueue, option, status });
}

/**
 * The error of a task for which all workers are stuck.
 *
 * @param tenant The tenant whose workers are stuck; without a tenant, all workers of the pool are.
 */
export function workersStuck(
  pool: string,
  stuck: number,
  tenant: Tenant | undefined,
): WorkersStuckError {
  const [whose, most] = tenant === undefined
    ? ["", "maxWorkers"]
    : [tenant.label, "maxWorkersPerTenant"];
  const error = new WorkersStuckError(
    `Cannot run the task: ${stuck} ${pool} workers${whose}, twice ${most}, ` +
      "are stuck in aborted tasks that do not end; poll throwIfAborted() in long synchronous " +
      'tasks, or use isolation: "process"',
  );
  return Object.assign(error, { pool, stuck });
}

/** The error of a task or stream whose worker has died. */
export function workerCrashed(
  pool: string,
  { processEnd }: Member,
  when: string,
  cause: unknown,
): WorkerCrashedError {
  const error = new WorkerCrashedError(`The worker died ${when}: ${endOf(cause)}`, { cause });
  const exitCode = processEnd?.code ?? undefined;
  const signal = processEnd?.signal ?? undefined;
  return Object.assign(error, { pool, exitCode, signal });
}

/** The error of a worker that cannot load a module of the pool's `preload`. */
export function preloadFailed(
  pool: string,
  { isolation, permissions }: PoolSettings,
  url: string,
  cause: unknown,
): WorkerStartError {
  const failure =
    `Cannot start a ${pool} worker: the module ${url} of its preload cannot be loaded`;
  const isRestricted = isolation !== "inline" && permissions !== "inherit";
  return loadError(failure, cause, isRestricted ? pool : undefined);
}

/** The cause of a worker's death, for the message of an error. */
export function endOf(cause: unknown): string {
  return cause === undefined
    ? "it ended by itself, by Deno.exit() or self.close()"
    : reasonOf(cause);
}
