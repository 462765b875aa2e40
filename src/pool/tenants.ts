import type { Job } from "../member/job.ts";
import { Queue, type QueuedTotal } from "./queue.ts";
import { FailedModules } from "./failed_modules.ts";

/** A customer, or the program itself. Tasks of two tenants share no worker. */
export class Tenant {
  /** What the program calls the tenant; its own tasks have no name. */
  readonly name: string | undefined;
  /** The jobs that wait. */
  readonly queue: Queue;
  /** The modules that failed to load in the tenant's workers. */
  readonly failedModules: FailedModules;
  /** How many workers serve the tenant, without those that were given up. */
  workers = 0;
  /** How many workers of the tenant were given up, and have not ended. */
  stuck = 0;
  /** How many tasks of the tenant have returned or failed; 0 for the program itself. */
  ended = 0;
  /** Whether the latest task was refused, as too many tasks of the tenant wait. */
  full = false;
  /** The waiting tasks of the tenant need not be counted while fewer jobs than this were added. */
  countFrom = 0;
  /** Whether another worker is worth its start, but a worker of another tenant has to make room. */
  claims = false;

  constructor(
    name: string | undefined,
    release: (tenant: Tenant, jobs: readonly Job[]) => void,
    total: QueuedTotal,
  ) {
    this.name = name;
    this.queue = new Queue(total);
    this.failedModules = new FailedModules((jobs) => release(this, jobs), total);
  }

  /** The tenant as the end of a phrase in a message. */
  get label(): string {
    return this.name === undefined ? " of the program itself" : ` of tenant ${show(this.name)}`;
  }

  /** How many jobs have not been sent to a worker. */
  get waiting(): number {
    return this.queue.size + this.failedModules.waiting;
  }

  /** Whether the pool need not know the tenant any more. */
  get isGone(): boolean {
    return this.workers === 0 && this.stuck === 0 && this.waiting === 0;
  }
}

/** At most this many characters of a name are in a message. */
const MAX_NAME_CHARACTERS = 64;

function show(name: string): string {
  return JSON.stringify(
    name.length > MAX_NAME_CHARACTERS ? `${name.slice(0, MAX_NAME_CHARACTERS)}…` : name,
  );
}

/**
 * The tenants of a pool that have jobs or workers, in the order of their turns: the tenant with the
 * latest worker is last. Most programs have no tenant but the program itself.
 */
export class Tenants {
  /** The program itself. */
  readonly own: Tenant;
  /** Whether there are tenants beside the program itself. */
  several = false;
  readonly #all = new Map<string | undefined, Tenant>();
  readonly #release: (tenant: Tenant, jobs: readonly Job[]) => void;
  /** How many tasks of named tenants have ended. */
  #ended = 0;
  /** How many jobs wait; there may be thousands of tenants. */
  readonly #total: QueuedTotal = { jobs: 0, added: 0 };

  /**
   * Makes the tenants of a pool.
   *
   * @param release Takes back jobs that were set aside, as their module may be tried again.
   */
  constructor(release: (tenant: Tenant, jobs: readonly Job[]) => void) {
    this.#release = release;
    this.own = new Tenant(undefined, release, this.#total);
    this.#all.set(undefined, this.own);
  }

  /** The tenant of this name. */
  of(name: string | undefined): Tenant {
    if (name === undefined) return this.own;
    let tenant = this.#all.get(name);
    if (tenant === undefined) {
      tenant = new Tenant(name, this.#release, this.#total);
      this.#all.set(name, tenant);
      this.several = true;
    }
    return tenant;
  }

  /** The tenant of this name, if the tenant has jobs or workers. */
  find(name: string | undefined): Tenant | undefined {
    return this.#all.get(name);
  }

  /** A task has ended. */
  taskEnded(job: Job): void {
    if (job.tenant === undefined) return;
    this.of(job.tenant).ended++;
    this.#ended++;
  }

  /**
   * How many tasks of a tenant have ended.
   *
   * @param all How many tasks of all tenants have ended.
   */
  endedOf(tenant: Tenant, all: number): number {
    return tenant === this.own ? all - this.#ended : tenant.ended;
  }

  /** A tenant has got a worker: now all other tenants come first. */
  endTurn(tenant: Tenant): void {
    this.#all.delete(tenant.name);
    this.#all.set(tenant.name, tenant);
  }

  /** Forgets a tenant without jobs and workers. */
  forget(tenant: Tenant): void {
    if (tenant === this.own || !tenant.isGone) return;
    // Another tenant of the same name may have come after a tenant was forgotten.
    if (this.#all.get(tenant.name) !== tenant) return;
    this.#all.delete(tenant.name);
    this.several = this.#all.size > 1;
  }

  /** Forgets all tenants without jobs and workers. */
  forgetGone(): void {
    for (const tenant of this.#all.values()) this.forget(tenant);
  }

  /** How many jobs have not been sent to a worker. */
  get waiting(): number {
    return this.#total.jobs;
  }

  /** How often a job was added to a queue: at first, or back from a worker. */
  get added(): number {
    return this.#total.added;
  }

  /** Whether any tenant is queued. */
  get anyQueued(): boolean {
    return this.own.queue.size > 0 || this.several && !this.queued().next().done;
  }

  /** The tenants whose jobs wait for a worker, in the order of their turns. */
  *queued(): Generator<Tenant, void, undefined> {
    for (const tenant of this.#all.values()) if (tenant.queue.size > 0) yield tenant;
  }

  /** All tenants, in the order of their turns. */
  [Symbol.iterator](): Iterator<Tenant> {
    return this.#all.values();
  }
}
