import type { MapOptions, RunOptions } from "../api/options.ts";
import type { Runner } from "../api/runner.ts";
import { NotStartedError } from "../api/errors.ts";
import type { Lifecycle } from "../lifecycle/lifecycle.ts";
import { Job, type SharedOptions, shareOptions } from "../member/job.ts";
import type { Pool } from "../pool/pool.ts";
import { currentContext, runIn } from "../runtime/async_context.ts";
import { deferred } from "../runtime/promises.ts";
import { mapOptions, runOptions } from "../settings/call_options.ts";
import { addressOf } from "../tasks/address.ts";
import { rejected } from "../tasks/failure.ts";
import { mapItems } from "./map.ts";
import { readStream } from "./stream.ts";

/** The two pools of an executor. */
export interface Pools {
  readonly blocking: Pool;
  readonly cpu: Pool;
}

/** The ways to run tasks, bound to options or not: the executor's methods call these. */
export class TaskRunner {
  readonly #pools: Pools;
  readonly #lifecycle: Lifecycle;
  /** The options of each call; the executor's own calls have none. */
  readonly #options: RunOptions | undefined;
  readonly #shared: SharedOptions | undefined;

  constructor(pools: Pools, lifecycle: Lifecycle, options?: RunOptions) {
    this.#pools = pools;
    this.#lifecycle = lifecycle;
    this.#options = options;
    this.#shared = options && shareOptions(options);
  }

  /** Runs a task. A task that cannot be submitted rejects, as the task's own errors do. */
  // deno-lint-ignore no-explicit-any -- the public signatures name the type
  run(pool: Pool, task: unknown, args: readonly unknown[]): Promise<any> {
    const { promise, resolve } = deferred();
    try {
      this.#submit(pool, task, args, resolve);
    } catch (reason) {
      return rejected(reason);
    }
    return promise;
  }

  /** Runs a task once for each item. */
  map<T>(
    pool: Pool,
    task: unknown,
    items: Iterable<T> | AsyncIterable<T>,
    options: MapOptions | undefined,
    // deno-lint-ignore no-explicit-any -- the public signatures name the type
  ): AsyncIterableIterator<any> {
    const { buffer, ordered } = mapOptions(options);
    const busy = 2 * pool.maxWorkers;
    const { signal, tenant } = this.#options ?? {};
    const settings = {
      ordered,
      limit: buffer ?? busy,
      grows: buffer === undefined,
      busy,
      signal,
      context: currentContext(),
    };
    let reason: DOMException | undefined;
    return mapItems(items, settings, {
      submit: (item: T, settle) => this.#submit(pool, task, [item], settle),
      // A reason for each item would take longer than the items.
      withdraw: (job) => pool.withdraw(job, reason ??= withdrawn()),
      ahead: (pending, late) => {
        const most = pool.worthSubmittingAhead(addressOf(task), tenant);
        const room = pool.roomFor(tenant);
        return room === Infinity ? most : late ? 0 : Math.min(most, pending + room);
      },
    });
  }

  /** Runs a task that yields. */
  // deno-lint-ignore no-explicit-any -- the public signatures name the type
  stream(pool: Pool, task: unknown, args: readonly unknown[]): AsyncIterableIterator<any> {
    const context = currentContext();
    return readStream((onValue) => {
      const { promise, resolve } = Promise.withResolvers<unknown>();
      const job = runIn(context, () => this.#submit(pool, task, args, resolve, onValue));
      return {
        result: promise,
        pull: (count, messages) => pool.pull(job, count, messages),
        close: () => pool.cancel(job, new DOMException("The stream was left", "AbortError")),
      };
    }, this.#options?.signal);
  }

  /**
   * The calls with these options, beside those that the calls have.
   *
   * @throws {TypeError} If there is a tenant and tasks run inline.
   */
  with(options: RunOptions): Runner {
    const checked = runOptions(options);
    const bound = this.#options === undefined ? checked : narrow(this.#options, checked);
    this.#assertApart(bound);
    const runner = new TaskRunner(this.#pools, this.#lifecycle, bound);
    const { blocking, cpu } = this.#pools;
    return {
      runBlocking: (task, ...args) => runner.run(blocking, task, args),
      runCpu: (task, ...args) => runner.run(cpu, task, args),
      mapBlocking: (task, items, options) => runner.map(blocking, task, items, options),
      mapCpu: (task, items, options) => runner.map(cpu, task, items, options),
      streamBlocking: (task, ...args) => runner.stream(blocking, task, args),
      streamCpu: (task, ...args) => runner.stream(cpu, task, args),
      with: (options) => runner.with(options),
    };
  }

  #assertApart({ tenant }: RunOptions): void {
    if (tenant === undefined) return;
    const { blocking, cpu } = this.#pools;
    const inline = [blocking, cpu].find(({ isInline }) => isInline);
    if (inline === undefined) return;
    throw new TypeError(
      `Cannot use tenant: ${inline.name} tasks run inline, in this thread, where nothing keeps ` +
        "them apart; use workers or processes",
    );
  }

  /** Submits a task, or throws why the task cannot be submitted. */
  #submit(
    pool: Pool,
    task: unknown,
    args: readonly unknown[],
    resolve: (value: unknown) => void,
    onValue?: (value: unknown) => void,
  ): Job {
    if (!this.#lifecycle.isRunning) {
      throw new NotStartedError("Executor not started. Call startup() first.");
    }
    const job = new Job(addressOf(task), args, this.#shared, resolve);
    if (onValue !== undefined) job.details.onValue = onValue;
    pool.enqueue(job);
    return job;
  }
}

function withdrawn(): DOMException {
  return new DOMException("The task was withdrawn", "AbortError");
}

/**
 * The options of calls that were bound twice. The second options never widen the first.
 *
 * @param outer The first options.
 * @param inner The second options.
 * @returns Both: either signal aborts, the shorter time limit counts, and the inner listener hears.
 * @throws {TypeError} If the options name two tenants.
 */
export function narrow(outer: RunOptions, inner: RunOptions): RunOptions {
  const { signal, timeout, onProgress, tenant } = outer;
  if (tenant !== undefined && inner.tenant !== undefined && tenant !== inner.tenant) {
    throw new TypeError(
      `Cannot use tenant: these calls are those of tenant ${JSON.stringify(tenant)}, received ` +
        JSON.stringify(inner.tenant),
    );
  }
  return {
    signal: signal && inner.signal
      ? AbortSignal.any([signal, inner.signal])
      : inner.signal ?? signal,
    timeout: timeout !== undefined && inner.timeout !== undefined
      ? Math.min(timeout, inner.timeout)
      : inner.timeout ?? timeout,
    onProgress: inner.onProgress ?? onProgress,
    tenant: inner.tenant ?? tenant,
  };
}
