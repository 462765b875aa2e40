import type { Job } from "../member/job.ts";
import type { Member } from "../member/member.ts";
import type { Roster } from "./roster.ts";
import type { Tally } from "./tally.ts";
import type { Tenant, Tenants } from "./tenants.ts";

/**
 * The loads of modules in the workers of a pool. The first job of a module waits with the worker
 * that loads the module. After a failure the jobs of the module are set aside for a while.
 */
export class Loading {
  readonly #tenants: Tenants;
  readonly #roster: Roster;
  readonly #tally: Tally;
  /** The workers that load a module for a job. */
  readonly #members = new Set<Member>();

  constructor(tenants: Tenants, roster: Roster, tally: Tally) {
    this.#tenants = tenants;
    this.#roster = roster;
    this.#tally = tally;
  }

  /** Whether no worker may be asked to load the job's module now, as a load has just failed. */
  isHeld({ failedModules }: Tenant, { task }: Job): boolean {
    return failedModules.any && failedModules.holds(task.module);
  }

  /** Takes a job from the queue until its module may be tried again. */
  setAside({ failedModules, queue }: Tenant, job: Job): void {
    queue.remove(job);
    if (job.waits === undefined) this.#tally.waits(job, 1);
    failedModules.setAside(job);
  }

  /**
   * Has a worker load the module of a job. The job waits for the load, which takes none of the
   * job's time.
   */
  begin(member: Member, { failedModules, queue }: Tenant, job: Job): void {
    queue.remove(job);
    if (job.waits === undefined) this.#tally.waits(job, 1);
    failedModules.loads(job.task.module);
    this.#members.add(member);
    member.load(job);
  }

  /** Ends a load; returns the job that had waited for the load. */
  end(member: Member, outcome: "loaded" | "failed" | "gone"): Job | undefined {
    this.#members.delete(member);
    return member.modules.end(outcome);
  }

  /** A worker has loaded a module: puts the jobs of the module to the front of the queue. */
  loaded(member: Member, module: number): void {
    const job = this.end(member, "loaded");
    const { failedModules, queue } = this.#tenants.of(member.tenant);
    queue.unshift(failedModules.loaded(module));
    if (job !== undefined) queue.unshift([job]);
  }

  /**
   * Puts the jobs that wait for other workers to load a module, which this worker has, to the front
   * of the queue: these jobs came first.
   */
  takeOver(member: Member, { failedModules, name, queue }: Tenant): void {
    if (this.#members.size === 0 && !failedModules.any) return;
    const jobs: Job[] = [];
    for (const loading of this.#members) {
      const { job } = loading.modules;
      if (job === undefined || !loading.serves(name)) continue;
      if (!member.hasLoaded(job.task) || !member.hasRoomFor(job)) continue;
      loading.modules.remove(job);
      jobs.push(job);
    }
    queue.unshift(jobs);
    if (failedModules.any && !member.busy) {
      queue.unshift(failedModules.takeFor((module) => member.modules.has(module)));
    }
  }

  /**
   * A module could not be loaded.
   *
   * @returns Whether the jobs of the module fail, as no other worker has the module.
   */
  failed({ failedModules, name, queue }: Tenant, module: number): boolean {
    failedModules.failed(module);
    queue.unshift(failedModules.take(module));
    return !this.#roster.some((member) => member.serves(name) && member.modules.has(module));
  }

  /** A worker is gone without having begun to load a module: the jobs of the module wait again. */
  notBegun({ failedModules, queue }: Tenant, module: number, job: Job | undefined): void {
    queue.unshift(failedModules.notBegun(module));
    if (job?.settled === false) queue.unshift([job]);
  }
}
