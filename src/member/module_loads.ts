import type { Job } from "./job.ts";
import type { TaskModule } from "../tasks/modules.ts";
import * as machinery from "../runtime/real_timers.ts";

/** How long, in ms, a worker may take to load a module before the worker is given up. */
const LOAD_TIMEOUT_MS = 30_000;

/**
 * The task modules of a worker: the loaded, the failed, and the module being loaded. A module is
 * loaded before a task of the module is sent, so that the load takes none of the task's time and
 * outlives a caller who gives up.
 */
export class ModuleLoads {
  readonly #loaded = new Set<number>();
  readonly #failed = new Set<number>();
  /** The module loaded last, for a quick answer: `has()` is called for each task. */
  #latest = -1;
  /** The module that the worker loads now. */
  #current: TaskModule | undefined;
  /** The job that waits for the load, unless the caller has given up. */
  #job: Job | undefined;
  #timer: machinery.Timer | undefined;
  readonly #onLeft: () => void;

  /**
   * Makes the record of a worker.
   *
   * @param onLeft Is called when no job waits for the load any more.
   */
  constructor(onLeft: () => void) {
    this.#onLeft = onLeft;
  }

  /** The module that the worker loads now. */
  get current(): TaskModule | undefined {
    return this.#current;
  }

  /** The job that waits for the load. */
  get job(): Job | undefined {
    return this.#job;
  }

  /** Whether the worker has a module; functions that are sent by their source need none. */
  has(module: number): boolean {
    return module < 0 || module === this.#latest || this.#loaded.has(module);
  }

  /** Whether the worker failed to load a module. In Deno, such a module fails for ever. */
  hasFailed(module: number): boolean {
    return this.#failed.has(module);
  }

  /**
   * The worker begins to load a module.
   *
   * @param job The job that waits for the load.
   * @param onLate Is called when the load takes too long.
   */
  begin(module: TaskModule, job: Job | undefined, onLate: (() => void) | undefined): void {
    this.#current = module;
    if (job !== undefined) {
      this.#job = job;
      job.place = this;
    }
    if (onLate === undefined) return;
    this.#timer = machinery.setTimeout(() => {
      this.#timer = undefined;
      onLate();
    }, LOAD_TIMEOUT_MS);
    // Only a job that waits for the load keeps the program alive.
    Deno.unrefTimer(this.#timer);
  }

  /** The load has ended: well, with an error, or with the worker. Returns the job that waited. */
  end(outcome: "loaded" | "failed" | "gone"): Job | undefined {
    if (this.#timer !== undefined) machinery.clearTimeout(this.#timer);
    this.#timer = undefined;
    if (outcome === "loaded") {
      this.#latest = this.#current!.index;
      this.#loaded.add(this.#latest);
    } else if (outcome === "failed") this.#failed.add(this.#current!.index);
    this.#current = undefined;
    const job = this.#job;
    this.#job = undefined;
    if (job !== undefined) job.place = undefined;
    return job;
  }

  /**
   * Takes out the waiting job: its caller has given up, or another worker runs the job. The load
   * goes on.
   */
  remove(job: Job): void {
    job.place = undefined;
    this.#job = undefined;
    this.#onLeft();
  }
}
