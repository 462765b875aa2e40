import { Piscina } from "npm:piscina@5.3.2";
import type { StartCrew } from "./crew.ts";

/** Piscina with its workers fixed. */
export const start: StartCrew = async (workers) => {
  const pool = new Piscina({
    filename: `${import.meta.dirname}/piscina_worker.ts`,
    minThreads: workers,
    maxThreads: workers,
    recordTiming: false,
  });
  return await Promise.resolve({
    run: (job, input) => pool.run([job, input]),
    end: () => pool.destroy(),
  });
};
