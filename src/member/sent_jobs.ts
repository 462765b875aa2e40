import type { Job, Place } from "./job.ts";
import { nextRun, runsBetween, SLOTS } from "../wire/ledger.ts";

/**
 * The jobs that were sent to a worker and have no answer yet, by the numbers of their runs. A
 * settled job stays until the worker answers. The first job is under way or next. Runs between the
 * first and the last job may have been taken back.
 */
export class SentJobs implements Place {
  /** Each job, at the slot of its run. */
  readonly #jobs: (Job | undefined)[] = [];
  /** The run that was sent last. */
  #last = 0;
  /** The run of the first job. */
  #first = 0;
  #size = 0;
  /**
   * The run that `runOf()` found last, as jobs that are cancelled together are looked for in order.
   */
  #found = 0;
  readonly #limits: { added(timeout: number): void; removed(): void } | undefined;

  /**
   * Makes an empty list.
   *
   * @param limits Is told of each job with a time limit that comes, and that is settled or leaves.
   */
  constructor(limits?: { added(timeout: number): void; removed(): void }) {
    this.#limits = limits;
  }

  /** How many jobs there are. */
  get size(): number {
    return this.#size;
  }

  /** The run that was sent last. */
  get last(): number {
    return this.#last;
  }

  /** The run under way, or next. */
  get first(): number {
    return this.#first;
  }

  /** The job of the first run. */
  get head(): Job | undefined {
    return this.#size === 0 ? undefined : this.#jobs[this.#first & SLOTS - 1];
  }

  /** Adds a job as the run after the last. */
  push(job: Job): void {
    job.place = this;
    this.#last = nextRun(this.#last);
    if (this.#size++ === 0) this.#first = this.#last;
    this.#jobs[this.#last & SLOTS - 1] = job;
    const { timeout } = job;
    if (timeout !== undefined && !job.settled) this.#limits?.added(timeout);
  }

  /** A job with a time limit was settled, and stays. */
  settled(): void {
    this.#limits?.removed();
  }

  /** Takes out a job, from any place. */
  remove(job: Job): void {
    const run = this.runOf(job);
    job.place = undefined;
    if (job.timeout !== undefined && !job.settled) this.#limits?.removed();
    this.#jobs[run & SLOTS - 1] = undefined;
    if (--this.#size === 0) return;
    while (this.#jobs[this.#first & SLOTS - 1] === undefined) this.#first = nextRun(this.#first);
  }

  /** Takes out the last `count` jobs, which could not be sent. Other jobs will get their runs. */
  removeLast(count: number): Job[] {
    const last = this.#last - count | 0;
    const jobs = this.between(last, this.#last);
    for (const job of jobs) this.remove(job);
    this.#last = last;
    // If all jobs were taken out, the first run was later than the new last run.
    if (this.#size === 0) this.#first = last;
    this.#found = this.#first;
    return jobs;
  }

  /**
   * The number of a job's run. Fast for the first job, and for a job soon after the job found last.
   */
  runOf(job: Job): number {
    let run = this.#first;
    if (this.#jobs[run & SLOTS - 1] === job) return run;
    run = runsBetween(run, this.#found) > 0 ? this.#found : run;
    while (this.#jobs[run & SLOTS - 1] !== job) {
      run = run === this.#last ? this.#first : nextRun(run);
    }
    return this.#found = run;
  }

  /** The jobs after the run `after`, up to the run `last`, in the order of their runs. */
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
