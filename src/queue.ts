import type { Job } from "./job.ts";

/**
 * Jobs in a row, first in first out: those that wait, or those that a worker was sent. A
 * linked list, so that any of them leaves in O(1); a job stands in one at a time.
 */
export class Queue {
  #head: Job | undefined;
  #tail: Job | undefined;
  #size = 0;

  /** How many jobs there are. */
  get size(): number {
    return this.#size;
  }

  /** The job that is next. */
  get head(): Job | undefined {
    return this.#head;
  }

  /** The job that came last. */
  get tail(): Job | undefined {
    return this.#tail;
  }

  /** Adds a job at the end. */
  push(job: Job): void {
    job.queue = this;
    job.previous = this.#tail;
    if (this.#tail === undefined) this.#head = job;
    else this.#tail.next = job;
    this.#tail = job;
    this.#size++;
  }

  /** Puts a job that had left back at the front. */
  unshift(job: Job): void {
    job.queue = this;
    job.next = this.#head;
    if (this.#head === undefined) this.#tail = job;
    else this.#head.previous = job;
    this.#head = job;
    this.#size++;
  }

  /** Takes a job out, wherever it stands. */
  remove(job: Job): void {
    if (job.previous === undefined) this.#head = job.next;
    else job.previous.next = job.next;
    if (job.next === undefined) this.#tail = job.previous;
    else job.next.previous = job.previous;
    job.queue = job.next = job.previous = undefined;
    this.#size--;
  }
}
