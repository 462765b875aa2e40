/**
 * The name of an event of an executor; see {@linkcode ExecutorEventMap}.
 *
 * @example A list of alarms
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type ExecutorEventType } from "@genro/executor";
 *
 * const alarming: ExecutorEventType[] = ["workererror", "workercrash", "workerstuck", "queuefull"];
 *
 * await using executor = await Executor.start({ cpu: { maxWorkers: 1, maxQueue: 1 } });
 * const alarms: string[] = [];
 * for (const type of alarming) {
 *   executor.addEventListener(type, ({ pool }) => alarms.push(`${pool}: ${type}`));
 * }
 * await Promise.allSettled([1, 2, 3].map((n) => executor.runCpu((n: number) => n, n)));
 * assertEquals(alarms, ["cpu: queuefull"]);
 * ```
 */
export type ExecutorEventType =
  | "workerstart"
  | "workerretire"
  | "workererror"
  | "workercrash"
  | "workerstuck"
  | "workerback"
  | "queuefull";

/**
 * An event of a pool, for whoever operates the program.
 *
 * @example A log of the workers that start
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type ExecutorEvent } from "@genro/executor";
 *
 * await using executor = new Executor({ cpu: { minWorkers: 2, maxWorkers: 2 } });
 * const log: string[] = [];
 * executor.addEventListener("workerstart", ({ pool, worker }: ExecutorEvent) => {
 *   log.push(`${pool} worker ${worker} takes tasks`);
 * });
 * await executor.startup();
 * assertEquals(log, ["cpu worker 1 takes tasks", "cpu worker 2 takes tasks"]);
 * ```
 */
export class ExecutorEvent extends Event {
  /** The pool of the event. */
  readonly pool: "blocking" | "cpu";
  /** The worker's number in its pool, counted from 1 in the order of the starts; 0 for no worker. */
  readonly worker: number;
  /** The cause, if the cause is known. */
  readonly cause: unknown;

  /**
   * Makes an event. Only an executor needs to.
   *
   * @param type The name of the event.
   * @param pool The pool.
   * @param worker The number of the worker, or 0.
   * @param cause The cause, if known.
   */
  constructor(type: ExecutorEventType, pool: "blocking" | "cpu", worker: number, cause?: unknown) {
    super(type);
    this.pool = pool;
    this.worker = worker;
    this.cause = cause;
  }
}

/**
 * The events of an executor, by name. Listeners are called in a microtask, after the pool's own work,
 * and in no caller's async context. An error of a listener is an uncaught error, as with any
 * `EventTarget`.
 *
 * @example A promise of the next event
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type ExecutorEventMap } from "@genro/executor";
 *
 * function next<K extends keyof ExecutorEventMap>(executor: Executor, type: K) {
 *   const { promise, resolve } = Promise.withResolvers<ExecutorEventMap[K]>();
 *   executor.addEventListener(type, resolve, { once: true });
 *   return promise;
 * }
 *
 * await using executor = await Executor.start();
 * const crash = next(executor, "workercrash");
 * await executor.runCpu(() => Deno.exit(1)).catch(() => {});
 * assertEquals((await crash).pool, "cpu");
 * ```
 */
export interface ExecutorEventMap {
  /** A worker takes tasks. */
  workerstart: ExecutorEvent;
  /** A worker was ended: after a long idle time, for a newer module, or at the executor's end. */
  workerretire: ExecutorEvent;
  /** A worker could not be started; `cause` says why. The next task that needs a worker tries again. */
  workererror: ExecutorEvent;
  /** A worker ended without being told to; `cause` says why. Another worker takes its place. */
  workercrash: ExecutorEvent;
  /** A worker was given up: its aborted task did not end, or its next task did not begin. */
  workerstuck: ExecutorEvent;
  /** A worker that was given up has ended, and uses its core no more. */
  workerback: ExecutorEvent;
  /** A task was refused, as `maxQueue` tasks wait. Reported once until a task is accepted again. */
  queuefull: ExecutorEvent;
}
