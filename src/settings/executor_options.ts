import type { ExecutorOptions, PoolOptions } from "../api/options.ts";
import { absoluteUrl, bare, boolean, ownOptions } from "./checks.ts";
import { defaultMaxWorkers } from "./settings.ts";

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
