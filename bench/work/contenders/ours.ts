import { Executor, type Task, tasksFrom } from "../../../mod.ts";
import type { JobName } from "../jobs/jobs.ts";
import type { StartCrew } from "./crew.ts";

const modules = {
  jpeg: tasksFrom(import.meta, () => import("../jobs/jpeg.ts")),
  csv: tasksFrom(import.meta, () => import("../jobs/csv.ts")),
  markdown: tasksFrom(import.meta, () => import("../jobs/markdown.ts")),
  ssr: tasksFrom(import.meta, () => import("../jobs/ssr.ts")),
  json: tasksFrom(import.meta, () => import("../jobs/json.ts")),
  argon2: tasksFrom(import.meta, () => import("../jobs/argon2.ts")),
  zip: tasksFrom(import.meta, () => import("../jobs/zip.ts")),
} as unknown as Record<JobName, { run: Task<(input: unknown) => unknown> }>;

/** @genro/executor: the tasks are the modules' own functions. */
export const start: StartCrew = async (maxWorkers) => {
  // Libraries read variables of the environment.
  const cpu = { maxWorkers, permissions: "inherit" } as const;
  const executor = await Executor.start({ cpu });
  return {
    run: (job, input) => executor.runCpu(modules[job].run, input),
    end: () => executor.shutdown(),
  };
};
