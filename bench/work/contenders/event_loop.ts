import { work } from "../jobs/jobs.ts";
import type { StartCrew } from "./crew.ts";

/** No worker at all: the work on the event loop. */
export const start: StartCrew = () =>
  Promise.resolve({
    run: async (job, input) => await work(job, input),
    end: () => {},
  });
