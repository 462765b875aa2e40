/** When the next worker may start, and when a failed action may be tried again. */

import { clearTimeout, setTimeout, type Timer } from "../runtime/real_timers.ts";

/**
 * The least time from the end of a start to the next start, in ms, for all pools together. `new
 * Worker()` blocks its caller for 10 to 20 ms: single starts with a pause between leave the event
 * loop room to serve.
 */
const PAUSE_MS = 12;

/** The starts that wait for their turn, in order. */
const waiting: (() => void)[] = [];
let lastStart = -Infinity;

/** Calls `takeTurn()` when the pause is over, while starts wait. */
let timer: Timer | undefined;

/**
 * Calls `start` now if the last start is long enough ago, else when its turn comes.
 *
 * @returns Gives the turn up; returns `false` if the turn had come before.
 */
export function startInTurn(start: () => void): () => boolean {
  if (waiting.push(start) === 1) takeTurn();
  return () => giveUp(start);
}

function takeTurn(): void {
  timer = undefined;
  // An older Deno calls back some cleared timers.
  if (waiting.length === 0) return;
  const pause = lastStart + PAUSE_MS - performance.now();
  if (pause > 0) {
    timer = setTimeout(takeTurn, pause);
    return;
  }
  const start = waiting.shift()!;
  try {
    start();
  } finally {
    lastStart = performance.now();
    if (waiting.length > 0) takeTurn();
  }
}

function giveUp(start: () => void): boolean {
  const place = waiting.indexOf(start);
  if (place < 0) return false;
  waiting.splice(place, 1);
  if (waiting.length === 0 && timer !== undefined) clearTimeout(timer);
  return true;
}

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
