import { WorkerStartError } from "../api/errors.ts";
import type { Job } from "../member/job.ts";
import type { Member } from "../member/member.ts";
import type { Loading } from "./loading.ts";
import { endOf, workerCrashed } from "./refusals.ts";
import type { Tally } from "./tally.ts";
import type { Tenant, Tenants } from "./tenants.ts";

/**
 * What becomes of jobs whose worker has died, or was ended: a job that had begun fails, and a job that
 * had not begun waits again, at the front of the queue.
 */
export class Recovery {
  readonly #pool: string;
  readonly #tenants: Tenants;
  readonly #loading: Loading;
  readonly #tally: Tally;

  constructor(pool: string, tenants: Tenants, loading: Loading, tally: Tally) {
    this.#pool = pool;
    this.#tenants = tenants;
    this.#loading = loading;
    this.#tally = tally;
  }

  /**
   * Puts the jobs that a worker has not begun back to the front of the queue; returns the first of
   * these jobs.
   */
  requeue(member: Member, takenBack = member.takeBack()): Job | undefined {
    const jobs = takenBack.filter(({ settled }) => !settled);
    this.#tenants.of(member.tenant).queue.unshift(jobs);
    return jobs[0];
  }

  /**
   * A worker has died of `cause`, or was given up: its begun jobs fail, the other jobs wait again.
   */
  recover(member: Member, cause: unknown): void {
    this.#recoverLoad(member, cause);
    const next = this.requeue(member);
    for (const job of member.jobs) {
      const when = member.hasBegun(job) ? "while it ran" : "with what was moved to it for";
      this.#failCrashed(member, job, when, cause);
    }
    if (member.jobs.size > 0 || next === undefined) return;
    // No job was under way. The next job may have been the cause, and so has a single second try.
    if (next.returned) {
      this.#tenants.of(next.tenant).queue.remove(next);
      this.#failCrashed(member, next, "when it was to run", cause);
    }
    next.details.returned = true;
  }

  /** A worker died while it loaded a module: the module is tried again, but not at once. */
  #recoverLoad(member: Member, cause: unknown): void {
    const module = member.modules.current;
    const job = this.#loading.end(member, "gone");
    if (module === undefined) return;
    const tenant = this.#tenants.of(member.tenant);
    if (!member.hasBegunLoad) return this.#loading.notBegun(tenant, module.index, job);
    if (job !== undefined) this.#failCrashed(member, job, "while it loaded the module of", cause);
    this.failLoad(tenant, module.index, ({ task }) =>
      new WorkerStartError(
        `Cannot load the module of ${task.label}: the worker died meanwhile: ${endOf(cause)}`,
        { cause },
      ));
  }

  /** Fails the open streams of a worker that has died or was ended. */
  failEnds(member: Member, cause: unknown): void {
    const when = "while a stream of it was open";
    member.failEnds(() => workerCrashed(this.#pool, member, when, cause));
  }

  #failCrashed(member: Member, job: Job, when: string, cause: unknown): void {
    if (job.settled) return;
    this.#tally.failed++;
    job.reject(workerCrashed(this.#pool, member, `${when} ${job.task.label}`, cause));
  }

  /** A module could not be loaded: its jobs fail, unless another worker has the module. */
  failLoad(tenant: Tenant, module: number, make: (job: Job) => unknown): void {
    if (!this.#loading.failed(tenant, module)) return;
    this.failQueued(tenant, make, ({ task }) => task.module === module);
  }

  /** Fails the waiting jobs of a tenant, or only the jobs that satisfy a condition. */
  failQueued(
    tenant: Tenant,
    make: (job: Job) => unknown,
    isHit: (job: Job) => boolean = () => true,
  ): void {
    for (const job of tenant.queue) {
      if (!isHit(job)) continue;
      tenant.queue.remove(job);
      this.#tally.failed++;
      job.reject(make(job));
    }
    this.#tenants.forget(tenant);
  }
}
