import type { Job } from "../member/job.ts";

/** How many jobs are in a row: in a single long one, each would be a young object in an old one. */
const ROW = 512;
/** So many places may be empty before the jobs behind them move up. */
const SPARE = 1_024;

/** How many jobs wait in several queues. */
export interface QueuedTotal {
  jobs: number;
}

/**
 * Jobs that wait, first in first out. A job that leaves from within keeps its place until most
 * places are of such, so that each leaves in constant time.
 */
export class Queue {
  #rows: (Job | undefined)[][] = [[]];
  /** The place of the head in the first row; those before it are empty. */
  #first = 0;
  /** How many places there are from that on, and at how many of them a job waits. */
  #places = 0;
  #size = 0;
  readonly #total: QueuedTotal;

  /**
   * Makes an empty one.
   *
   * @param total Counts the jobs of several queues.
   */
  constructor(total: QueuedTotal = { jobs: 0 }) {
    this.#total = total;
  }

  /** How many jobs wait. */
  get size(): number {
    return this.#size;
  }

  /** The job that is next. */
  get head(): Job | undefined {
    if (this.#size === 0) return undefined;
    while (this.#rows[0]![this.#first]?.place !== this) this.#step();
    return this.#rows[0]![this.#first];
  }

  /** Leaves the first place. */
  #step(): void {
    const row = this.#rows[0]!;
    if (this.#first === row.length) {
      this.#rows.shift();
      this.#first = 0;
    } else {
      row[this.#first++] = undefined;
      this.#places--;
    }
  }

  /** Adds a job at the end. */
  push(job: Job): void {
    job.place = this;
    const last = this.#rows[this.#rows.length - 1]!;
    if (last.length < ROW) last.push(job);
    else this.#rows.push([job]);
    this.#places++;
    this.#size++;
    this.#total.jobs++;
  }

  /** Puts jobs that had left back to the front, in their order. */
  unshift(jobs: readonly Job[]): void {
    if (jobs.length === 0) return;
    for (const job of jobs) job.place = this;
    this.#rows[0] = [...jobs, ...this.#rows[0]!.slice(this.#first)];
    this.#first = 0;
    this.#places += jobs.length;
    this.#size += jobs.length;
    this.#total.jobs += jobs.length;
  }

  /** Takes a job out, wherever it stands; only the head may come back. */
  remove(job: Job): void {
    job.place = undefined;
    this.#size--;
    this.#total.jobs--;
    if (this.#rows[0]![this.#first] === job) this.#step();
    if (this.#places > 2 * this.#size + SPARE) this.#moveUp();
  }

  #moveUp(): void {
    this.#rows = [[...this]];
    this.#first = 0;
    this.#places = this.#size;
  }

  /** The jobs that wait, in their order. */
  *[Symbol.iterator](): Generator<Job, void, undefined> {
    for (const row of [...this.#rows]) {
      for (const job of [...row]) if (job?.place === this) yield job;
    }
  }
}
