import type { PoolSettings } from "../options.ts";
import type { Tenant, Tenants } from "./tenants.ts";

/** Decides which tenant of a pool is given the next worker, and when another has to make room. */
export class Turns {
  readonly #tenants: Tenants;
  readonly #settings: Pick<PoolSettings, "maxWorkers" | "maxWorkersPerTenant">;

  constructor(
    tenants: Tenants,
    settings: Pick<PoolSettings, "maxWorkers" | "maxWorkersPerTenant">,
  ) {
    this.#tenants = tenants;
    this.#settings = settings;
  }

  /** Whether a tenant may be given one worker more; those that are stuck are replaced, but not without end. */
  mayHaveAnother({ workers, stuck }: Tenant): boolean {
    const { maxWorkers, maxWorkersPerTenant: most } = this.#settings;
    return most >= maxWorkers || workers < Math.min(most, 2 * most - stuck);
  }

  /** Whether a tenant will get no worker until one that is stuck has ended. */
  isBarred(tenant: Tenant): boolean {
    return tenant.workers === 0 && !this.mayHaveAnother(tenant);
  }

  /**
   * The tenant that is given a worker that has served nobody.
   *
   * @returns First in turn of those that have no worker; else of those that claim one; else of those
   * with jobs that wait.
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
   * The tenant for which another worker is considered.
   *
   * @param free How many workers tenants may take that have served nobody, or are starting.
   * @param hasRoom Whether the pool may have another worker, if need be in the place of an idle one.
   * @returns First in turn of those that have no worker, and for which none is free; else of those
   * that have some. Without room the latter are those that others have to make room for.
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

  /** How many workers the tenant has that has most. */
  #mostWorkers(): number {
    let most = 0;
    for (const { workers } of this.#tenants) most = Math.max(most, workers);
    return most;
  }

  /**
   * Whether a worker of this tenant has to make room for another tenant, as the pool may have no
   * more workers.
   *
   * @param free How many workers tenants may take that have served nobody, or are starting.
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
