import type { HostLedger } from "../wire/host_ledger.ts";
import { MAX_UNHEARD, NO_LIMIT } from "../wire/ledger.ts";
import { now, setTimeout, TICK_MS } from "../runtime/real_timers.ts";

/** How much a worker may tell in one turn of the event loop: at first, at least, and at most. */
const FIRST_TIMES = 32, MIN_TIMES = 4, MAX_TIMES = 1_024;
/** A turn that is shorter than this many ms may have more in it; one that is longer, less. */
const SHORT_MS = 5, LONG_MS = 20;

/**
 * How much the tasks of a worker tell with `progress()`. Deno delivers messages for as long as there
 * are some, and does nothing else meanwhile: so a worker waits when it has told as much as is good
 * for one turn of the event loop, and the host allows it more in a later turn.
 */
export class Telling {
  readonly #ledger: HostLedger;
  #told = 0;
  #allowed = FIRST_TIMES;
  /** How much is good for a turn. */
  #times = FIRST_TIMES;
  #isAllowing = false;

  /**
   * Makes the count of a worker.
   *
   * @param ledger Where the worker learns how much it may tell.
   */
  constructor(ledger: HostLedger) {
    this.#ledger = ledger;
    ledger.allow(FIRST_TIMES);
  }

  /**
   * Counts what the worker has told.
   *
   * @param small Whether that took no time to decode: more of it is told to a program that hears nothing.
   * @returns Whether the worker was allowed to.
   */
  count(small: boolean): boolean {
    this.#told = this.#told + 1 | 0;
    const left = this.#allowed - this.#told | 0;
    if (left < (small ? -MAX_UNHEARD : 0)) return false;
    if (left <= this.#times / 2 && !this.#isAllowing) this.#allowLater();
    return true;
  }

  /** Lets the worker go on, as it is to end and is not heard any more. */
  release(): void {
    this.#allowed = this.#told + NO_LIMIT | 0;
    this.#ledger.allow(this.#allowed);
  }

  /** Allows more when this turn is over. */
  #allowLater(): void {
    this.#isAllowing = true;
    const begun = now();
    setTimeout(() => {
      this.#isAllowing = false;
      // It was released meanwhile.
      if ((this.#allowed - this.#told | 0) > MAX_TIMES) return;
      this.#times = timesAfter(this.#times, now() - begun);
      this.#allowed = this.#told + this.#times | 0;
      this.#ledger.allow(this.#allowed);
    }, 0);
  }
}

/**
 * How much is good for a turn of the event loop.
 *
 * @param times How much was told in the turn before.
 * @param took How long, in ms, that turn took until its timer.
 * @param tick How late the timer may be on a system that does nothing else.
 */
export function timesAfter(times: number, took: number, tick = TICK_MS): number {
  if (took > LONG_MS + tick) return Math.max(MIN_TIMES, times / 2);
  if (took < SHORT_MS + tick) return Math.min(MAX_TIMES, times * 2);
  return times;
}
