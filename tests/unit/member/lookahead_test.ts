/** How far ahead a worker is sent tasks. */

import { assertEquals } from "@std/assert";
import { Lookahead } from "../../../src/member/lookahead.ts";

for (
  const { tasks, runs = tasks, runningMs, expected } of [
    { tasks: 1, runningMs: 0.01, expected: true },
    { tasks: 49, runningMs: 0.01, expected: true },
    { tasks: 50, runningMs: 0.01, expected: false },
    { tasks: 1, runningMs: 0.4, expected: true },
    { tasks: 1, runningMs: 0.5, expected: false },
    { tasks: 1, runningMs: 20, expected: false },
    // Nobody knows how long the task runs.
    { tasks: 1, runningMs: Infinity, expected: false },
    { tasks: 4_095, runningMs: 0.0001, expected: true },
    // Others between them were taken back.
    { tasks: 1, runs: 4_096, runningMs: 0.0001, expected: false },
  ]
) {
  Deno.test(`Lookahead.mayHaveMore() is ${expected} after ${tasks} tasks of ${runningMs} ms, ${runs} runs`, () => {
    assertEquals(Lookahead.mayHaveMore(tasks, runs, runningMs), expected);
  });
}

Deno.test("Lookahead.mayClone() bounds the time that sending ahead takes", () => {
  assertEquals([1, 19, 20].map((tasks) => Lookahead.mayClone(tasks, 0.1)), [true, true, false]);
  assertEquals(Lookahead.mayClone(1, Infinity), false);
});

Deno.test("Lookahead.mayMove() bounds what cannot be taken back", () => {
  assertEquals([1, 255, 256].map(Lookahead.mayMove), [true, true, false]);
});

Deno.test("Lookahead.runsLow() is true when half of the tasks are done", () => {
  const lookahead = new Lookahead();
  lookahead.sent(10);
  assertEquals([10, 6, 5, 0].map((tasks) => lookahead.runsLow(tasks)), [false, false, true, true]);
  lookahead.sent(4);
  assertEquals([4, 3, 2].map((tasks) => lookahead.runsLow(tasks)), [false, false, true]);
});

Deno.test("Lookahead.isHeldUp() is true for the second look at the same run, unless it is the last", () => {
  const lookahead = new Lookahead();
  const looks: [claimed: number, last: number, expected: boolean][] = [
    [3, 9, false],
    [3, 9, true],
    [4, 9, false],
    [9, 9, false],
    [9, 9, false],
    // More was sent.
    [9, 12, true],
  ];
  for (const [claimed, last, expected] of looks) {
    assertEquals(lookahead.isHeldUp(claimed, last), expected);
  }
});
