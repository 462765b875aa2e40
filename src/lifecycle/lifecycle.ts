import { deadline } from "@std/async/deadline";
import { ShutdownError } from "../api/errors.ts";
import type { ShutdownOptions } from "../api/options.ts";
import { rejected } from "../tasks/failure.ts";

/** What the lifecycle asks of a pool. */
export interface Startable {
  /** Starts the first workers. Rejects if a worker cannot be started, or at `terminate()`. */
  open(): Promise<void>;
  /** Resolves when no task waits or runs. */
  drained(): Promise<void>;
  /** Rejects the tasks that have not begun. */
  cancelQueued(makeReason: () => unknown): void;
  /** Rejects all tasks, and ends the workers: at once, or, if `patient`, when they are ready. */
  terminate(patient?: boolean): void;
  /** Resolves when the workers have ended, or cannot be ended. */
  gone(): Promise<void>;
}

/**
 * The state of an executor:
 *
 * - `stopped`: there is nothing to finish. The workers may need a moment to end.
 * - `starting`: the pools open.
 * - `running`: tasks are accepted.
 * - `stopping`: accepted tasks are finished, or a startup that was terminated comes to its end.
 * - `restarting`: as `stopping`, and a new startup waits for the end.
 */
export type State = "stopped" | "starting" | "running" | "stopping" | "restarting";

/** A startup that has not ended. */
interface Startup {
  /** Settles as `startup()` does. */
  promise?: Promise<void>;
  /** Resolves at the end of the startup. Waiting for the end handles no rejection of `promise`. */
  readonly ended: PromiseWithResolvers<void>;
}

/** The states of an executor, and how `startup()`, `shutdown()` and `terminate()` change the state. */
export class Lifecycle {
  readonly #pools: readonly Startable[];
  #state: State = "stopped";
  /** The startup under way, in the states `starting` and `restarting`. */
  #startup: Startup | undefined;
  /** The end under way, in the states `stopping` and `restarting`. */
  #end: Promise<void> | undefined;

  constructor(pools: readonly Startable[]) {
    this.#pools = pools;
  }

  /** The state. */
  get state(): State {
    return this.#state;
  }

  /** Whether tasks are accepted. */
  get isRunning(): boolean {
    return this.#state === "running";
  }

  /**
   * Opens the pools. If an end is under way, the startup waits for the end.
   *
   * @returns Resolves when tasks are accepted; the same promise for all who call meanwhile.
   * @throws {WorkerStartError} If a worker cannot be started.
   * @throws {ShutdownError} If the executor is shut down or terminated meanwhile.
   */
  startup(): Promise<void> {
    if (this.#state === "running") return Promise.resolve();
    if (this.#startup?.promise !== undefined) return this.#startup.promise;
    this.#state = this.#state === "stopped" ? "starting" : "restarting";
    const startup: Startup = { ended: Promise.withResolvers<void>() };
    this.#startup = startup;
    return startup.promise = this.#start(startup);
  }

  /** The steps of a startup. */
  async #start(startup: Startup): Promise<void> {
    let state: State = "stopped";
    try {
      await this.#end;
      this.#assertWanted(startup);
      this.#state = "starting";
      await Promise.all(this.#pools.map((pool) => pool.open()));
      this.#assertWanted(startup);
      state = "running";
    } catch (error) {
      this.#terminatePools();
      await this.#gone();
      return await rejected(error);
    } finally {
      if (this.#startup === startup) {
        this.#startup = undefined;
        this.#state = state;
      }
      startup.ended.resolve();
    }
  }

  #assertWanted(startup: Startup): void {
    if (this.#startup === startup) return;
    throw new ShutdownError("The executor was shut down while it started");
  }

  /**
   * Ends the executor when the accepted tasks are finished. A call during the end may change how
   * the end goes: `cancelQueued` and `timeout` count from that call.
   *
   * @returns Resolves at the end, or at once if `wait` is false.
   */
  async shutdown({ wait, cancelQueued, timeout }: Required<ShutdownOptions>): Promise<void> {
    if (this.#state === "stopped") return await this.#gone();
    if (this.#startup !== undefined) {
      // Pools that open have accepted no task. A startup that waits lets the accepted tasks finish.
      if (this.#state === "starting") this.#terminatePools();
      this.#abandon(this.#startup);
    }
    if (this.#state === "running") {
      this.#state = "stopping";
      this.#endWith(this.#stop());
    }
    if (cancelQueued) this.#cancelQueued();
    const ended = this.#endWithin(timeout);
    if (wait) await ended;
  }

  /** The steps of a shutdown. */
  async #stop(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.drained()));
    for (const pool of this.#pools) pool.terminate(true);
    await this.#gone();
  }

  #cancelQueued(): void {
    for (const pool of this.#pools) {
      pool.cancelQueued(() =>
        new ShutdownError("The executor was shut down before the task began")
      );
    }
  }

  /** Resolves at the end under way, and terminates what is not finished in time. */
  async #endWithin(ms: number): Promise<void> {
    const end = this.#end;
    if (end === undefined || ms === Infinity) return await end;
    try {
      await deadline(end, ms);
    } catch {
      // Another end may have come, which includes this end: what it waits for is to end, too.
      if (this.#end !== undefined) this.#terminatePools();
      await end;
    }
  }

  /** Ends the executor now. A startup under way rejects when the startup notices. */
  terminate(): void {
    if (this.#startup !== undefined) this.#abandon(this.#startup);
    else if (this.#state === "running") this.#state = "stopped";
    this.#terminatePools();
  }

  /** Lets a startup fail at its next step. */
  #abandon({ ended }: Startup): void {
    this.#endWith(ended.promise);
    this.#startup = undefined;
    this.#state = "stopping";
  }

  /** Sets the end under way. `ended` includes the end that was under way before. */
  #endWith(ended: Promise<void>): void {
    const end = ended.then(() => {
      if (this.#end !== end) return;
      this.#end = undefined;
      if (this.#state === "stopping") this.#state = "stopped";
    });
    this.#end = end;
  }

  #terminatePools(): void {
    for (const pool of this.#pools) pool.terminate();
  }

  async #gone(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.gone()));
  }
}
