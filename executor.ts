import { deadline } from "@std/async/deadline";
import { narrow } from "./src/calls/narrow.ts";
import { ExecutorEvent, type ExecutorEventMap } from "./src/api/events.ts";
import { ExecutorError, NotStartedError, ShutdownError } from "./src/api/errors.ts";
import { areSame } from "./src/settings/same_options.ts";
import { callerFrames, rejected } from "./src/tasks/failure.ts";
import { Job } from "./src/member/job.ts";
import { mapItems, opener } from "./src/calls/map.ts";
import type {
  ExecutorOptions,
  MapOptions,
  RunOptions,
  ShutdownOptions,
} from "./src/api/options.ts";
import {
  defaultMaxWorkers,
  executorOptions,
  mapOptions,
  poolSettings,
  runOptions,
  shutdownOptions,
} from "./src/settings/settings.ts";
import { Pool, type Report } from "./src/pool/pool.ts";
import type { PoolStats } from "./src/api/pool_stats.ts";
import { currentContext, runIn } from "./src/runtime/async_context.ts";
import { readStream } from "./src/calls/stream.ts";
import {
  addressOf,
  type Mappable,
  type Runnable,
  type StreamFunction,
  type Task,
  type TaskFunction,
  type Yielded,
} from "./src/tasks/task.ts";

/**
 * Counts of both pools, at one moment.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type ExecutorStats } from "@genro/executor";
 *
 * // What a monitoring system may fetch.
 * const metrics = (stats: ExecutorStats) =>
 *   (["blocking", "cpu"] as const).map((pool) => `done{pool="${pool}"} ${stats[pool].completed}`);
 *
 * await using executor = await Executor.start();
 * await executor.runCpu(() => "done");
 * assertEquals(metrics(executor.stats()), ['done{pool="blocking"} 0', 'done{pool="cpu"} 1']);
 * ```
 */
export interface ExecutorStats {
  /** The pool of `runBlocking`. */
  blocking: PoolStats;
  /** The pool of `runCpu`. */
  cpu: PoolStats;
}

/**
 * The ways to run tasks: those of an {@linkcode Executor}, and what its method `with()` returns.
 *
 * @typeParam P The type of what `onProgress` hears.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor, type Runner } from "@genro/executor";
 *
 * // Its caller decides how long that may take.
 * function countWords(runner: Runner, text: string): Promise<number> {
 *   return runner.runCpu((text: string) => text.split(" ").length, text);
 * }
 *
 * await using executor = await Executor.start();
 * assertEquals(await countWords(executor, "a b"), 2);
 * assertEquals(await countWords(executor.with({ timeout: 5_000 }), "a b c"), 3);
 * ```
 */
