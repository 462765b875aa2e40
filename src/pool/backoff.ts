/** The ms after the first failure until the next attempt; they double each time, up to the most. */
const FIRST_BACKOFF_MS = 30, MAX_BACKOFF_MS = 5_000;

/** When something that has failed may be tried again: the later, the more often in a row. */
export class Backoff {
  #failures = 0;
  #next = -Infinity;

  /** For how many ms nobody should try; zero or less if somebody may. */
  get wait(): number {
    return this.#next - performance.now();
  }

  /** An attempt has failed. The wait is random, so that programs that failed together part. */
  failed(): void {
    const most = Math.min(FIRST_BACKOFF_MS * 2 ** this.#failures++, MAX_BACKOFF_MS);
    this.#next = performance.now() + most * (1 + Math.random()) / 2;
  }

  /** An attempt has succeeded. */
  succeeded(): void {
    this.#failures = 0;
  }
}
