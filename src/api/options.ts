/** The options of an executor, of its pools and of its calls. */

/**
 * What a pool of workers may use: how many workers, with which permissions, and how many tasks may
 * wait.
 *
 * @example A pool for the files of one folder
 * ```ts
 * import { assertEquals, assertRejects } from "@std/assert";
 * import { Executor, type PoolOptions } from "@genro/executor";
 *
 * const files: PoolOptions = {
 *   maxWorkers: 4,
 *   maxQueue: 1_000, // More tasks are refused at once.
 *   permissions: { read: ["."] }, // The tasks are meant to touch nothing else.
 * };
 * await using executor = await Executor.start({ blocking: files });
 * const isFolder = (path: string) => Deno.statSync(path).isDirectory;
 * assertEquals(await executor.runBlocking(isFolder, "."), true);
 * await assertRejects(() => executor.runBlocking(isFolder, ".."), Deno.errors.NotCapable);
 * ```
 */
export interface PoolOptions {
  /**
   * How many workers the pool always has: `startup()` starts these workers, and no idle time ends a
   * worker when the pool has no more.
   *
   * @default {0}
   */
  minWorkers?: number;
  /**
   * How many workers the pool may have.
   *
   * @default {40} for `blocking`; `navigator.hardwareConcurrency` for `cpu`
   */
  maxWorkers?: number;
  /**
   * How many tasks may wait for a worker. More tasks are rejected with `QueueFullError`.
   *
   * @default {Infinity}
   */
  maxQueue?: number;
  /**
   * How long, in ms, a worker above `minWorkers` may be idle before the worker ends. A worker whose
   * stream or port goes on does not end.
   *
   * @default {10_000}
   */
  idleTimeout?: number;
  /**
   * The permissions of the workers. Any value but `"inherit"` needs `"unstable": ["worker-options"]`
   * in the application's deno.json, or `--unstable-worker-options`; without this setting Deno ends the
   * program with exit code 70. Processes do not need the setting. A process inherits the permissions
   * that the program has without restriction; permissions for some paths or hosts only must be named.
   *
   * @default {"inherit"} for `blocking`; `"none"` for `cpu`
   */
  permissions?: Deno.PermissionOptions;
  /**
   * Whether the workers are Web Workers or processes. A `"process"` is a Deno of its own: the process
   * is killed when an aborted task does not end, and after a crash, or without memory, only the process
   * ends. A process takes longer to start and to reach, and the program needs `--allow-run` for
   * `Deno.execPath()`.
   *
   * `"inline"` runs every task in this thread, with the same copies, errors and limits. For platforms
   * without `Worker`: nothing is kept off the event loop, no permission is withheld and no crash is
   * contained.
   *
   * @default {"worker"}
   */
  isolation?: "worker" | "process" | "inline";
  /**
   * How many MB of V8's heap a process may use before the process ends; for processes only. Memory
   * outside of the heap, such as the bytes of an `ArrayBuffer`, does not count.
   *
   * @default {Infinity}
   */
  memoryLimit?: number;
  /**
   * Modules that each worker loads before the worker takes tasks, in `startup()` and whenever the pool
   * grows. Each module is named by the result of {@linkcode tasksFrom}, or by a task of the result. A
   * pool with such modules starts at least one worker in `startup()`, which rejects if a module cannot
   * be loaded.
   *
   * @default {[]}
   */
  preload?: readonly object[];
  /**
   * Flags of `deno run` for each process, such as `--import-map=map.json`; for processes only. A process
   * finds the same deno.json as the program. Deno does not tell a program its own flags: so the flags
   * that the tasks need are repeated here. Permissions are no flags here, but
   * {@linkcode PoolOptions.permissions}.
   *
   * @default {[]}
   */
  args?: readonly string[];
  /**
   * Whether the output of a process is printed or discarded; for processes only. If the pool's
   * permissions are not `"inherit"`, the program passes the output on, some ten MB a second at most, and
   * the process has no descriptor of the program's.
   *
   * @default {"print"}
   */
  output?: "print" | "discard";
  /**
   * How many workers that have served no tenant are kept ready, beyond the `maxWorkers` that serve: a
   * tenant that needs a worker then waits for no start. See {@linkcode RunOptions.tenant}.
   *
   * @default {0}
   */
  spare?: number;
  /**
   * How many workers may serve one tenant at a time. The program's own tasks are a tenant, too.
   *
   * @default {maxWorkers}
   */
  maxWorkersPerTenant?: number;
  /**
   * How many tasks of one tenant may wait for a worker. More tasks of the tenant are rejected with
   * `QueueFullError`, while other tenants go on. The program's own tasks are a tenant, too.
   *
   * @default {Infinity}
   */
  maxQueuePerTenant?: number;
}

/**
 * What an executor's two pools may use.
 *
 * @example Limits for a server with a database
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type ExecutorOptions } from "@genro/executor";
 *
 * const options: ExecutorOptions = {
 *   // One worker before the first request; no more workers than the database takes connections.
 *   blocking: { minWorkers: 1, maxWorkers: 8 },
 *   // More tasks are refused, so that nobody waits for long.
 *   cpu: { maxQueue: 100 },
 * };
 * await using executor = await Executor.start(options);
 * assertEquals(executor.stats().blocking.idle, 1);
 * ```
 */