// deno-lint-ignore no-explicit-any -- whatever its tasks tell
export interface Runner<P = any> {
  /**
   * Runs a task that blocks; see {@linkcode Executor.runBlocking}.
   *
   * @typeParam F The type of the task.
   * @param task A function that sees nothing around it, or a task of `tasksFrom()`.
   * @param args Its arguments, copied when a worker takes the task.
   * @returns What the task returns.
   * @throws {ExecutorError} As `Executor.runBlocking` does.
   * @throws {DOMException} Named `TimeoutError`, if the task has run for its `timeout`.
   * @throws {unknown} What the task throws, or the reason of the `signal`.
   */
  runBlocking<F extends TaskFunction<P>>(
    task: (F | Task<F>) & Runnable<F>,
    ...args: Parameters<F>
  ): Promise<Awaited<ReturnType<F>>>;
  /**
   * Runs a task that computes; see {@linkcode Executor.runCpu}.
   *
   * @typeParam F The type of the task.
   * @param task A function that sees nothing around it, or a task of `tasksFrom()`.
   * @param args Its arguments, copied when a worker takes the task.
   * @returns What the task returns.
   * @throws {ExecutorError} As `Executor.runBlocking` does.
   * @throws {DOMException} Named `TimeoutError`, if the task has run for its `timeout`.
   * @throws {unknown} What the task throws, or the reason of the `signal`.
   */
  runCpu<F extends TaskFunction<P>>(
    task: (F | Task<F>) & Runnable<F>,
    ...args: Parameters<F>
  ): Promise<Awaited<ReturnType<F>>>;
  /**
   * Runs a blocking task once for each item; see {@linkcode Executor.mapBlocking}.
   *
   * @typeParam F The type of the task.
   * @param task A function of one argument, or such a task of `tasksFrom()`.
   * @param items The arguments: an array, a generator, a stream, the characters of a string.
   * @param options In which order the results come, and how many items may be in flight.
   * @returns The results.
   * @throws {RangeError} If `buffer` is no integer of at least 1.
   * @throws {TypeError} If `items` is not iterable, or an option is of the wrong type.
   * @throws {ExecutorError} In the loop, as `Executor.runBlocking` does.
   * @throws {DOMException} In the loop, named `TimeoutError`, if one has run for its `timeout`.
   * @throws {unknown} In the loop, what a task or the source throws, or the reason of the `signal`.
   */
  mapBlocking<F extends TaskFunction<P>>(
    task: (F | Task<F>) & Runnable<F> & Mappable<F>,
    items: Iterable<Parameters<F>[0]> | AsyncIterable<Parameters<F>[0]>,
    options?: MapOptions,
  ): AsyncIterableIterator<Awaited<ReturnType<F>>>;
  /**
   * Runs a computing task once for each item; see {@linkcode Executor.mapCpu}.
   *
   * @typeParam F The type of the task.
   * @param task A function of one argument, or such a task of `tasksFrom()`.
   * @param items The arguments: an array, a generator, a stream, the characters of a string.
   * @param options In which order the results come, and how many items may be in flight.
   * @returns The results.
   * @throws {RangeError} If `buffer` is no integer of at least 1.
   * @throws {TypeError} If `items` is not iterable, or an option is of the wrong type.
   * @throws {ExecutorError} In the loop, as `Executor.runBlocking` does.
   * @throws {DOMException} In the loop, named `TimeoutError`, if one has run for its `timeout`.
   * @throws {unknown} In the loop, what a task or the source throws, or the reason of the `signal`.
   */
  mapCpu<F extends TaskFunction<P>>(
    task: (F | Task<F>) & Runnable<F> & Mappable<F>,
    items: Iterable<Parameters<F>[0]> | AsyncIterable<Parameters<F>[0]>,
    options?: MapOptions,
  ): AsyncIterableIterator<Awaited<ReturnType<F>>>;
  /**
   * Runs a blocking task that yields; see {@linkcode Executor.streamBlocking}.
   *
   * @typeParam F The type of the task.
   * @param task A function that sees nothing around it, or a task of `tasksFrom()`.
   * @param args Its arguments, copied when a worker takes the task.
   * @returns What the task yields.
   * @throws {ExecutorError} In the loop, as `Executor.runBlocking` does.
   * @throws {TypeError} In the loop, if what the task returns is not iterable.
   * @throws {DOMException} In the loop, named `TimeoutError`, if it has run for its `timeout`.
   * @throws {unknown} In the loop, what the task throws, or the reason of the `signal`.
   */
  streamBlocking<F extends StreamFunction<P>>(
    task: F | Task<F>,
    ...args: Parameters<F>
  ): AsyncIterableIterator<Yielded<F>>;
  /**
   * Runs a computing task that yields; see {@linkcode Executor.streamCpu}.
   *
   * @typeParam F The type of the task.
   * @param task A function that sees nothing around it, or a task of `tasksFrom()`.
   * @param args Its arguments, copied when a worker takes the task.
   * @returns What the task yields.
   * @throws {ExecutorError} In the loop, as `Executor.runBlocking` does.
   * @throws {TypeError} In the loop, if what the task returns is not iterable.
   * @throws {DOMException} In the loop, named `TimeoutError`, if it has run for its `timeout`.
   * @throws {unknown} In the loop, what the task throws, or the reason of the `signal`.
   */
  streamCpu<F extends StreamFunction<P>>(
    task: F | Task<F>,
    ...args: Parameters<F>
  ): AsyncIterableIterator<Yielded<F>>;
  /**
   * The same calls, bound to more: either signal aborts, the shorter time limit counts, the
   * listener given last hears, and a tenant stays; see {@linkcode Executor.with}.
   *
   * @typeParam Q The type of what the listener hears.
   * @param options What the calls are bound to as well.
   * @returns The calls.
   * @throws {RangeError} If `timeout` is not more than 0, or `tenant` is empty.
   * @throws {TypeError} If an option is of the wrong type, the calls are those of another tenant, or
   * there is a tenant and tasks run inline.
   */
  with<Q = P>(options: RunOptions<Q>): Runner<Q>;
}

