/**
 * When another worker is worth its start, which holds up the event loop for 10 to 20 ms: if
 * what waits would keep those there are busy for long. How fast they are shows only when one
 * looks at them for a while.
 */

/** For how long a pool with waiting tasks is looked at, in ms. */
export const FIRST_LOOK = 15;
/** For how long if its tasks are short: they are slow until their code is compiled. */
export const LONG_LOOK = 60;

/** Tasks are short if more than this many return within the first look. */
const A_FEW = 10;
/** A start is worth it if what waits takes more than this many times as long as the look. */
const WORTH_A_START = 4;
/** A task that occupies a worker for less than this many ms is mostly overhead of the host. */
const TRIFLE = 0.1;

/** How many tasks a pool had returned at a time, in ms. */
export interface Progress {
  readonly time: number;
  readonly returned: number;
}

/** What to do about `queued` tasks, after the progress that this many workers made. */
export function judgeGrowth(
  since: Progress,
  now: Progress,
  queued: number,
  workers: number,
): "start" | "look longer" | "wait" {
  const elapsed = now.time - since.time;
  const returned = now.returned - since.returned;
  if (returned === 0) return "start";
  if (returned > A_FEW && elapsed < LONG_LOOK) return "look longer";
  const timeEach = elapsed / returned;
  const worthIt = queued * timeEach > WORTH_A_START * elapsed && workers * timeEach > TRIFLE;
  return worthIt ? "start" : "wait";
}
