/**
 * The pace of worker starts, for all pools together. `new Worker()` blocks its caller for
 * 10 to 20 ms: one at a time with a pause between leaves the event loop room to serve.
 */

import { setTimeout } from "./timers.ts";

/** The least time from the end of one start to the next, in ms. */
const PAUSE = 20;

/** The starts that wait for their turn, in order. */
const waiting: (() => void)[] = [];
let lastStart = -Infinity;

/** Calls `start` now if the last start is long enough ago, else when its turn comes. */
export function startInTurn(start: () => void): void {
  if (waiting.push(start) === 1) takeTurn();
}

function takeTurn(): void {
  const pause = lastStart + PAUSE - performance.now();
  if (pause > 0) {
    setTimeout(takeTurn, pause);
    return;
  }
  try {
    waiting[0]!();
  } finally {
    lastStart = performance.now();
    waiting.shift();
    if (waiting.length > 0) takeTurn();
  }
}
