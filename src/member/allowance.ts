/** How much a worker may send: how many messages, and how many calls of `progress()`. */

import type { HostLedger } from "../wire/host_ledger.ts";
import { MAX_UNHEARD, NO_LIMIT } from "../wire/ledger.ts";
import { now, setTimeout, TICK_MS } from "../runtime/real_timers.ts";

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
    this.add(things * MESSAGES_EACH);
  }

  /** The worker was asked for so many messages. */
  add(messages: number): void {
    this.#left += messages;
  }

  /** A second has passed: a task may go on for hours, and handle an error of its own now and then. */
  renew(): void {
    this.#left = Math.max(this.#left, FREE_MESSAGES);
  }
}

/**
 * How many calls of `progress()` a worker may make in a turn of the event loop: at first, at least,
 * and at most.
 */
const FIRST_TIMES = 32, MIN_TIMES = 4, MAX_TIMES = 1_024;
/**
 * A turn shorter than SHORT_MS allows more calls in the next turn, a turn longer than LONG_MS
 * fewer.
 */
const SHORT_MS = 5, LONG_MS = 20;

/**
 * Limits the calls of `progress()` in a worker. Deno delivers messages for as long as there are
 * some, and does nothing else meanwhile. So a worker waits after as many calls as are good for a
 * turn of the event loop, until the host allows more calls in a later turn.
 */
export class Telling {
  readonly #ledger: HostLedger;
  #told = 0;
  #allowed = FIRST_TIMES;
  /** How many calls are good for a turn. */
  #times = FIRST_TIMES;
  #isAllowing = false;

  /**
   * Makes the count of a worker.
   *
   * @param ledger Tells the worker how many calls are allowed.
   */
  constructor(ledger: HostLedger) {
    this.#ledger = ledger;
    ledger.allow(FIRST_TIMES);
  }

  /**
   * Counts a call of `progress()`.
   *
   * @param small Whether the value takes no time to decode: to a program that hears nothing, a
   * worker may tell more such values.
   * @returns Whether the call was allowed.
   */
  count(small: boolean): boolean {
    this.#told = this.#told + 1 | 0;
    const left = this.#allowed - this.#told | 0;
    if (left < (small ? -MAX_UNHEARD : 0)) return false;
    if (left <= this.#times / 2 && !this.#isAllowing) this.#allowLater();
    return true;
  }

  /** Lets the worker go on, as the worker is to end and is not heard any more. */
  release(): void {
    this.#allowed = this.#told + NO_LIMIT | 0;
    this.#ledger.allow(this.#allowed);
  }

  /** Allows more calls when this turn is over. */
  #allowLater(): void {
    this.#isAllowing = true;
    const begun = now();
    setTimeout(() => {
      this.#isAllowing = false;
      // The worker was released meanwhile.
      if ((this.#allowed - this.#told | 0) > MAX_TIMES) return;
      this.#times = timesAfter(this.#times, now() - begun);
      this.#allowed = this.#told + this.#times | 0;
      this.#ledger.allow(this.#allowed);
    }, 0);
  }
}

/**
 * How many calls of `progress()` are good for the next turn of the event loop.
 *
 * @param times How many calls were good for the turn before.
 * @param took How long, in ms, the turn before took until its timer.
 * @param tick How late, in ms, the timer may be on an idle system.
 */
export function timesAfter(times: number, took: number, tick = TICK_MS): number {
  if (took > LONG_MS + tick) return Math.max(MIN_TIMES, times / 2);
  if (took < SHORT_MS + tick) return Math.min(MAX_TIMES, times * 2);
  return times;
}
