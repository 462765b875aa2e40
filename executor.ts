import { Lifecycle } from "./src/lifecycle/lifecycle.ts";
import { ExecutorEvent, type ExecutorEventMap } from "./src/api/events.ts";
import type { ExecutorStats } from "./src/api/executor_stats.ts";
import type {
  ExecutorOptions,
  MapOptions,
  PoolOptions,
  RunOptions,
  ShutdownOptions,
} from "./src/api/options.ts";
import type { Mappable, Runnable } from "./src/api/runnable.ts";
import type { Runner } from "./src/api/runner.ts";
import type { StreamFunction, TaskFunction, Yielded } from "./src/api/task_functions.ts";
import type { Task } from "./src/api/tasks.ts";
import { TaskRunner } from "./src/calls/runner.ts";
import { Pool } from "./src/pool/pool.ts";
import { shutdownOptions } from "./src/settings/call_options.ts";
import { defaultMaxWorkers, executorOptions, poolSettings } from "./src/settings/settings.ts";

/** The methods that can be taken off an executor, and called without the executor. */
const METHODS = [
  "runBlocking",
  "runCpu",
  "mapBlocking",
  "mapCpu",
  "streamBlocking",
  "streamCpu",
  "with",
  "startup",
  "shutdown",
  "terminate",
  "stats",
  "addEventListener",
  "removeEventListener",
] as const;

/**
 * Keeps blocking calls and heavy computation off the event loop, in two bounded pools of Web Workers:
 * one for blocking calls, with the program's permissions; one for computation, with none.
 *
 * A task is a function that uses nothing from around it, or an export of a module, named by
 * {@linkcode tasksFrom}. Arguments and results are copied by structured clone, arguments when a worker
 * takes the task; {@linkcode transfer} moves a value instead. Each method is bound to its executor:
 * `const { runCpu } = executor` works.
 *
 * @example A task that reads a file, and a task that computes
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor } from "@genro/executor";
 *
 * await using executor = await Executor.start();
 *
 * const config = await executor.runBlocking(
 *   (path: string) => Deno.readTextFileSync(path),
 *   "deno.json",
 * );
 * const sum = await executor.runCpu((n: number) => {
 *   let sum = 0;
 *   for (let i = 0; i < n; i++) sum += i;
 *   return sum;
 * }, 1_000_000);
 *
 * assertEquals(typeof config, "string");
 * assertEquals(sum, 499_999_500_000);
 * ```
 */
export class Executor extends EventTarget implements Runner, AsyncDisposable, Disposable {
  readonly #blocking: Pool;
  readonly #cpu: Pool;
  readonly #lifecycle: Lifecycle;
  readonly #runner: TaskRunner;

  /**
   * Makes an executor; nothing starts before `startup()`.
   *
   * @param options Sizes and permissions of the two pools.
   * @throws {RangeError} If a number is out of its range.
   * @throws {TypeError} If an option is of the wrong type.
   */
  constructor(options?: ExecutorOptions) {
    super();
    const { blocking, cpu, inline, workerUrl } = executorOptions(options);
    const isolation: "inline" | "worker" = inline ? "inline" : "worker";
    const newPool = (
      name: "blocking" | "cpu",
      options: PoolOptions | undefined,
      permissions: "inherit" | "none",
    ) => {
      const defaults = { isolation, maxWorkers: defaultMaxWorkers[name], permissions, workerUrl };
      return new Pool(
        name,
        poolSettings(name, options, defaults),
        // After the pool's work, as listeners may call the executor.
        (type, worker, cause) =>
          queueMicrotask(() => this.dispatchEvent(new ExecutorEvent(type, name, worker, cause))),
      );
    };
    this.#blocking = newPool("blocking", blocking, "inherit");
    this.#cpu = newPool("cpu", cpu, "none");
    // The cpu pool opens first: as a rule it has a worker to start, for its restricted permissions.
    this.#lifecycle = new Lifecycle([this.#cpu, this.#blocking]);
    this.#runner = new TaskRunner({ blocking: this.#blocking, cpu: this.#cpu }, this.#lifecycle);
    this.#bindMethods();
  }

