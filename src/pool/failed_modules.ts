import type { Job } from "../member/job.ts";
import { Queue, type QueuedTotal } from "./queue.ts";
import * as machinery from "../runtime/real_timers.ts";
import { Backoff } from "./pace.ts";

/** A module whose latest load has failed. */
interface FailedModule {
  readonly backoff: Backoff;
  /** The jobs that wait until another worker may be asked. */
  readonly waiting: Queue;
  timer: machinery.Timer | undefined;
  /** How many workers load the module now. */
  loading: number;
}

/**
 * The modules that failed to load in the workers of a tenant, and the jobs set aside for these
 * modules. After each failure no worker is asked for the module for a while, then a single worker
 * at a time. Meanwhile the jobs of the module stand outside of the queue, and hold up no other
 * jobs.
 */
export class FailedModules {
  readonly #modules = new Map<number, FailedModule>();
  readonly #release: (jobs: readonly Job[]) => void;
  readonly #total: QueuedTotal | undefined;

  /**
   * Makes the record of a tenant.
   *
   * @param release Takes back jobs that were set aside, as their module may be tried again.
   * @param total Also counts the jobs that are set aside.
   */
  constructor(release: (jobs: readonly Job[]) => void, total?: QueuedTotal) {
    this.#release = release;
    this.#total = total;
  }

  /** How many jobs are set aside. */
  get waiting(): number {
    let waiting = 0;
    for (const module of this.#modules.values()) waiting += module.waiting.size;
    return waiting;
  }

  /** Whether any module has failed to load. Most often none has. */
  get any(): boolean {
    return this.#modules.size > 0;
  }

  /** Whether no worker may be asked for this module now. */
  holds(module: number): boolean {
    const failed = this.#modules.get(module);
    return failed !== undefined && (failed.loading > 0 || failed.backoff.wait > 0);
  }

  /** Sets a job aside until its module may be tried again, or is loaded. */
  setAside(job: Job): void {
    const module = job.task.module;
    const failed = this.#modules.get(module)!;
    failed.waiting.push(job);
    if (failed.loading > 0) return;
    failed.timer ??= machinery.setTimeout(() => {
      failed.timer = undefined;
      this.#release(this.take(module));
    }, Math.ceil(Math.max(0, failed.backoff.wait)));
  }

  /** A worker is asked for a module. */
  loads(module: number): void {
    const failed = this.#modules.get(module);
    if (failed !== undefined) failed.loading++;
  }

  /** A worker has failed to load a module. */
  failed(module: number): void {
    let failed = this.#modules.get(module);
    if (failed === undefined) {
      failed = {
        backoff: new Backoff(),
        waiting: new Queue(this.#total),
        timer: undefined,
        loading: 0,
      };
      this.#modules.set(module, failed);
    } else failed.loading = Math.max(0, failed.loading - 1);
    failed.backoff.failed();
  }

  /**
   * A worker is gone without having begun to load a module. Returns the jobs set aside for the
   * module.
   */
  notBegun(module: number): Job[] {
    const failed = this.#modules.get(module);
    if (failed !== undefined) failed.loading = Math.max(0, failed.loading - 1);
    return this.take(module);
  }

  /** A worker has loaded a module. Returns the jobs set aside for the module. */
  loaded(module: number): Job[] {
    const jobs = this.take(module);
    this.#modules.delete(module);
    return jobs;
  }

  /** Takes out the jobs set aside for a module. */
  take(module: number): Job[] {
    const failed = this.#modules.get(module);
    if (failed === undefined) return [];
    if (failed.timer !== undefined) machinery.clearTimeout(failed.timer);
    failed.timer = undefined;
    const jobs: Job[] = [];
    for (let job = failed.waiting.head; job !== undefined; job = failed.waiting.head) {
      failed.waiting.remove(job);
      jobs.push(job);
    }
    return jobs;
  }

  /** Takes out the jobs whose modules satisfy a condition. */
  takeFor(has: (module: number) => boolean): Job[] {
    return [...this.#modules.keys()].filter(has).flatMap((module) => this.take(module));
  }

  /** Takes out all jobs set aside. */
  takeAll(): Job[] {
    return this.takeFor(() => true);
  }

  /** Forgets all failures: the pool has ended. */
  clear(): void {
    this.takeAll();
    this.#modules.clear();
  }
}
