/** How a call ends before its task: the caller gives up, the time is over, or the pool ends. */

import type { Job } from "../member/job.ts";
import { SentJobs } from "../member/sent_jobs.ts";
import { listen } from "../runtime/abort_listeners.ts";
import { runInNone } from "../runtime/async_context.ts";
import type { Roster } from "./roster.ts";
import type { Tally } from "./tally.ts";
import type { Tenants } from "./tenants.ts";

/** Settles jobs before their tasks have ended, as a caller gives up or the pool ends. */
export class Cancellation {
  readonly #tenants: Tenants;
  readonly #roster: Roster;
  readonly #tally: Tally;
  readonly #onCancelled: () => void;
  readonly #onAbort = (job: Job, reason: unknown) => this.cancel(job, reason);

  /**
   * Cancels the jobs of a pool.
   *
   * @param onCancelled Is called after jobs were cancelled: perhaps no job waits or runs any more.
   */
  constructor(tenants: Tenants, roster: Roster, tally: Tally, onCancelled: () => void) {
    this.#tenants = tenants;
    this.#roster = roster;
    this.#tally = tally;
    this.#onCancelled = onCancelled;
  }

  /** Cancels a job when its signal aborts. */
  listen(job: Job, signal: AbortSignal): void {
    listen(signal, job, this.#onAbort);
  }

  /** Settles a job now, for this reason: the job never runs, or its worker is told. */
  cancel(job: Job, reason: unknown): void {
    if (!job.settled) runInNone(() => this.#cancel(job, reason));
  }

  #cancel(job: Job, reason: unknown): void {
    this.refuse(job, reason);
    if (!unqueue(job)) this.#roster.memberWith(job)?.abort(job, reason);
    this.#onCancelled();
    this.#leave(job);
  }

  /** Takes back a job for this reason, unless the job has begun. */
  withdraw(job: Job, reason: unknown): void {
    runInNone(() => this.#withdraw(job, reason));
  }

  #withdraw(job: Job, reason: unknown): void {
    if (!unqueue(job) && !this.#roster.memberWith(job)?.drop(job)) return;
    this.refuse(job, reason);
    this.#onCancelled();
    this.#leave(job);
  }

  /** Forgets the tenant of a cancelled job, if the tenant has nothing else. */
  #leave(job: Job): void {
    if (job.tenant !== undefined) this.#tenants.forget(this.#tenants.of(job.tenant));
  }

  /** Settles all jobs that have not begun, each with a reason that `make` makes. */
  cancelQueued(make: () => unknown): void {
    for (const member of this.#roster) {
      for (const job of member.jobs) {
        if (!job.settled && member.drop(job)) this.refuse(job, make());
      }
    }
    for (const { failedModules, queue } of this.#tenants) {
      for (const job of failedModules.takeAll()) this.refuse(job, make());
      for (let job = queue.head; job !== undefined; job = queue.head) {
        queue.remove(job);
        this.refuse(job, make());
      }
    }
    this.#tenants.forgetGone();
    this.#onCancelled();
  }

  /** Settles a job for this reason, and nothing else. */
  refuse(job: Job, reason: unknown): void {
    this.#tally.cancelled++;
    job.reject(reason, "cancelled");
  }
}

/** Takes a job out of its queue, or from its load; `false` if the job was sent to a worker. */
function unqueue(job: Job): boolean {
  const { place } = job;
  if (place === undefined || place instanceof SentJobs) return false;
  place.remove(job);
  return true;
}
