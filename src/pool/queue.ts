import type { Job } from "../member/job.ts";

/** At least this many places may be empty before the jobs behind move up. */
const SPARE_PLACES = 1_024;

/** How many jobs wait in several queues, and how many were added so far. */
export interface QueuedTotal {
  jobs: number;
  added: number;
}

/**
 * Waiting jobs, first in first out. The place of a job that leaves from the middle is kept until
 * most places are empty, so that each job leaves in constant time.
 */
export class Queue {
  #places: (Job | undefined)[] = [];
  /** The first place where a job may wait. */
  #first = 0;
  #size = 0;
  readonly #total: QueuedTotal;

  /**
   * Makes an empty queue.
   *
   * @param total Counts the jobs of several queues.
   */
  constructor(total: QueuedTotal = { jobs: 0, added: 0 }) {
    this.#total = total;
  }

  /** How many jobs wait. */
  get size(): number {
    return this.#size;
  }

  /** The next job. */
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
    this.#total.jobs++;
    this.#total.added++;
  }

  /** Puts jobs that had left back to the front, in their order. */
  unshift(jobs: readonly Job[]): void {
    const { length } = jobs;
    if (length === 0) return;
    if (length > this.#first) this.#makeRoom(length);
    this.#first -= length;
    for (let i = 0; i < length; i++) {
      const job = jobs[i]!;
      job.place = this;
      this.#places[this.#first + i] = job;
    }
    this.#size += length;
    this.#total.jobs += length;
    this.#total.added += length;
  }

  /** Frees at least this many places at the front, and as many for the next time. */
  #makeRoom(count: number): void {
    const free = 2 * count;
    const places = new Array<Job | undefined>(free).fill(undefined);
    this.#places = places.concat(this.#places.slice(this.#first));
    this.#first = free;
  }

  /** Takes a job out, wherever the job waits; only the head may come back. */
  remove(job: Job): void {
    job.place = undefined;
    this.#size--;
    this.#total.jobs--;
    if (this.#places[this.#first] === job) this.#places[this.#first++] = undefined;
    if (this.#places.length > 2 * this.#size + SPARE_PLACES) this.#moveUp();
  }

  /** Leaves out the empty places. */
  #moveUp(): void {
    this.#places = [...this];
    this.#first = 0;
  }

  /** The waiting jobs, in their order. */
  *[Symbol.iterator](): Generator<Job, void, undefined> {
    for (const job of this.#places.slice(this.#first)) if (job?.place === this) yield job;
  }
}
