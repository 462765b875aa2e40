/**
 * The clock and the timers of this package's own machinery, taken before a test can fake the time. In a
 * test with a faked time, workers must still start, and their deaths must be noticed. The time limits
 * that users set use the global timers. The real timers are read when they are first needed, as Deno
 * loads its timers when they are first read, for 4 to 9 ms.
 */

import { lazyGlobal } from "./lazy_global.ts";

/** A timer. */
export type Timer = ReturnType<typeof globalThis.setTimeout>;

/** The time in ms since this thread began; finer than `Date.now()`, and never set back. */
export const now: () => number = performance.now.bind(performance);

const real = {
  setTimeout: lazyGlobal<typeof globalThis.setTimeout>("setTimeout"),
  clearTimeout: lazyGlobal<typeof globalThis.clearTimeout>("clearTimeout"),
};

/**
 * How late, in ms, a timer may call back though nothing holds up the event loop: Windows looks at its
 * clock 64 times a second.
 *
 * @see {@link https://learn.microsoft.com/en-us/windows/win32/api/timeapi/nf-timeapi-timebeginperiod}
 */
export const TICK_MS = Deno.build.os === "windows" ? 1_000 / 64 : 0;

/** Calls back after this many ms. */
export function setTimeout(callback: () => void, ms: number): Timer {
  return real.setTimeout()(callback, ms);
}

/** Stops a timer. */
export function clearTimeout(timer: Timer): void {
  real.clearTimeout()(timer);
}

/** Whether a test has faked the timers: then time passes only when the test says so. */
export function isTimeFaked(): boolean {
  return globalThis.setTimeout !== real.setTimeout();
}

/**
 * Resolves in a later turn of the event loop, when all messages that have arrived by now are delivered.
 *
 * @param heard The number of delivered messages.
 */
export async function deliveries(heard: () => number = () => 0): Promise<void> {
  // Two quiet turns, as a turn runs its timers before or after its messages. Before Deno 2.9 a turn
  // takes only a few messages.
  for (let quiet = 0; quiet < 2;) {
    const before = heard();
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
    quiet = before === heard() ? quiet + 1 : 0;
  }
}
