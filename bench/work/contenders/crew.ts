/** What each way to do the work has in common. */

import type { JobName } from "../jobs/jobs.ts";

/** Does jobs. */
export interface Crew {
  run(job: JobName, input: unknown): Promise<unknown>;
  end(): Promise<unknown> | void;
}

/** What each module of this folder exports: starts that many workers; resolves when they are up. */
export type StartCrew = (workers: number) => Promise<Crew>;