/** What may be taken off an executor, and is called without it. */
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
 * Runs what must not run on the event loop, in two bounded pools of Web Workers: one for
 * blocking calls, with the program's permissions; one for computation, with none.
 *
 * A task is a function that sees nothing around it, or an export of a module named with
 * {@linkcode tasksFrom}. Arguments and results are copied by structured clone, arguments
 * when a worker takes the task; see {@linkcode transfer} to move instead. Each method belongs to
 * its executor for good: `const { runCpu } = executor` works.
 *
 * @example
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
  #running = false;
  /** How often `terminate()` was called: a startup it fell into fails. */
  #terminations = 0;
  /** The startup that is under way. */
  #starting: Promise<void> | undefined;
  /** The latest startup that `terminate()` fell into: another one begins when it has failed. */
  #abandoned: Promise<void> | undefined;
  /** The end of what was accepted, once a shutdown has begun. */
  #stopping: Promise<void> | undefined;

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
    const isolation = inline ? "inline" : "worker";
    this.#blocking = new Pool(
      "blocking",
      poolSettings("blocking", blocking, {
        isolation,
        maxWorkers: defaultMaxWorkers.blocking,
        permissions: "inherit",
        workerUrl,
      }),
      this.#reporter("blocking"),
    );
    this.#cpu = new Pool(
      "cpu",
      poolSettings("cpu", cpu, {
        isolation,
        maxWorkers: defaultMaxWorkers.cpu,
        permissions: "none",
        workerUrl,
      }),
      this.#reporter("cpu"),
    );
    for (const name of METHODS) {
      // Of a subclass, if that has its own.
      const value = (this[name] as (...args: unknown[]) => unknown).bind(this);
      const method = { __proto__: null, value, writable: true, configurable: true };
      Object.defineProperty(this, name, method as PropertyDescriptor);
    }
  }

  /** Tells the listeners what has happened in a pool, when it is through with it. */
  #reporter(pool: "blocking" | "cpu"): Report {
    return (type, worker, cause) =>
      queueMicrotask(() => this.dispatchEvent(new ExecutorEvent(type, pool, worker, cause)));
  }

  /**
   * Makes an executor and starts it.
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

  /** Whether it takes tasks: `startup()` has ended and no shutdown has begun. */
  get isRunning(): boolean {
    return this.#running;
  }

  /**
   * Starts `minWorkers` of each pool, and a first worker where the permissions are
   * restricted, so that a wrong set-up shows here and not in a request. Does nothing if it
   * is running; after a shutdown it starts again.
   *
   * @returns Resolves when it takes tasks.
   * @throws {WorkerStartError} If a worker cannot be started; nothing is left running.
   * @throws {ShutdownError} If the executor is shut down or terminated meanwhile.
   */
  startup(): Promise<void> {
    if (this.#running) return Promise.resolve();
    if (this.#starting === undefined) {
      const starting = this.#start().finally(() => {
        if (this.#starting === starting) this.#starting = undefined;
      });
      this.#starting = starting;
    }
    return this.#starting;
  }

  async #start(): Promise<void> {
    const terminations = this.#terminations;
    try {
      await Promise.allSettled([this.#abandoned, this.#stopping]);
      await Promise.all([this.#cpu.open(), this.#blocking.open()]);
      if (terminations !== this.#terminations) {
        throw new ShutdownError("The executor was shut down while it started");
      }
    } catch (error) {
      this.#terminatePools();
      await this.#gone();
      return await rejected(error);
    }
    this.#running = true;
  }

  /**
   * Ends the executor: it takes no more tasks, finishes what it has accepted, and ends its
   * workers; a process has half a second to write what its tasks have buffered. May be called at
   * any time and as often as one likes: each call waits for the same end, and a later one may be
   * less patient.
   *
   * @param options Whether to wait, for how long, and what happens to tasks that wait.
   * @returns Resolves when every worker has ended, or those that cannot be stopped were given up.
   * @throws {RangeError} If `timeout` is negative or not a number.
   * @throws {TypeError} If an option is of the wrong type.
   *
   * @example
   * ```ts
   * import { Executor } from "@genro/executor";
   *
   * const executor = await Executor.start();
   * await executor.shutdown({ cancelQueued: true, timeout: 4_500 });
   * ```
   */
  async shutdown(options?: ShutdownOptions): Promise<void> {
    const { wait, cancelQueued, timeout } = shutdownOptions(options);
    if (this.#starting !== undefined) {
      // Nothing was accepted yet, so there is nothing to finish.
      this.terminate();
      await Promise.allSettled([this.#abandoned]);
    }
    if (!this.#running && this.#stopping === undefined) return await this.#gone();
    this.#running = false;
    this.#stopping ??= this.#stop().finally(() => this.#stopping = undefined);
    if (cancelQueued) {
      for (const pool of this.#pools) {
        pool.cancelQueued(() =>
          new ShutdownError("The executor was shut down before the task began")
        );
      }
    }
    const stopped = timeout === Infinity
      ? this.#stopping
      : this.#stopWithin(this.#stopping, timeout);
    if (wait) await stopped;
  }

  async #stop(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.drained()));
    for (const pool of this.#pools) pool.terminate(true);
    await this.#gone();
  }

  async #stopWithin(stopped: Promise<void>, timeout: number): Promise<void> {
    try {
      await deadline(stopped, timeout);
    } catch {
      this.#terminatePools();
      await stopped;
    }
  }

  /**
   * Ends the executor now: what waits or runs rejects with `ShutdownError`. Synchronous
   * code that runs in a worker cannot be stopped; it does not keep the program from ending.
   */
  terminate(): void {
    this.#running = false;
    this.#terminations++;
    this.#abandoned = this.#starting ?? this.#abandoned;
    this.#starting = undefined;
    this.#terminatePools();
  }

  #terminatePools(): void {
    for (const pool of this.#pools) pool.terminate();
  }

  async #gone(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.gone()));
  }

  get #pools(): readonly Pool[] {
    return [this.#blocking, this.#cpu];
  }

  /**
   * Runs a task that blocks: synchronous files, databases, FFI. It has the program's
   * permissions, unless the pool was given others.
   *
   * @typeParam F The type of the task.
   * @param task A function that sees nothing around it, or a task of `tasksFrom()`.
   * @param args Its arguments, copied when a worker takes the task.
   * @returns What the task returns.
   * @throws {NotStartedError} If the executor is not running.
   * @throws {QueueFullError} If `maxQueue` tasks are waiting.
   * @throws {TaskNotFoundError} If the module has no such function, or the function cannot be sent.
   * @throws {NotCloneableError} If an argument, or what the task returns or throws, cannot be cloned.
   * @throws {WorkerStartError} If a worker or the task's module cannot be loaded.
   * @throws {WorkerCrashedError} If the worker dies while it runs the task.
   * @throws {ShutdownError} If the executor is ended before the task.
   * @throws {unknown} What the task throws.
   *
   * @example
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { Executor } from "@genro/executor";
   *
   * await using executor = await Executor.start();
   * const size = await executor.runBlocking(() => Deno.statSync(".").isDirectory);
   * assertEquals(size, true);
   * ```
   */
  runBlocking<F extends TaskFunction>(
    task: (F | Task<F>) & Runnable<F>,
    ...args: Parameters<F>
  ): Promise<Awaited<ReturnType<F>>> {
    return this.#run(this.#blocking, task, args, undefined);
  }

  /**
   * Runs a task that computes: hashing, compression, images, parsing. It has no
   * permissions, unless the pool was given some. Rejects as `runBlocking` does.
   *
   * @typeParam F The type of the task.
   * @param task A function that sees nothing around it, or a task of `tasksFrom()`.
   * @param args Its arguments, copied when a worker takes the task.
   * @returns What the task returns.
   * @throws {ExecutorError} As `runBlocking` does.
   * @throws {unknown} What the task throws.
   *
   * @example
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
    return this.#run(this.#cpu, task, args, undefined);
  }

  /**
   * Runs a blocking task once for each item, in parallel, and yields the results in the
   * order of the items, or as they come. At most twice `maxWorkers` items are in flight or
   * wait to be taken, and the source is read no further ahead. The first failure ends the loop
   * at its position; leaving the loop takes back what has not begun.
   *
   * @typeParam F The type of the task.
   * @param task A function of one argument, or such a task of `tasksFrom()`.
   * @param items The arguments: an array, a generator, a stream, the characters of a string.
   * @param options In which order the results come, and how many items may be in flight.
   * @returns The results.
   * @throws {RangeError} If `buffer` is no integer of at least 1.
   * @throws {TypeError} If `items` is not iterable, or an option is of the wrong type.
   * @throws {ExecutorError} In the loop, as `runBlocking` does.
   * @throws {unknown} In the loop, what a task or the source throws.
   *
   * @example
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
    return this.#map(this.#blocking, task, items, options, undefined);
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
   * @throws {unknown} In the loop, what a task or the source throws.
   *
   * @example
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
    return this.#map(this.#cpu, task, items, options, undefined);
  }

  /**
   * Runs a blocking task that yields, and gives its values as they are made: a generator, an
   * async generator, or a function that returns something iterable. It begins with the first
   * value that is asked for. At most 16 values are on their way: then the task is held back
   * until the loop takes more. Leaving the loop, an abort or the time limit end the generator,
   * so that its `finally` runs; an error arrives at its position. A value is copied, unless it is
   * yielded by `yield this.transfer(value, [...])`.
   *
   * @typeParam F The type of the task.
   * @param task A function that sees nothing around it, or a task of `tasksFrom()`.
   * @param args Its arguments, copied when a worker takes the task.
   * @returns What the task yields.
   * @throws {ExecutorError} In the loop, as `runBlocking` does.
   * @throws {TypeError} In the loop, if what the task returns is not iterable.
   * @throws {unknown} In the loop, what the task throws.
   *
   * @example
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
    return this.#stream(this.#blocking, task, args, undefined);
  }

  /**
   * Runs a computing task that yields, as `streamBlocking` does.
   *
   * @typeParam F The type of the task.
   * @param task A function that sees nothing around it, or a task of `tasksFrom()`.
   * @param args Its arguments, copied when a worker takes the task.
   * @returns What the task yields.
   * @throws {ExecutorError} In the loop, as `runBlocking` does.
   * @throws {TypeError} In the loop, if what the task returns is not iterable.
   * @throws {unknown} In the loop, what the task throws.
   *
   * @example
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
    return this.#stream(this.#cpu, task, args, undefined);
  }

  /**
   * The same calls with a signal, a time limit, a listener to its progress, or a tenant for each
   * task. Tasks of two tenants never share a worker or a process.
   *
   * @typeParam P The type of what `onProgress` hears: of a task that tells another type the call does
   * not compile.
   * @param options The signal that aborts, the time a task may run, who hears how far it is, and for
   * whom it runs.
   * @returns The calls.
   * @throws {RangeError} If `timeout` is not more than 0, or `tenant` is empty.
   * @throws {TypeError} If an option is of the wrong type, or there is a tenant and tasks run inline,
   * where nothing keeps them apart.
   *
   * @example
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
    return this.#bound(runOptions(options));
  }

  /** The calls with these options. */
  #bound(bound: RunOptions): Runner {
    const inline = this.#pools.find(({ isInline }) => isInline);
    if (bound.tenant !== undefined && inline !== undefined) {
      throw new TypeError(
        `Cannot use tenant: ${inline.name} tasks run inline, in this thread, where nothing keeps ` +
          "them apart; use workers or processes",
      );
    }
    return {
      runBlocking: (task, ...args) => this.#run(this.#blocking, task, args, bound),
      runCpu: (task, ...args) => this.#run(this.#cpu, task, args, bound),
      mapBlocking: (task, items, options) => this.#map(this.#blocking, task, items, options, bound),
      mapCpu: (task, items, options) => this.#map(this.#cpu, task, items, options, bound),
      streamBlocking: (task, ...args) => this.#stream(this.#blocking, task, args, bound),
      streamCpu: (task, ...args) => this.#stream(this.#cpu, task, args, bound),
      with: (options) => this.#bound(narrow(bound, runOptions(options))),
    };
  }

  /**
   * Counts of both pools, at this moment.
   *
   * @returns The counts.
   */
  stats(): ExecutorStats {
    return { blocking: this.#blocking.stats(), cpu: this.#cpu.stats() };
  }

  #map<T>(
    pool: Pool,
    task: unknown,
    items: Iterable<T> | AsyncIterable<T>,
    options: MapOptions | undefined,
    runOptions: RunOptions | undefined,
    // deno-lint-ignore no-explicit-any -- the public signatures say what it is
  ): AsyncIterableIterator<any> {
    const { buffer, ordered } = mapOptions(options, 2 * pool.maxWorkers);
    const submit = (item: T) => {
      const { promise, resolve } = Promise.withResolvers<unknown>();
      const job = this.#submit(pool, task, [item], runOptions, resolve);
      return { result: promise, withdraw: () => pool.withdraw(job) };
    };
    const signal = runOptions?.signal;
    return mapItems(opener(items), buffer, ordered, signal, currentContext(), submit);
  }

  #stream(
    pool: Pool,
    task: unknown,
    args: readonly unknown[],
    options: RunOptions | undefined,
    // deno-lint-ignore no-explicit-any -- the public signatures say what it is
  ): AsyncIterableIterator<any> {
    const context = currentContext();
    return readStream((onValue) => {
      const { promise, resolve } = Promise.withResolvers<unknown>();
      const submit = () => this.#submit(pool, task, args, options, resolve, onValue);
      const job = runIn(context, submit);
      return {
        result: promise,
        pull: (count) => pool.pull(job, count),
        close: () => pool.cancel(job, new DOMException("The stream was left", "AbortError")),
      };
    }, options?.signal);
  }

  /** Submits a task, or throws why it cannot be. */
  #submit(
    pool: Pool,
    task: unknown,
    args: readonly unknown[],
    options: RunOptions | undefined,
    resolve: (value: unknown) => void,
    onValue?: (value: unknown) => void,
  ): Job {
    if (!this.#running) {
      throw new NotStartedError("Executor not started. Call startup() first.");
    }
    const job = new Job(addressOf(task), args, options, resolve);
    if (onValue !== undefined) job.details.onValue = onValue;
    pool.enqueue(job);
    return job;
  }

  #run(
    pool: Pool,
    task: unknown,
    args: readonly unknown[],
    options: RunOptions | undefined,
    // deno-lint-ignore no-explicit-any -- the public signatures say what it is
  ): Promise<any> {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    try {
      this.#submit(pool, task, args, options, resolve);
    } catch (reason) {
      return rejected(reason);
    }
    return promise;
  }

  /**
   * `shutdown()`, at the end of an `await using` block.
   *
   * @returns Resolves as that does.
   */
  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  /** `terminate()`, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.terminate();
  }
}

/** The events of an executor have types. */
export interface Executor {
  /**
   * Calls back when something happens to a pool.
   *
   * @typeParam K The type of the event.
   * @param type What to listen to; see {@linkcode ExecutorEventMap}.
   * @param listener What to call with the {@linkcode ExecutorEvent}.
   * @param options As for any `EventTarget`.
   *
   * @example
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
   * Calls back no more.
   *
   * @typeParam K The type of the event.
   * @param type What was listened to.
   * @param listener What was called.
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

/** The executor of the program, with the options that it was made with, and where. */
let shared: {
  readonly executor: Executor;
  readonly options: ExecutorOptions | undefined;
  readonly place: string;
} | undefined;

/**
 * The executor that the whole program shares; made on first use, and started by whoever
 * starts the program.
 *
 * @param options Sizes and permissions of the two pools, where the executor is used first. Without
 * options the executor is taken as it is.
 * @returns The same executor each time.
 * @throws {ExecutorError} If the executor was made with other options.
 * @throws {RangeError} If a number is out of its range.
 * @throws {TypeError} If an option is of the wrong type.
 *
 * @example
 * ```ts
 * import { assertEquals, assertThrows } from "@std/assert";
 * import { ExecutorError, getExecutor } from "@genro/executor";
 *
 * // Where the program starts.
 * await using executor = getExecutor({ cpu: { maxWorkers: 2 } });
 * await executor.startup();
 *
 * // Anywhere else.
 * assertEquals(await getExecutor().runCpu((n: number) => n * 2, 21), 42);
 * assertThrows(() => getExecutor({ cpu: { maxWorkers: 4 } }), ExecutorError, "other options");
 * ```
 */
export function getExecutor(options?: ExecutorOptions): Executor {
  if (shared === undefined) {
    const executor = new Executor(options);
    const place = callerFrames(getExecutor).split("\n", 1)[0]!.trim();
    shared = { executor, options, place };
  } else if (options !== undefined && !areSame(options, shared.options)) {
    throw new ExecutorError(
      "Cannot configure the program's executor: it was made with other options" +
        `${
          shared.place && ` ${shared.place}`
        }; expected options where it is used first, received ` +
        Deno.inspect(options, { depth: 2 }),
    );
  }
  return shared.executor;
}
