/** How much longer than this something took, in ms, makes no difference to anybody. */
const LONG_MS = 1;
/** The share of the latest in the estimate. */
const WEIGHT = 1 / 4;

/** How long something takes that is done again and again, as the latest times have shown. */
export class Estimate {
  #ms = Infinity;

  /** The estimate, in ms; infinite until one is known. */
  get ms(): number {
    return this.#ms;
  }

  /** It took this long, in ms. */
  learn(ms: number): void {
    // One that was held up must not count for long.
    const counted = Math.min(ms, LONG_MS);
    this.#ms = this.#ms === Infinity ? counted : this.#ms + (counted - this.#ms) * WEIGHT;
  }
}
