import type { QueueFullError } from "../api/errors.ts";
import type { PoolSettings } from "../settings/settings.ts";
import { queueFull } from "./refusals.ts";
import type { Roster } from "./roster.ts";
import type { Tenant, Tenants } from "./tenants.ts";

/** At most this share of a bounded queue is for tasks that are submitted without need. */
const SPARE_SHARE = 1 / 4;

/** What the bounds of a queue tell the pool. */
export interface QueueBoundsEvents {
  /** A queue is full: tasks that wait for a busy worker, while another is idle, go to that worker. */
  spread(): void;
  /** A task is refused, after tasks that were accepted. */
  onFull(): void;
}

/** How many tasks of a pool wait, and how many may. */
export class QueueBounds {
  readonly #pool: string;
  readonly #settings: Pick<PoolSettings, "maxQueue" | "maxQueuePerTenant">;
  readonly #tenants: Tenants;
  readonly #roster: Roster;
  readonly #events: QueueBoundsEvents;
  /** Whether the number of waiting tasks is limited. */
  readonly #isBounded: boolean;
  /** Whether the latest task was refused, as too many wait in the pool. */
  #isFull = false;
  /**
   * The waiting tasks need not be counted while fewer jobs than this were added to queues: even if none
   * has begun since the latest count, too few wait.
   */
  #countFrom = 0;

  constructor(
    pool: string,
    settings: Pick<PoolSettings, "maxQueue" | "maxQueuePerTenant">,
    tenants: Tenants,
    roster: Roster,
    events: QueueBoundsEvents,
  ) {
    this.#pool = pool;
    this.#settings = settings;
    this.#tenants = tenants;
    this.#roster = roster;
    this.#events = events;
    this.#isBounded = Math.min(settings.maxQueue, settings.maxQueuePerTenant) < Infinity;
  }

  /** How many jobs have not begun. */
  get waiting(): number {
    let { waiting } = this.#tenants;
    for (const member of this.#roster.working) waiting += member.waiting;
    return waiting;
  }

  /** How many jobs of a tenant have not begun. */
  #waitingOf({ name, waiting }: Tenant): number {
    for (const member of this.#roster.working) if (member.serves(name)) waiting += member.waiting;
    return waiting;
  }

  /**
   * How many tasks of a tenant may be submitted without need: a few, and none while many tasks wait.
   *
   * @param tenant Nobody, if the tenant has neither tasks nor workers.
   */
  roomFor(tenant: Tenant | undefined): number {
    if (!this.#isBounded) return Infinity;
    const { maxQueue, maxQueuePerTenant } = this.#settings;
    const room = maxQueue === Infinity ? Infinity : maxQueue * SPARE_SHARE - this.waiting;
    if (maxQueuePerTenant === Infinity) return Math.max(0, room);
    const waiting = tenant === undefined ? 0 : this.#waitingOf(tenant);
    return Math.max(0, Math.min(room, maxQueuePerTenant * SPARE_SHARE - waiting));
  }

  /** The error of another task of a tenant, if no more tasks may wait. */
  refusal(tenant: Tenant): QueueFullError | undefined {
    if (!this.#isBounded) return;
    const wasFull = this.#isFull || tenant.full;
    if (this.#count(tenant) && this.#roster.idle.size > 0) {
      this.#events.spread();
      this.#count(tenant);
    }
    if (!this.#isFull && !tenant.full) return;
    if (!wasFull) this.#events.onFull();
    const { maxQueue, maxQueuePerTenant } = this.#settings;
    return this.#isFull
      ? queueFull(this.#pool, maxQueue, this.waiting, undefined)
      : queueFull(this.#pool, maxQueuePerTenant, this.#waitingOf(tenant), tenant);
  }

  /** Counts the waiting tasks, if they may be too many; returns whether they are. */
  #count(tenant: Tenant): boolean {
    const { maxQueue, maxQueuePerTenant } = this.#settings;
    const { added } = this.#tenants;
    let waiting = 0;
    let waitingOf = 0;
    if (added >= this.#countFrom && maxQueue < Infinity) {
      waiting = this.waiting;
      this.#countFrom = added + maxQueue - waiting;
    }
    if (added >= tenant.countFrom && maxQueuePerTenant < Infinity) {
      waitingOf = this.#waitingOf(tenant);
      tenant.countFrom = added + maxQueuePerTenant - waitingOf;
    }
    this.#isFull = waiting >= maxQueue;
    tenant.full = waitingOf >= maxQueuePerTenant;
    return this.#isFull || tenant.full;
  }
}
