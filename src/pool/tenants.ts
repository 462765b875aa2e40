import type { Job } from "../job.ts";
import { Queue } from "../queue.ts";
import { FailedModules } from "./failed_modules.ts";

/** One party whose tasks share no worker with those of another: a customer, or the program itself. */
export class Tenant {
  /** What the program calls the tenant; its own tasks have no name. */
  readonly name: string | undefined;
  /** The jobs that wait. */
  readonly queue = new Queue();
  /** The modules that failed to load in the tenant's workers. */
  readonly failedModules: FailedModules;
  /** How many workers serve the tenant, those that were given up not included. */
  workers = 0;
  /** How many of its workers were given up, and have not ended. */
  stuck = 0;
  /** How many of its tasks have returned or failed; of named tenants only. */
  ended = 0;
  /** Whether its latest task was refused, as too many of its own wait. */
  full = false;
  /** Whether another worker is worth its start, but a worker of another tenant has to make room. */
  claims = false;

  constructor(name: string | undefined, release: (tenant: Tenant, jobs: readonly Job[]) => void) {
    this.name = name;
    this.failedModules = new FailedModules((jobs) => release(this, jobs));
  }

  /** The tenant in a message, behind what belongs to it. */
  get label(): string {
    return this.name === undefined ? " of the program itself" : ` of tenant ${show(this.name)}`;
  }

  /** How many jobs wait that no worker was sent. */
  get waiting(): number {
    return this.queue.size + this.failedModules.waiting;
  }

  /** Whether the pool need not know the tenant any more. */
  get isGone(): boolean {
    return this.workers === 0 && this.stuck === 0 && this.waiting === 0;
  }
}

/** How much of a name is in a message. */
const MAX_NAME_LENGTH = 64;

function show(name: string): string {
  return JSON.stringify(
    name.length > MAX_NAME_LENGTH ? `${name.slice(0, MAX_NAME_LENGTH)}…` : name,
  );
}

/**
 * The tenants of a pool that have jobs or workers, in the order of their turns: the tenant that was
 * given a worker last is last. Most programs have none but themselves.
 */
export class Tenants {
  /** The program itself. */
  readonly own: Tenant;
  /** Whether there are others than the program itself. */
  several = false;
  readonly #all = new Map<string | undefined, Tenant>();
  readonly #release: (tenant: Tenant, jobs: readonly Job[]) => void;
  /** How many tasks of named tenants have ended. */
  #ended = 0;

  /**
   * Makes the tenants of a pool.
   *
   * @param release Takes jobs back that were set aside, as their module may be tried again.
   */
  constructor(release: (tenant: Tenant, jobs: readonly Job[]) => void) {
    this.#release = release;
    this.own = new Tenant(undefined, release);
    this.#all.set(undefined, this.own);
  }

  /** The tenant of this name. */
  of(name: string | undefined): Tenant {
    if (name === undefined) return this.own;
    let tenant = this.#all.get(name);
    if (tenant === undefined) {
      tenant = new Tenant(name, this.#release);
      this.#all.set(name, tenant);
      this.several = true;
    }
    return tenant;
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
   * @param all How many of all tenants.
   */
  endedOf(tenant: Tenant, all: number): number {
    return tenant === this.own ? all - this.#ended : tenant.ended;
  }

  /** A tenant was given a worker: now it is the turn of all others. */
  endTurn(tenant: Tenant): void {
    this.#all.delete(tenant.name);
    this.#all.set(tenant.name, tenant);
  }

  /** Forgets a tenant that has neither jobs nor workers. */
  forget(tenant: Tenant): void {
    if (tenant === this.own || !tenant.isGone) return;
    // One of the same name may have come after a tenant that was forgotten.
    if (this.#all.get(tenant.name) !== tenant) return;
    this.#all.delete(tenant.name);
    this.several = this.#all.size > 1;
  }

  /** Forgets all that have neither jobs nor workers. */
  forgetGone(): void {
    for (const tenant of this.#all.values()) this.forget(tenant);
  }

  /** How many jobs wait that no worker was sent. */
  get waiting(): number {
    let waiting = 0;
    for (const tenant of this.#all.values()) waiting += tenant.waiting;
    return waiting;
  }

  /** Whether a job waits that may be sent to a worker. */
  get anyQueued(): boolean {
    return this.own.queue.size > 0 || this.several && !this.queued().next().done;
  }

  /** Those with jobs that may be sent, in the order of their turns. */
  *queued(): Generator<Tenant, void, undefined> {
    for (const tenant of this.#all.values()) if (tenant.queue.size > 0) yield tenant;
  }

  /** All of them, in the order of their turns. */
  [Symbol.iterator](): Iterator<Tenant> {
    return this.#all.values();
  }
}
