/** The options of an executor, of its pools and of its calls. */

/**
 * Options of one pool of workers.
 *
 * @example
 * ```ts
 * import { assertEquals, assertRejects } from "@std/assert";
 * import { Executor, type PoolOptions } from "@genro/executor";
 *
 * const files: PoolOptions = {
 *   maxWorkers: 4,
 *   maxQueue: 1_000, // More are refused at once.
 *   permissions: { read: ["."] }, // All that its tasks are meant to touch.
 * };
 * await using executor = await Executor.start({ blocking: files });
 * const isFolder = (path: string) => Deno.statSync(path).isDirectory;
 * assertEquals(await executor.runBlocking(isFolder, "."), true);
 * await assertRejects(() => executor.runBlocking(isFolder, ".."), Deno.errors.NotCapable);
 * ```
 */
export interface PoolOptions {
  /**
   * How many workers `startup()` starts and no idle time ends.
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
   * How many tasks may wait for a worker. Past it `run*()` rejects with `QueueFullError`.
   *
   * @default {Infinity}
   */
  maxQueue?: number;
  /**
   * How long, in ms, a worker above `minWorkers` may be idle before it ends. One with a stream or
   * a port that goes on does not end.
   *
   * @default {10_000}
   */
  idleTimeout?: number;
  /**
   * What the workers are allowed. Anything but `"inherit"` needs
   * `"unstable": ["worker-options"]` in the application's deno.json, or
   * `--unstable-worker-options`; without it Deno ends the program with exit code 70. Processes
   * need neither; they inherit what the program has without restriction, and what it has for
   * some paths or hosts only must be named.
   *
   * @default {"inherit"} for `blocking`; `"none"` for `cpu`
   */
  permissions?: Deno.PermissionOptions;
  /**
   * What the workers are. A `"process"` is a Deno of its own: it is killed when an aborted
   * task does not end, and a crash or running out of memory ends it alone. It takes longer to
   * start and to reach, and the program needs `--allow-run` for `Deno.execPath()`.
   *
   * `"inline"` runs every task in this thread, with the same copies, errors and limits. For platforms
   * without `Worker`: nothing is kept off the event loop, no permission is withheld and no crash is
   * contained.
   *
   * @default {"worker"}
   */
  isolation?: "worker" | "process" | "inline";
  /**
   * How many MB of V8's heap a process may use before it ends; of processes only. Memory
   * outside of the heap, such as that of an `ArrayBuffer`, does not count.
   *
   * @default {Infinity}
   */
  memoryLimit?: number;
  /**
   * Modules of tasks that each worker loads before it takes tasks, in `startup()` and whenever the
   * pool grows: what {@linkcode tasksFrom} returned, or tasks of it. A pool with some starts at
   * least one worker in `startup()`, which rejects if one of them cannot be loaded.
   *
   * @default {[]}
   */
  preload?: readonly object[];
  /**
   * Flags of `deno run` for each process, such as `--import-map=map.json`; of processes only. They
   * find the program's deno.json as it does, but Deno does not tell a program its own flags, so
   * those that its tasks need are repeated here. Permissions are not among them: those are
   * {@linkcode PoolOptions.permissions}.
   *
   * @default {[]}
   */
  args?: readonly string[];
  /**
   * What becomes of what a process prints; of processes only. Where the pool's permissions are not
   * `"inherit"`, the program passes the output on, some ten MB a second at most, and the process has
   * no descriptor of the program's.
   *
   * @default {"print"}
   */
  output?: "print" | "discard";
  /**
   * How many workers that have served nobody are kept ready, beyond the `maxWorkers` that serve: a
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
   * How many tasks of one tenant may wait for a worker. Past it `run*()` rejects with
   * `QueueFullError`, while other tenants go on. The program's own tasks are a tenant, too.
   *
   * @default {Infinity}
   */
  maxQueuePerTenant?: number;
}

/**
 * Options of an executor.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type ExecutorOptions } from "@genro/executor";
 *
 * const options: ExecutorOptions = {
 *   // One before the first request; no more than the database takes connections.
 *   blocking: { minWorkers: 1, maxWorkers: 8 },
 *   // More are refused, so that nobody waits for long.
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
   * Where the module is that workers and processes run, as an absolute URL. Needed only where a
   * bundler has moved this package into another file: then
   * `jsr:@genro/executor@<version>/worker`, of the same version, or the URL of a bundle of that.
   * `startup()` rejects where it is needed and missing.
   *
   * @default {worker.ts of this package}
   */
  workerUrl?: string | URL;
}

/**
 * How an executor is shut down.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type ShutdownOptions } from "@genro/executor";
 *
 * // What was accepted has 4.5 s to end; what has not ended then is rejected.
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
   * Whether the promise resolves when all that was accepted has ended. If `false` it
   * resolves at once, and what was accepted still finishes.
   *
   * @default {true}
   */
  wait?: boolean;
  /**
   * Whether tasks that have not begun are rejected with `ShutdownError`.
   *
   * @default {false}
   */
  cancelQueued?: boolean;
  /**
   * After how many ms what is still running or waiting is rejected with `ShutdownError`, streams
   * that tasks have returned error with it, and their workers are terminated.
   *
   * @default {Infinity}
   */
  timeout?: number;
}

/**
 * Options of the runs that {@linkcode Executor.with} binds.
 *
 * @example
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
   * Aborts the run: it rejects with the signal's reason at once. A task that waits never
   * begins; one that runs sees it in its context.
   */
  signal?: AbortSignal;
  /**
   * How many ms the task may run, from when its function is called. Then it rejects with a
   * `DOMException` named `TimeoutError`. Neither waiting counts, nor the load of its module: a
   * `signal` limits those, too.
   *
   * @default {Infinity}
   */
  timeout?: number;
  /**
   * Called with what the task tells by `this.progress(value)`, in order, and before the result.
   * If it throws, the run rejects with that, and the task is aborted. If it returns a promise, the
   * same goes for one that rejects; the result waits for the promise, but no other call does.
   * It runs in the async context of the run's caller.
   *
   * @param value A copy of what the task tells.
   * @returns Nothing, or a promise that resolves when the caller is done with it.
   */
  onProgress?(value: P): unknown;
  /**
   * For whom the task is run, such as `"customer-42"`. Tasks of two tenants never share a worker or
   * a process: a worker serves one tenant from its first task to its end. Waiting tasks are taken
   * round the tenants. Without the option a task is one of the program's own, which are a tenant of
   * their own.
   *
   * `undefined` is refused, so that a name that is missing by mistake gives nobody the program's own
   * workers.
   */
  tenant?: string;
}

/**
 * Options of a `map*` call.
 *
 * @example
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
 *   if (square >= 100) break; // Whichever of them comes first.
 * }
 * assert(read <= 14); // At most 10 were taken, and 4 on their way.
 * ```
 */
export interface MapOptions {
  /**
   * Whether the results come in the order of their items. If not, each comes when it is there.
   *
   * @default {true}
   */
  ordered?: boolean;
  /**
   * How many items may be in flight or wait to be taken: the source is read no further ahead.
   *
   * @default {2 * maxWorkers}
   */
  buffer?: number;
}
