import workerpool from "npm:workerpool@10.0.3";
import type { StartCrew } from "./crew.ts";

/** workerpool with its workers fixed, as worker threads. */
export const start: StartCrew = async (workers) => {
  const pool = workerpool.pool(`${import.meta.dirname}/workerpool_worker.ts`, {
    minWorkers: workers,
    maxWorkers: workers,
    workerType: "thread",
  });
  return await Promise.resolve({
    run: (job, input) => pool.exec("work", [job, input]),
    end: async () => void await pool.terminate(),
  });
};