export interface ExecutorOptions {
  /** The pool of `runBlocking`. */
  blocking?: PoolOptions;
  /** The pool of `runCpu`. */
  cpu?: PoolOptions;
  /**
   * Short for `isolation: "inline"` of both pools; see {@linkcode PoolOptions.isolation}.
   *
   * @default {false}
   */
  inline?: boolean;
  /**
   * The absolute URL of the module that workers and processes run. Needed only where a bundler has
   * moved this package into another file: then `jsr:@genro/executor@<version>/worker`, of the same
   * version, or the URL of a bundle of the same module. `startup()` rejects where the option is needed
   * and missing.
   *
   * @default {worker.ts of this package}
   */
  workerUrl?: string | URL;
}

/**
 * How patient a shutdown is.
 *
 * @example A shutdown that takes no longer than 4.5 s
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type ShutdownOptions } from "@genro/executor";
 *
 * // Accepted tasks have 4.5 s to end. Then the rest is rejected.
 * const options: ShutdownOptions = { timeout: 4_500 };
 *
 * await using executor = await Executor.start();
 * const squares = Promise.all([1, 2, 3].map((n) => executor.runCpu((n: number) => n * n, n)));
 * await executor.shutdown(options);
 * assertEquals(await squares, [1, 4, 9]);
 * ```
 */
export interface ShutdownOptions {
  /**
   * Whether the promise resolves when all accepted tasks have ended. If `false`, the promise resolves
   * at once, and the accepted tasks still finish.
   *
   * @default {true}
   */
  wait?: boolean;
  /**
   * Whether tasks that have not begun are rejected with `ShutdownError`, instead of finished.
   *
   * @default {false}
   */
  cancelQueued?: boolean;
  /**
   * After how many ms the tasks that still run or wait are rejected with `ShutdownError`. Streams that
   * tasks have returned then fail with the same error, and the workers are terminated.
   *
   * @default {Infinity}
   */
  timeout?: number;
}

/**
 * How calls that {@linkcode Executor.with} binds are aborted, limited, listened to and kept apart.
 *
 * @typeParam P The type of the values that `onProgress` receives.
 *
 * @example A time limit, and a listener for progress
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type RunOptions, type TaskContext } from "@genro/executor";
 *
 * function count(this: TaskContext, to: number) {
 *   for (let n = 1; n <= to; n++) this.progress(n / to);
 * }
 * const shares: number[] = [];
 * const options: RunOptions = { timeout: 5_000, onProgress: (share) => shares.push(share) };
 *
 * await using executor = await Executor.start();
 * await executor.with(options).runCpu(count, 4);
 * assertEquals(shares, [0.25, 0.5, 0.75, 1]);
 * ```
 */
// deno-lint-ignore no-explicit-any -- whatever its task tells
export interface RunOptions<P = any> {
  /**
   * Aborts the run, which rejects with the signal's reason at once. A task that waits never begins; a
   * task that runs sees the abort in its context.
   */
  signal?: AbortSignal;
  /**
   * How many ms the task may run, from the call of its function. Then the run rejects with a
   * `DOMException` named `TimeoutError`. The time that the task waits, or its module loads, does not
   * count; a `signal` limits the whole time.
   *
   * @default {Infinity}
   */
  timeout?: number;
  /**
   * Called with each value that the task passes to `this.progress(value)`, in order, and before the
   * result. If the listener throws, or returns a promise that rejects, the run rejects with the same
   * error, and the task is aborted. The result waits for the listener's promises; the next call does
   * not. The listener runs in the async context of the run's caller.
   *
   * @param value A copy of the task's value.
   * @returns Nothing, or a promise that resolves when the caller is done with the value.
   */
  onProgress?(value: P): unknown;
  /**
   * For whom the task runs, such as `"customer-42"`. Tasks of two tenants never share a worker or a
   * process: a worker serves one tenant from its first task to its end. Workers take the tasks of
   * waiting tenants in turn. Tasks without the option are the program's own, and a tenant of their own.
   *
   * `undefined` is refused, so that nobody gets the program's own workers when a name is missing by
   * mistake.
   */
  tenant?: string;
}

/**
 * In which order the results of a map come, and how far its source is read ahead.
 *
 * @example The first result above 100 of an endless source
 * ```ts
 * import { assert } from "@std/assert";
 * import { Executor, type MapOptions } from "@genro/executor";
 *
 * let read = 0;
 * function* numbers() {
 *   while (true) yield ++read;
 * }
 * const options: MapOptions = { ordered: false, buffer: 4 };
 *
 * await using executor = await Executor.start();
 * for await (const square of executor.mapCpu((n: number) => n * n, numbers(), options)) {
 *   if (square >= 100) break;
 * }
 * assert(read <= 14); // At most 10 were taken, and 4 were on their way.
 * ```
 */
export interface MapOptions {
  /**
   * Whether the results come in the order of their items. If not, each result comes as soon as its task
   * ends.
   *
   * @default {true}
   */
  ordered?: boolean;
  /**
   * How many items may be in flight or wait to be taken. The source is read no further ahead.
   *
   * Without the option, the number is twice `maxWorkers`, and grows while the loop has to wait for tasks
   * that are short: to at most as many items as take the workers, and the loop, some 2 ms. Such a map is
   * many times faster. In a pool with a bounded queue, the additional items leave most of the queue free.
   *
   * @default {2 * maxWorkers, and more while the tasks are short}
   */
  buffer?: number;
}
