import type { QueueFullError } from "../api/errors.ts";
import type { PoolSettings } from "../settings/settings.ts";
import { queueFull } from "./refusals.ts";
import type { Roster } from "./roster.ts";
import type { Tenant, Tenants } from "./tenants.ts";

/** At most this share of a bounded queue is for tasks that are submitted without need. */
const SPARE_SHARE = 1 / 4;

/** How many tasks of a pool wait, and how many may. */
export class QueueBounds {
  readonly #pool: string;
  readonly #settings: Pick<PoolSettings, "maxQueue" | "maxQueuePerTenant">;
  readonly #tenants: Tenants;
  readonly #roster: Roster;
  readonly #onFull: () => void;
  /** Whether the number of waiting tasks is limited. */
  readonly #isBounded: boolean;
  /** Whether the latest task was refused, as too many wait in the pool. */
  #isFull = false;
  /**
   * The waiting tasks need not be counted while fewer jobs than this were added to queues: even if none
   * has begun since the latest count, too few wait.
   */
  #countFrom = 0;

  /**
   * Bounds the queue of a pool.
   *
   * @param onFull Is called for the first refused task after an accepted task.
   */
  constructor(
    pool: string,
    settings: Pick<PoolSettings, "maxQueue" | "maxQueuePerTenant">,
    tenants: Tenants,
    roster: Roster,
    onFull: () => void,
  ) {
    this.#pool = pool;
    this.#settings = settings;
    this.#tenants = tenants;
    this.#roster = roster;
    this.#onFull = onFull;
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
    const { maxQueue, maxQueuePerTenant } = this.#settings;
    const wasFull = this.#isFull || tenant.full;
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
    if (!this.#isFull && !tenant.full) return;
    if (!wasFull) this.#onFull();
    return this.#isFull
      ? queueFull(this.#pool, maxQueue, waiting, undefined)
      : queueFull(this.#pool, maxQueuePerTenant, waitingOf, tenant);
  }
}
