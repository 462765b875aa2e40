/**
 * A longer time, in ms, counts as this long: a run that was held up must not spoil the estimate.
 */
const MAX_COUNTED_MS = 1;
/** The share of the latest time in the estimate. */
const WEIGHT = 1 / 4;

/** An estimate of how long a repeated action takes, from the latest times. */
export class Estimate {
  #ms = Infinity;

  /** The estimate, in ms; infinite before the first time is known. */
  get ms(): number {
    return this.#ms;
  }

  /** Counts the time, in ms, that the action took. */
  learn(ms: number): void {
    const counted = Math.min(ms, MAX_COUNTED_MS);
    this.#ms = this.#ms === Infinity ? counted : this.#ms + (counted - this.#ms) * WEIGHT;
  }
}
