import type { Percentiles } from "../api/pool_stats.ts";

/** How many buckets a time may be in that is at most twice as long: their bounds are 9 % apart. */
const PER_DOUBLING = 8;
/** The shortest time that is told from shorter ones, in ms: 2 to the power of this. */
const SHORTEST = -10;
/** The longest that is told from longer ones: 2 to the power of this, in ms, is 4.6 hours. */
const LONGEST = 24;
/** Once it counts this many times, each counts half: only the latest matter. */
const MEMORY = 8_192;

/** How long the latest few thousand things took. */
export class Histogram {
  readonly #counts = new Float64Array((LONGEST - SHORTEST) * PER_DOUBLING + 1);
  #total = 0;

  /** So many things took this long, in ms. */
  add(ms: number, times = 1): void {
    const place = Math.ceil((Math.log2(ms) - SHORTEST) * PER_DOUBLING);
    const last = this.#counts.length - 1;
    this.#counts[place > 0 ? Math.min(place, last) : 0]! += times;
    this.#total += times;
    if (this.#total > MEMORY) this.#forget();
  }

  /** The percentiles of what was added latest. */
  percentiles(): Percentiles {
    return { p50: this.#percentile(0.5), p95: this.#percentile(0.95), p99: this.#percentile(0.99) };
  }

  #percentile(share: number): number {
    if (this.#total === 0) return 0;
    let sum = 0;
    const place = this.#counts.findIndex((count) => (sum += count) >= share * this.#total);
    return place <= 0 ? 0 : 2 ** (place / PER_DOUBLING + SHORTEST);
  }

  #forget(): void {
    this.#total = 0;
    for (let place = 0; place < this.#counts.length; place++) {
      this.#total += this.#counts[place]! /= 2;
    }
  }
}
