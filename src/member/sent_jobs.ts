import type { Job } from "./job.ts";
import { nextRun, runsBetween, SLOTS } from "../wire/ledger.ts";

/**
 * Jobs that a worker was sent and has not answered, settled or not, by the numbers of their runs:
 * the first runs, the others come after it. Some of those between may have been taken back.
 */
export class SentJobs {
  /** Each at the slot of its run. */
  readonly #jobs: (Job | undefined)[] = [];
  /** The run that was sent last, and the first of those that are still here. */
  #last = 0;
  #first = 0;
  #size = 0;
  /** The run that was looked for last: all that are cancelled together are, one after the other. */
  #found = 0;

  /** How many jobs there are. */
  get size(): number {
    return this.#size;
  }

  /** The run that was sent last. */
  get last(): number {
    return this.#last;
  }

  /** The run that is under way, or next. */
  get first(): number {
    return this.#first;
  }

  /** The job of that run. */
  get head(): Job | undefined {
    return this.#size === 0 ? undefined : this.#jobs[this.#first & SLOTS - 1];
  }

  /** Adds a job as the run after the last. */
  push(job: Job): void {
    job.place = this;
    this.#last = nextRun(this.#last);
    if (this.#size++ === 0) this.#first = this.#last;
    this.#jobs[this.#last & SLOTS - 1] = job;
  }

  /** Takes a job out, wherever it stands. */
  remove(job: Job): void {
    const run = this.runOf(job);
    job.place = undefined;
    this.#jobs[run & SLOTS - 1] = undefined;
    if (--this.#size === 0) return;
    while (this.#jobs[this.#first & SLOTS - 1] === undefined) this.#first = nextRun(this.#first);
  }

  /** Takes the last ones out again, that many, which were not sent: others will have their runs. */
  removeLast(count: number): Job[] {
    const last = this.#last - count | 0;
    const jobs = this.between(last, this.#last);
    for (const job of jobs) this.remove(job);
    this.#last = last;
    // The job that was the first may have had a later run than the one that is the last now.
    if (this.#size === 0) this.#first = last;
    this.#found = this.#first;
    return jobs;
  }

  /** The number of a job's run; found at once if it is the first, or follows the one found last. */
  runOf(job: Job): number {
    let run = this.#first;
    if (this.#jobs[run & SLOTS - 1] === job) return run;
    run = runsBetween(run, this.#found) > 0 ? this.#found : run;
    while (this.#jobs[run & SLOTS - 1] !== job) {
      run = run === this.#last ? this.#first : nextRun(run);
    }
    return this.#found = run;
  }

  /** The jobs after this run and up to that one, in the order of their runs. */
  between(after: number, last: number): Job[] {
    const jobs: Job[] = [];
    for (let run = nextRun(after); runsBetween(run, last) >= 0; run = nextRun(run)) {
      const job = this.#jobs[run & SLOTS - 1];
      if (job !== undefined) jobs.push(job);
    }
    return jobs;
  }

  /** All jobs, in the order of their runs. */
  [Symbol.iterator](): Iterator<Job> {
    return (this.#size === 0 ? [] : this.between(this.#first - 1 | 0, this.#last)).values();
  }
}
