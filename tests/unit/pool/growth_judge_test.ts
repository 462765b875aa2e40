import { assertEquals } from "@std/assert";
import { FIRST_LOOK_MS, judgeGrowth, LONG_LOOK_MS } from "../../../src/pool/growth_judge.ts";

/** How often, in ms, Windows looks at its clock: a timer calls back with the next look that is due. */
const TICK_MS = 1_000 / 64;

/** When a timer calls back, on a system that looks at its clock with this phase. */
type Clock = (due: number) => number;

const fine: Clock = (due) => due + 0.3;
const coarse = (phase: number): Clock => (due) =>
  Math.ceil((due - phase) / TICK_MS) * TICK_MS + phase;

/** What a pool does about a burst: workers take its tasks in turn, each for as long. */
function verdictOf(tasks: number, ms: number, workers: number, clock: Clock): string {
  const since = { time: 0, returned: 0 };
  for (let after = FIRST_LOOK_MS;; after = LONG_LOOK_MS) {
    const time = clock(after);
    const returned = Math.min(tasks, workers * Math.floor(time / ms));
    const queued = tasks - returned - workers;
    if (queued <= 0) return "done";
    const verdict = judgeGrowth(since, { time, returned }, queued, workers, time - after);
    if (verdict !== "look longer") return verdict;
  }
}

const bursts: [tasks: number, ms: number, workers: number, verdict: string][] = [
  // Tasks of 20 ms: none returns within the first look.
  [4, 20, 1, "start"],
  [5, 20, 1, "start"],
  [40, 20, 1, "start"],
  [40, 20, 4, "start"],
  [40, 300, 2, "start"],
  // Tasks of 1 ms: a worker does a few hundred of them before another one is there.
  [50, 1, 1, "done"],
  [150, 1, 1, "wait"],
  [500, 1, 1, "start"],
  [5_000, 1, 4, "start"],
  // Tasks that are mostly overhead of the host.
  [100_000, 0.02, 1, "wait"],
];

Deno.test("judgeGrowth() judges a burst alike whether timers are fine, or go by Windows' clock", () => {
  for (const [tasks, ms, workers, verdict] of bursts) {
    const found = new Set([verdictOf(tasks, ms, workers, fine)]);
    for (let phase = 0; phase < TICK_MS; phase += 0.5) {
      found.add(verdictOf(tasks, ms, workers, coarse(phase)));
    }
    assertEquals({ tasks, ms, workers, found: [...found] }, {
      tasks,
      ms,
      workers,
      found: [verdict],
    });
  }
});
