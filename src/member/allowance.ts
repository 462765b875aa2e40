/** How many messages a worker may send in each second without being asked for anything. */
const FREE_MESSAGES = 1_000;
/** How many messages a worker may send for each run, load, stream and port. */
const MESSAGES_EACH = 4;

/** How many messages a worker may still send: a hostile worker must not flood the event loop. */
export class Allowance {
  #left = FREE_MESSAGES;

  /** Counts a message; `false` if the worker was not allowed to send it. */
  take(): boolean {
    return --this.#left >= 0;
  }

  /** The worker was asked for so many things. */
  grant(things: number): void {
    this.#left += things * MESSAGES_EACH;
  }

  /** A second has passed: a task may go on for hours, and handle an error of its own now and then. */
  renew(): void {
    this.#left = Math.max(this.#left, FREE_MESSAGES);
  }
}
