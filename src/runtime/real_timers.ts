/**
 * The clock and the timers of this package's own machinery. They are taken before anyone can
 * fake them: a test that fakes the time of its program must not stop its workers from
 * starting, or their deaths from being noticed. What a user sets a time for uses the global
 * ones. Deno loads its timers, for 4 to 9 ms, when they are first read, so that is left for
 * when they are needed.
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
 * How much later, in ms, a timer may call back than it should, though nothing holds up the event
 * loop: Windows looks at its clock 64 times a second.
 *
 * @see {@link https://learn.microsoft.com/en-us/windows/win32/api/timeapi/nf-timeapi-timebeginperiod}
 */
export const TICK_MS = Deno.build.os === "windows" ? 1_000 / 64 : 0;

/** Calls back after this many ms. */
export function setTimeout(callback: () => void, ms: number): Timer {
  return real.setTimeout()(callback, ms);
}

/** Gives a timer up. */
export function clearTimeout(timer: Timer): void {
  real.clearTimeout()(timer);
}

/**
 * Resolves in a later turn of the event loop, when all that had arrived by now was delivered.
 *
 * @param heard How much was.
 */
export async function deliveries(heard: () => number = () => 0): Promise<void> {
  // A turn runs its timers before or after its messages, and before Deno 2.9 takes few of them.
  for (let quiet = 0; quiet < 2;) {
    const before = heard();
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
    quiet = before === heard() ? quiet + 1 : 0;
  }
}
