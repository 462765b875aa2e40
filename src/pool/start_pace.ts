/**
 * The pace of worker starts, for all pools together. `new Worker()` blocks its caller for 10 to 20
 * ms: single starts with a pause between leave the event loop room to serve.
 */

import { clearTimeout, setTimeout, type Timer } from "../runtime/real_timers.ts";

/** The least time from the end of a start to the next start, in ms. */
const PAUSE_MS = 20;

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