  #bindMethods(): void {
    for (const name of METHODS) {
      // The method of a subclass, if the subclass has its own.
      const value = (this[name] as (...args: unknown[]) => unknown).bind(this);
      const method = { __proto__: null, value, writable: true, configurable: true };
      Object.defineProperty(this, name, method as PropertyDescriptor);
    }
  }

  /**
   * Makes an executor, and starts the executor.
   *
   * @param options Sizes and permissions of the two pools.
   * @returns The executor, running.
   * @throws {RangeError} If a number is out of its range.
   * @throws {TypeError} If an option is of the wrong type.
   * @throws {WorkerStartError} If a worker cannot be started.
   */
  static async start(options?: ExecutorOptions): Promise<Executor> {
    const executor = new Executor(options);
    await executor.startup();
    return executor;
  }

  /** Whether the executor takes tasks: `startup()` has ended, and no shutdown has begun. */
  get isRunning(): boolean {
    return this.#lifecycle.isRunning;
  }

  /**
   * Starts `minWorkers` of each pool, and a first worker where the permissions are restricted, so that
   * a wrong set-up shows here and not in a request. Does nothing while the executor runs; after a
   * shutdown the executor starts again.
   *
   * @returns Resolves when the executor takes tasks.
   * @throws {WorkerStartError} If a worker cannot be started; nothing is left running.
   * @throws {ShutdownError} If the executor is shut down or terminated meanwhile.
   */
  startup(): Promise<void> {
    return this.#lifecycle.startup();
  }

  /**
   * Ends the executor in order: takes no more tasks, finishes the accepted tasks, and ends the
   * workers; a process has half a second to write the output that its tasks have buffered. May be
   * called at any time, and any number of times: each call waits for the same end, and a later call
   * may be less patient.
   *
   * @param options Whether to wait, for how long, and what happens to tasks that wait.
   * @returns Resolves when all workers have ended, except those that cannot be stopped.
   * @throws {RangeError} If `timeout` is negative or not a number.
   * @throws {TypeError} If an option is of the wrong type.
   *
   * @example A shutdown that takes no longer than 4.5 s
   * ```ts
   * import { Executor } from "@genro/executor";
   *
   * const executor = await Executor.start();
   * await executor.shutdown({ cancelQueued: true, timeout: 4_500 });
   * ```
   */
  async shutdown(options?: ShutdownOptions): Promise<void> {
    await this.#lifecycle.shutdown(shutdownOptions(options));
  }

  /**
   * Ends the executor now: tasks that wait or run reject with `ShutdownError`. Synchronous code that
   * runs in a worker cannot be stopped; such code does not keep the program from ending.
   */
  terminate(): void {
    this.#lifecycle.terminate();
  }

  /**
   * Runs a task that blocks: synchronous files, databases, FFI. The task has the program's
   * permissions, unless the pool was given others.
   *
   * @typeParam F The type of the task.
   * @param task A function that uses nothing from around it, or a task of `tasksFrom()`.
   * @param args The arguments, copied when a worker takes the task.
   * @returns The result of the task.
   * @throws {NotStartedError} If the executor is not running.
   * @throws {QueueFullError} If `maxQueue` tasks are waiting.
   * @throws {TaskNotFoundError} If the module has no such function, or the function cannot be sent.
   * @throws {NotCloneableError} If an argument, the result or the error of the task cannot be cloned.
   * @throws {WorkerStartError} If a worker or the task's module cannot be loaded.
   * @throws {WorkerCrashedError} If the worker dies while it runs the task.
   * @throws {ShutdownError} If the executor is ended before the task.
   * @throws {unknown} The error of the task.
   *
   * @example A synchronous call to the file system
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { Executor } from "@genro/executor";
   *
   * await using executor = await Executor.start();
   * const isFolder = await executor.runBlocking(() => Deno.statSync(".").isDirectory);
   * assertEquals(isFolder, true);
   * ```
   */
  runBlocking<F extends TaskFunction>(
    task: (F | Task<F>) & Runnable<F>,
    ...args: Parameters<F>
  ): Promise<Awaited<ReturnType<F>>> {
    return this.#runner.run(this.#blocking, task, args);
  }

  /**
   * Runs a task that computes: hashing, compression, images, parsing. The task has no permissions,
   * unless the pool was given some. Rejects as `runBlocking` does.
   *
   * @typeParam F The type of the task.
   * @param task A function that uses nothing from around it, or a task of `tasksFrom()`.
   * @param args The arguments, copied when a worker takes the task.
   * @returns The result of the task.
   * @throws {ExecutorError} As `runBlocking` does.
   * @throws {unknown} The error of the task.
   *
   * @example A computation with an argument
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { Executor } from "@genro/executor";
   *
   * await using executor = await Executor.start();
   * const words = await executor.runCpu((text: string) => text.split(" ").sort(), "b c a");
   * assertEquals(words, ["a", "b", "c"]);
   * ```
   */
  runCpu<F extends TaskFunction>(
    task: (F | Task<F>) & Runnable<F>,
    ...args: Parameters<F>
  ): Promise<Awaited<ReturnType<F>>> {
    return this.#runner.run(this.#cpu, task, args);
  }

  /**
   * Runs a blocking task once for each item, in parallel, and yields the results in the order of the
   * items, or as they come. At most twice `maxWorkers` items are in flight or wait to be taken, and
   * the source is read no further ahead. The first failure ends the loop at its position; leaving the
   * loop takes back the items whose task has not begun.
   *
   * @typeParam F The type of the task.
   * @param task A function of one argument, or such a task of `tasksFrom()`.
   * @param items The arguments: an array, a generator, a stream, the characters of a string.
   * @param options In which order the results come, and how many items may be in flight.
   * @returns The results.
   * @throws {RangeError} If `buffer` is no integer of at least 1.
   * @throws {TypeError} If `items` is not iterable, or an option is of the wrong type.
   * @throws {ExecutorError} In the loop, as `runBlocking` does.
   * @throws {unknown} In the loop, the error of a task or of `items`.
   *
   * @example A blocking call for each path
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { Executor } from "@genro/executor";
   *
   * await using executor = await Executor.start();
   * const isFile = (path: string) => Deno.statSync(path).isFile;
   * for await (const found of executor.mapBlocking(isFile, ["deno.json", "README.md"])) {
   *   assertEquals(found, true);
   * }
   * ```
   */
  mapBlocking<F extends TaskFunction>(
    task: (F | Task<F>) & Runnable<F> & Mappable<F>,
    items: Iterable<Parameters<F>[0]> | AsyncIterable<Parameters<F>[0]>,
    options?: MapOptions,
  ): AsyncIterableIterator<Awaited<ReturnType<F>>> {
    return this.#runner.map(this.#blocking, task, items, options);
  }

  /**
   * Runs a computing task once for each item, as `mapBlocking` does.
   *
   * @typeParam F The type of the task.
   * @param task A function of one argument, or such a task of `tasksFrom()`.
   * @param items The arguments: an array, a generator, a stream, the characters of a string.
   * @param options In which order the results come, and how many items may be in flight.
   * @returns The results.
   * @throws {RangeError} If `buffer` is no integer of at least 1.
   * @throws {TypeError} If `items` is not iterable, or an option is of the wrong type.
   * @throws {ExecutorError} In the loop, as `runBlocking` does.
   * @throws {unknown} In the loop, the error of a task or of `items`.
   *
   * @example All results in one array
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { Executor } from "@genro/executor";
   *
   * await using executor = await Executor.start();
   * const squares = executor.mapCpu((n: number) => n * n, [1, 2, 3]);
   * assertEquals(await Array.fromAsync(squares), [1, 4, 9]);
   * ```
   */
  mapCpu<F extends TaskFunction>(
    task: (F | Task<F>) & Runnable<F> & Mappable<F>,
    items: Iterable<Parameters<F>[0]> | AsyncIterable<Parameters<F>[0]>,
    options?: MapOptions,
  ): AsyncIterableIterator<Awaited<ReturnType<F>>> {
    return this.#runner.map(this.#cpu, task, items, options);
  }

  /**
   * Runs a blocking task that yields, and yields each value as soon as the task does. The task is a
   * generator, an async generator, or a function that returns an iterable, and begins when the loop
   * asks for the first value. At most 16 values are on their way: then the task is held back until
   * the loop takes more. Leaving the loop, an abort or the time limit end the generator, so that its
   * `finally` runs; an error arrives at its position. Values are copied;
   * `yield this.transfer(value, [...])` moves a value.
   *
   * @typeParam F The type of the task.
   * @param task A function that uses nothing from around it, or a task of `tasksFrom()`.
   * @param args The arguments, copied when a worker takes the task.
   * @returns The values that the task yields.
   * @throws {ExecutorError} In the loop, as `runBlocking` does.
   * @throws {TypeError} In the loop, if the result of the task is not iterable.
   * @throws {unknown} In the loop, the error of the task.
   *
   * @example The entries of a folder, while the folder is read
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { Executor } from "@genro/executor";
   *
   * function* entries(path: string) {
   *   for (const { name } of Deno.readDirSync(path)) yield name;
   * }
   *
   * await using executor = await Executor.start();
   * const names = await Array.fromAsync(executor.streamBlocking(entries, "."));
   * assertEquals(names.includes("deno.json"), true);
   * ```
   */
  streamBlocking<F extends StreamFunction>(
    task: F | Task<F>,
    ...args: Parameters<F>
  ): AsyncIterableIterator<Yielded<F>> {
    return this.#runner.stream(this.#blocking, task, args);
  }

  /**
   * Runs a computing task that yields, as `streamBlocking` does.
   *
   * @typeParam F The type of the task.
   * @param task A function that uses nothing from around it, or a task of `tasksFrom()`.
   * @param args The arguments, copied when a worker takes the task.
   * @returns The values that the task yields.
   * @throws {ExecutorError} In the loop, as `runBlocking` does.
   * @throws {TypeError} In the loop, if the result of the task is not iterable.
   * @throws {unknown} In the loop, the error of the task.
   *
   * @example A generator without end, and a loop that is left
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { Executor } from "@genro/executor";
   *
   * function* primes() {
   *   for (let n = 2;; n++) {
   *     let divisor = 2;
   *     while (n % divisor !== 0) divisor++;
   *     if (divisor === n) yield n;
   *   }
   * }
   *
   * await using executor = await Executor.start();
   * const first: number[] = [];
   * for await (const prime of executor.streamCpu(primes)) {
   *   if (prime > 10) break; // The generator ends.
   *   first.push(prime);
   * }
   * assertEquals(first, [2, 3, 5, 7]);
   * ```
   */
  streamCpu<F extends StreamFunction>(
    task: F | Task<F>,
    ...args: Parameters<F>
  ): AsyncIterableIterator<Yielded<F>> {
    return this.#runner.stream(this.#cpu, task, args);
  }

  /**
   * Binds calls to a signal, a time limit, a listener for progress, or a tenant. Tasks of two tenants
   * never share a worker or a process.
   *
   * @typeParam P The type of the values that `onProgress` receives. A call whose task tells values of
   * another type does not compile.
   * @param options The signal that aborts, how long a task may run, the listener for its progress, and
   * the tenant.
   * @returns The calls, each with these options.
   * @throws {RangeError} If `timeout` is not more than 0, or `tenant` is empty.
   * @throws {TypeError} If an option is of the wrong type, or there is a tenant and tasks run inline,
   * where nothing keeps tenants apart.
   *
   * @example A time limit for each task, and one for all
   * ```ts
   * import { assertRejects } from "@std/assert";
   * import { Executor } from "@genro/executor";
   *
   * await using executor = await Executor.start();
   * const patient = executor.with({ timeout: 100, signal: AbortSignal.timeout(5_000) });
   * await assertRejects(
   *   () => patient.runBlocking(() => new Promise((done) => setTimeout(done, 2_000))),
   *   DOMException,
   *   "timed out",
   * );
   * ```
   *
   * @example Tasks of two customers, which share no globals
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { Executor } from "@genro/executor";
   *
   * function count() {
   *   const scope = globalThis as { calls?: number };
   *   return scope.calls = (scope.calls ?? 0) + 1;
   * }
   *
   * await using executor = await Executor.start({ cpu: { maxWorkers: 2, maxWorkersPerTenant: 1 } });
   * const ann = executor.with({ tenant: "ann" });
   * const bob = executor.with({ tenant: "bob" });
   * assertEquals([await ann.runCpu(count), await ann.runCpu(count)], [1, 2]);
   * assertEquals(await bob.runCpu(count), 1);
   * ```
   */
  // deno-lint-ignore no-explicit-any -- whatever its tasks tell
  with<P = any>(options: RunOptions<P>): Runner<P> {
    return this.#runner.with(options);
  }

  /**
   * Counts the workers and tasks of both pools, at this moment.
   *
   * @returns The counts.
   */
  stats(): ExecutorStats {
    return { blocking: this.#blocking.stats(), cpu: this.#cpu.stats() };
  }

  /**
   * Calls `shutdown()`, at the end of an `await using` block.
   *
   * @returns Resolves as `shutdown()` does.
   */
  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  /** Calls `terminate()`, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.terminate();
  }
}

/** The types of an executor's events. */
export interface Executor {
  /**
   * Calls back when something happens to a pool.
   *
   * @typeParam K The type of the event.
   * @param type The name of the event; see {@linkcode ExecutorEventMap}.
   * @param listener Receives the {@linkcode ExecutorEvent}.
   * @param options As for any `EventTarget`.
   *
   * @example A log of crashes
   * ```ts
   * import { Executor } from "@genro/executor";
   *
   * await using executor = new Executor();
   * executor.addEventListener("workercrash", ({ pool, worker, cause }) => {
   *   console.error(`${pool} worker ${worker} died`, cause);
   * });
   * await executor.startup();
   * ```
   */
  addEventListener<K extends keyof ExecutorEventMap>(
    type: K,
    listener: ((event: ExecutorEventMap[K]) => void) | {
      handleEvent(event: ExecutorEventMap[K]): void;
    } | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  /**
   * Removes a listener.
   *
   * @typeParam K The type of the event.
   * @param type The name of the event.
   * @param listener The listener.
   * @param options As for any `EventTarget`.
   */
  removeEventListener<K extends keyof ExecutorEventMap>(
    type: K,
    listener: ((event: ExecutorEventMap[K]) => void) | {
      handleEvent(event: ExecutorEventMap[K]): void;
    } | null,
    options?: boolean | EventListenerOptions,
  ): void;
}
