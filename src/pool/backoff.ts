/**
 * The wait after the first failure, in ms. Each further failure doubles the wait, up to the most.
 */
const FIRST_BACKOFF_MS = 30, MAX_BACKOFF_MS = 5_000;

/** When a failed action may be tried again: the more failures in a row, the later. */
export class Backoff {
  #failures = 0;
  #next = -Infinity;

  /** For how many ms nobody should try; zero or less if somebody may. */
  get wait(): number {
    return this.#next - performance.now();
  }

  /**
   * An attempt has failed. The wait is random, so that several programs do not try again at once.
   */
  failed(): void {
    const most = Math.min(FIRST_BACKOFF_MS * 2 ** this.#failures++, MAX_BACKOFF_MS);
    this.#next = performance.now() + most * (1 + Math.random()) / 2;
  }

  /** An attempt has succeeded. */
  succeeded(): void {
    this.#failures = 0;
  }
}
