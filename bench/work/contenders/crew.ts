/** Ways to do the work. */

import type { JobName } from "../jobs/jobs.ts";

/** Does jobs. */
export interface Crew {
  run(job: JobName, input: unknown): Promise<unknown>;
  end(): Promise<unknown> | void;
}

/** The function `start` of each module of this folder: starts `workers` workers. */
export type StartCrew = (workers: number) => Promise<Crew>;
