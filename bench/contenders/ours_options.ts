import { type Task, tasksFrom } from "../../mod.ts";
import type { Start } from "./contender.ts";
import { contenderOf, runOf, startExecutor } from "./ours.ts";

const { echo } = tasksFrom(import.meta, () => import("../tasks.ts"));
const streams = tasksFrom(import.meta, () => import("../streams.ts"));

/** @genro/executor with the options and the other ways to call. */
export const start: Start = async (workers, settings = {}) => {
  const executor = await startExecutor(workers, settings);
  return {
    ...contenderOf(executor, settings),
    limited: (timeout) => ({ run: runOf(executor.with({ timeout })) }),
    abortable: (signal) => ({ run: runOf(executor.with({ signal })) }),
    map: (items, ordered) =>
      executor.mapCpu(echo as Task<(item: number) => unknown>, items, { ordered }),
    stream: (kind, count) =>
      executor.streamCpu(
        streams[kind] as Task<(count: number) => Iterable<unknown> & object>,
        count,
      ),
    progress: (count, each, onProgress) =>
      executor.with({ onProgress }).runCpu(streams.steps, count, each),
  };
};
