import type { Runner } from "../api/runner.ts";

/** The calls in flight of a client. */
export class InFlight {
  /** Each resolves when its call has ended. */
  readonly #ends = new Set<PromiseWithResolvers<void>>();

  /** Adds a run. Returns a promise that settles as the run does. */
  async add<T>(result: Promise<T>): Promise<T> {
    const ended = this.#begin();
    try {
      return await result;
    } finally {
      this.#end(ended);
    }
  }

  /** Adds a loop, from its first value. Returns a loop with the same values. */
  async *addLoop<T>(results: AsyncIterableIterator<T>): AsyncGenerator<T, void, undefined> {
    const ended = this.#begin();
    try {
      yield* results;
    } finally {
      this.#end(ended);
    }
  }

  #begin(): PromiseWithResolvers<void> {
    const ended = Promise.withResolvers<void>();
    this.#ends.add(ended);
    return ended;
  }

  #end(ended: PromiseWithResolvers<void>): void {
    this.#ends.delete(ended);
    ended.resolve();
  }

  /** Resolves when the calls have ended that are in flight now, or at `giveUp()`. */
  async idle(): Promise<void> {
    await Promise.all(Array.from(this.#ends, ({ promise }) => promise));
  }

  /** Waits for the calls no more. */
  giveUp(): void {
    for (const { resolve } of this.#ends) resolve();
  }
}

/**
 * Calls that are counted among the calls in flight.
 *
 * @param bound Gets the calls.
 * @param inFlight Where to count a call; nowhere, if undefined at the time of the call.
 */
export function counting(bound: () => Runner, inFlight: () => InFlight | undefined): Runner {
  const run = <T>(result: Promise<T>) => inFlight()?.add(result) ?? result;
  const loop = <T>(results: AsyncIterableIterator<T>) => inFlight()?.addLoop(results) ?? results;
  return {
    runBlocking: (task, ...args) => run(bound().runBlocking(task, ...args)),
    runCpu: (task, ...args) => run(bound().runCpu(task, ...args)),
    mapBlocking: (task, items, options) => loop(bound().mapBlocking(task, items, options)),
    mapCpu: (task, items, options) => loop(bound().mapCpu(task, items, options)),
    streamBlocking: (task, ...args) => loop(bound().streamBlocking(task, ...args)),
    streamCpu: (task, ...args) => loop(bound().streamCpu(task, ...args)),
    with: (options) => {
      const narrower = bound().with(options);
      return counting(() => narrower, inFlight);
    },
  };
}
