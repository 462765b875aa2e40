/**
 * What can happen to a pool; see {@linkcode ExecutorEventMap}.
 *
 * @example
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
 * Something has happened to a pool that its operator may want to know.
 *
 * @example
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
  /** The pool that it happened to. */
  readonly pool: "blocking" | "cpu";
  /** Which of the pool's workers, counted from 1 as they are started; 0 if it is none of them. */
  readonly worker: number;
  /** Why, as far as that is known. */
  readonly cause: unknown;

  /**
   * Makes an event; an executor does.
   *
   * @param type What has happened.
   * @param pool The pool.
   * @param worker The number of the worker.
   * @param cause Why.
   */
  constructor(type: ExecutorEventType, pool: "blocking" | "cpu", worker: number, cause?: unknown) {
    super(type);
    this.pool = pool;
    this.worker = worker;
    this.cause = cause;
  }
}

/**
 * The events of an executor. They come in a microtask, when what they tell of is done, and in no
 * caller's async context. What a listener throws is an uncaught error, as with any `EventTarget`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type ExecutorEventMap } from "@genro/executor";
 *
 * // The next event of a type.
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
  /** A worker was ended: it was idle for long, or older than a task's module, or all are. */
  workerretire: ExecutorEvent;
  /** A worker could not be started; `cause` says why. It is tried again when it is needed. */
  workererror: ExecutorEvent;
  /** A worker ended without being told to; `cause` says of what. Another one takes its place. */
  workercrash: ExecutorEvent;
  /** A worker was given up: it did not end its aborted task, or did not begin one. */
  workerstuck: ExecutorEvent;
  /** A worker that was given up has ended, and burns its core no more. */
  workerback: ExecutorEvent;
  /** A task was refused as `maxQueue` wait; once until one is accepted again. */
  queuefull: ExecutorEvent;
}
