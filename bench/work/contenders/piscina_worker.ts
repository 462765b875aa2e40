import { type JobName, work } from "../jobs/jobs.ts";

export default function ([job, input]: [job: JobName, input: unknown]): unknown {
  return work(job, input);
}
