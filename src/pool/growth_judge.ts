/**
 * When another worker is worth its start, which holds up the event loop for 10 to 20 ms: if the
 * waiting tasks would keep the present workers busy for long. Only a look that takes a while shows
 * how fast the workers are.
 */

/** How long the first look at a pool with waiting tasks takes, in ms. */
export const FIRST_LOOK_MS = 15;
/**
 * How long the look takes if the tasks are short, in ms: short tasks are slow until their code is
 * compiled.
 */
export const LONG_LOOK_MS = 60;

/** Tasks are short if more than this many return within the first look. */
const A_FEW_TASKS = 10;
/**
 * Another worker is worth its start if the waiting tasks take more than this many times as long as
 * the look.
 */
const MIN_WORK_LOOKS = 4;
/** A task that occupies a worker for less than this many ms is mostly overhead of the host. */
const TRIFLE_MS = 0.1;
/** A look that is at most this many ms late counts as on time. */
const ON_TIME_MS = 2;

/** How many tasks a pool had returned at a time, in ms. */
export interface Progress {
  readonly time: number;
  readonly returned: number;
}

/**
 * Whether `queued` tasks are worth another worker, after the progress that `workers` workers made.
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
  const worthIt = queued * timeEach > MIN_WORK_LOOKS * look && workers * timeEach > TRIFLE_MS;
  return worthIt ? "start" : "wait";
}
