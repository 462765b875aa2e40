import { assertEquals } from "@std/assert";
import { timesAfter } from "../../../src/member/allowance.ts";

/** How much is good for a turn after ten turns that take as long. */
function learned(took: number, tick: number): number {
  let times = 32;
  for (let turn = 0; turn < 10; turn++) times = timesAfter(times, took, tick);
  return times;
}

Deno.test("timesAfter() learns the same from turns whose timers are fine and those of Windows", () => {
  const cases: [busy: number, times: number][] = [[0, 1_024], [3, 1_024], [10, 32], [30, 4]];
  for (const [busy, times] of cases) {
    assertEquals([busy, learned(busy + 1, 0)], [busy, times]);
    // A timer calls back up to a tick late.
    assertEquals([busy, learned(busy + 15.6, 1_000 / 64)], [busy, times]);
  }
});
