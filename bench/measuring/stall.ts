/** Watches the event loop: how long it did nothing but one thing. */
export class StallMeter {
  /** The longest stall so far, in ms. */
  longest = 0;
  #last = performance.now();
  readonly #timer = setInterval(() => {
    const now = performance.now();
    // A tick comes after a millisecond if nothing holds it up.
    this.longest = Math.max(this.longest, now - this.#last - 1);
    this.#last = now;
  }, 1);

  /** Forgets what was, so that what follows is seen alone. */
  reset(): void {
    this.longest = 0;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
