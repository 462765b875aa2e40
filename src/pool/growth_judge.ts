/**
 * When another worker is worth its start, which holds up the event loop for 10 to 20 ms: if
 * what waits would keep those there are busy for long. How fast they are shows only when one
 * looks at them for a while.
 */

/** For how long a pool with waiting tasks is looked at, in ms. */
export const FIRST_LOOK_MS = 15;
/** For how long if its tasks are short: they are slow until their code is compiled. */
export const LONG_LOOK_MS = 60;

/** Tasks are short if more than this many return within the first look. */
const A_FEW_TASKS = 10;
/** A start is worth it if what waits takes more than this many times as long as the look. */
const WORTH_A_START = 4;
/** A task that occupies a worker for less than this many ms is mostly overhead of the host. */
const TRIFLE_MS = 0.1;
/** A delay of this many ms counts as none. */
const ON_TIME_MS = 2;

/** How many tasks a pool had returned at a time, in ms. */
export interface Progress {
  readonly time: number;
  readonly returned: number;
}

/**
 * What to do about `queued` tasks, after the progress that this many workers made.
 *
 * @param late How many ms this look is late: up to 16 on Windows, where timers go by a coarse clock.
 * The tasks of those ms count for the speed of the workers. But the longer look does not raise the
 * amount of work for another start.
 */
export function judgeGrowth(
  since: Progress,
  now: Progress,
  queued: number,
  workers: number,
  late: number,
): "start" | "look longer" | "wait" {
  const elapsed = now.time - since.time;
  const look = late > ON_TIME_MS ? elapsed - late : elapsed;
  const all = now.returned - since.returned;
  // The number at the time when this look was due.
  const returned = look === elapsed ? all : all * look / elapsed;
  if (returned < 1) return "start";
  if (returned > A_FEW_TASKS && look < LONG_LOOK_MS) return "look longer";
  const timeEach = look / returned;
  const worthIt = queued * timeEach > WORTH_A_START * look && workers * timeEach > TRIFLE_MS;
  return worthIt ? "start" : "wait";
}
