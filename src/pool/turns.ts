import type { PoolSettings } from "../settings/settings.ts";
import type { Tenant, Tenants } from "./tenants.ts";

/**
 * Decides which tenant of a pool gets the next worker, and when a worker of another tenant has to make
 * room. A tenant is queued while a job waits. A worker is fresh until the worker's first task.
 */
export class Turns {
  /** Whether a single tenant may have only a part of the workers. */
  readonly isShared: boolean;
  readonly #tenants: Tenants;
  readonly #settings: Pick<PoolSettings, "maxWorkers" | "maxWorkersPerTenant">;

  constructor(
    tenants: Tenants,
    settings: Pick<PoolSettings, "maxWorkers" | "maxWorkersPerTenant">,
  ) {
    this.#tenants = tenants;
    this.#settings = settings;
    this.isShared = settings.maxWorkersPerTenant < settings.maxWorkers;
  }

  /** Whether it matters whose turn it is: there are several tenants, or none may have all workers. */
  get matter(): boolean {
    return this.#tenants.several || this.isShared;
  }

  /** Whether a tenant may have another worker. Stuck workers are replaced, but not without end. */
  mayHaveAnother({ workers, stuck }: Tenant): boolean {
    const { maxWorkers, maxWorkersPerTenant: most } = this.#settings;
    return most >= maxWorkers || workers < Math.min(most, 2 * most - stuck);
  }

  /** Whether a tenant gets no worker before a stuck worker has ended. */
  isBarred(tenant: Tenant): boolean {
    return tenant.workers === 0 && !this.mayHaveAnother(tenant);
  }

  /**
   * The tenant that gets a fresh worker.
   *
   * @param isWanted Whether the worker can run the next job of a tenant.
   * @returns The first queued tenant without a worker, else the first with a claim, else the first.
   */
  nextForFresh(isWanted: (tenant: Tenant) => boolean): Tenant | undefined {
    let claimant: Tenant | undefined;
    let other: Tenant | undefined;
    for (const tenant of this.#tenants.queued()) {
      if (!this.mayHaveAnother(tenant) || !isWanted(tenant)) continue;
      if (tenant.workers === 0) return tenant;
      if (tenant.claims) claimant ??= tenant;
      else other ??= tenant;
    }
    return claimant ?? other;
  }

  /**
   * The tenant for which the pool considers another worker.
   *
   * @param free How many workers are fresh or starting, and may be taken.
   * @param hasRoom Whether the pool may have another worker, if need be in place of an idle worker.
   * @returns The first queued tenant without a worker, after as many as are `free`; else the first
   * with workers. Without room, only a tenant for which another tenant has to make room.
   */
  nextToGrow(free: number, hasRoom: boolean): Tenant | undefined {
    let other: Tenant | undefined;
    let most: number | undefined;
    for (const tenant of this.#tenants.queued()) {
      const { claims, workers } = tenant;
      if (!this.mayHaveAnother(tenant)) continue;
      if (workers === 0) {
        if (--free < 0) return tenant;
      } else if (other === undefined) {
        if (hasRoom || !claims && workers + 1 < (most ??= this.#mostWorkers())) other = tenant;
      }
    }
    return other;
  }

  /** How many workers the richest tenant has. */
  #mostWorkers(): number {
    let most = 0;
    for (const { workers } of this.#tenants) most = Math.max(most, workers);
    return most;
  }

  /**
   * Whether a worker of this tenant has to make room for another tenant, in a pool that may have no
   * more workers.
   *
   * @param free How many workers are fresh or starting, and may be taken.
   */
  mustMakeRoom(owner: Tenant, free: number): boolean {
    for (const tenant of this.#tenants.queued()) {
      if (tenant === owner || !this.mayHaveAnother(tenant)) continue;
      const isPoorer = tenant.workers === 0 ||
        tenant.claims && tenant.workers + 1 < owner.workers;
      if (isPoorer && --free < 0) return true;
    }
    return false;
  }
}
