import type { Executor, Runner } from "@genro/executor";

/** For how long, in ms, a load goes on. */
const DURATION = 6_000;
/** How many of its tasks are in each pool at a time: enough that some wait. */
const IN_FLIGHT = 25 + navigator.hardwareConcurrency;
/** How many loads there may be at a time; more would fill the queues of the example server. */
const MAX_LOADS = 3;
/** How long, in ms, the endless loop may run before its caller gives up. */
const PATIENCE = 1_000;

/** Work to look at. It goes through the executor as that of requests does. */
export class Load {
  readonly #executor: Executor;
  readonly #runner: Runner;
  readonly #looping: Runner;
  #loads = 0;
  /** Until when the counts do not tell of the latest endless loop. */
  #unseenUntil = 0;

  /** What still waits or runs when `stopping` aborts is cancelled. */
  constructor(executor: Executor, stopping: AbortSignal) {
    this.#executor = executor;
    this.#runner = executor.with({ signal: stopping });
    this.#looping = executor.with({ signal: stopping, timeout: PATIENCE });
  }

  /** Whether there is as much as there may be. */
  get isFull(): boolean {
    return this.#loads >= MAX_LOADS;
  }

  /** Sends short and longer tasks to both pools, for some seconds. */
  async send(): Promise<void> {
    this.#loads++;
    const options = { buffer: IN_FLIGHT, ordered: false };
    const end = Date.now() + DURATION;
    // No two loads are alike.
    const weight = 1 + 4 * Math.random();
    // What fails, as a queue is full or the server stops, is seen on the page.
    await Promise.allSettled([
      finished(this.#runner.mapCpu(compute, durations(weight, end), options)),
      finished(this.#runner.mapBlocking(block, durations(3 * weight, end), options)),
    ]);
    this.#loads--;
  }

  /** Whether a loop goes on that nothing can stop; another one would take one more core. */
  get isStuck(): boolean {
    const { blocking, cpu } = this.#executor.stats();
    return Date.now() < this.#unseenUntil || blocking.stuck + cpu.stuck > 0;
  }

  /** Sends a loop that nothing can stop; returns what its caller gets. */
  async loop(): Promise<string> {
    this.#unseenUntil = Infinity;
    try {
      await this.#looping.runCpu(endlessLoop);
      return "The loop has ended";
    } catch (error) {
      return String(error);
    } finally {
      this.#unseenUntil = Date.now() + PATIENCE;
    }
  }
}

/** Numbers of ms until a time: most of them near `shortest`, and a few up to 100 times as long. */
function* durations(shortest: number, end: number): Generator<number> {
  while (Date.now() < end) yield shortest * 100 ** (Math.random() ** 3);
}

async function finished(results: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of results);
}

function compute(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** As a slow disk or database does. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Endless, for all the executor can tell; it ends after 20 s, so that a demo can go on. */
function endlessLoop(): void {
  const end = Date.now() + 20_000;
  while (Date.now() < end);
}
