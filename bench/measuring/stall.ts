/** Watches how long the event loop was held up. */
export class StallMeter {
  /** The longest stall so far, in ms. */
  longest = 0;
  #last = performance.now();
  readonly #timer = setInterval(() => {
    const now = performance.now();
    // A tick comes after a millisecond if nothing holds up the loop.
    this.longest = Math.max(this.longest, now - this.#last - 1);
    this.#last = now;
  }, 1);

  /** Forgets all stalls so far. */
  reset(): void {
    this.longest = 0;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
