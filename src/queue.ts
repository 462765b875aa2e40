import type { Job } from "./job.ts";

/** So many places may be left empty before the jobs behind them move up. */
const SPARE = 1_024;

/**
 * Jobs that wait, first in first out. A job that leaves from within keeps its place until most
 * places are of such, so that each leaves in constant time.
 */
export class Queue {
  #places: (Job | undefined)[] = [];
  /** The place of the head; those before it are empty. */
  #first = 0;
  #size = 0;

  /** How many jobs wait. */
  get size(): number {
    return this.#size;
  }

  /** The job that is next. */
  get head(): Job | undefined {
    if (this.#size === 0) return undefined;
    while (this.#places[this.#first]?.place !== this) this.#places[this.#first++] = undefined;
    return this.#places[this.#first];
  }

  /** Adds a job at the end. */
  push(job: Job): void {
    job.place = this;
    this.#places.push(job);
    this.#size++;
  }

  /** Puts jobs that had left back to the front, in their order. */
  unshift(jobs: readonly Job[]): void {
    for (const job of jobs) job.place = this;
    this.#places.splice(0, this.#first, ...jobs);
    this.#first = 0;
    this.#size += jobs.length;
  }

  /** Takes a job out, wherever it stands; only the head may come back. */
  remove(job: Job): void {
    job.place = undefined;
    this.#size--;
    if (this.#places[this.#first] === job) this.#places[this.#first++] = undefined;
    if (this.#places.length > 2 * this.#size + SPARE) this.#moveUp();
  }

  #moveUp(): void {
    const rest = this.#places.slice(this.#first);
    this.#places = rest.length === this.#size ? rest : rest.filter((job) => job?.place === this);
    this.#first = 0;
  }

  /** The jobs that wait, in their order. */
  *[Symbol.iterator](): Generator<Job, void, undefined> {
    for (const job of this.#places.slice(this.#first)) if (job?.place === this) yield job;
  }
}
