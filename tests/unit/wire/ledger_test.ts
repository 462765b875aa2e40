import { assertEquals, assertThrows } from "@std/assert";
import {
  Ledger,
  MAX_UNHEARD,
  nextRun,
  NO_LIMIT,
  runsBetween,
  SLOTS,
} from "../../../src/wire/ledger.ts";

/** The two sides of a ledger, and the words and slots between them, which a worker can write. */
function sides() {
  const host = Ledger.shared();
  const words = new Int32Array(host.memory, SLOTS * 12 + 16, 5);
  const slots = new Uint8Array(host.memory, words.byteOffset + words.byteLength, SLOTS);
  return { host, worker: new Ledger(host.memory), words, slots };
}

Deno.test("runsBetween() counts from one run to another, though numbers wrap around", () => {
  const [last, first] = [2 ** 31 - 1, -(2 ** 31)];
  const cases: [first: number, second: number, runs: number][] = [
    [1, 1, 0],
    [1, 3, 2],
    [3, 1, -2],
    [last, first, 1],
    [first, last, -1],
    [-1, 0, 1],
  ];
  for (const [one, other, runs] of cases) {
    assertEquals([one, other, runsBetween(one, other)], [one, other, runs]);
  }
  assertEquals([nextRun(1), nextRun(-1), nextRun(last)], [2, 0, first]);
});

Deno.test("Ledger says of no run that it was aborted because one of the same number was", () => {
  const ledger = Ledger.local();
  // The number that memory begins with, and the last and the first before numbers wrap around.
  for (const run of [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)]) {
    ledger.open(run);
    assertEquals(ledger.isAborted(run), false, `${run} at first`);
    ledger.abort(run);
    assertEquals(ledger.isAborted(run), true, `${run} aborted`);
    ledger.open(nextRun(run));
    assertEquals(ledger.isAborted(nextRun(run)), false, `after ${run}`);
    assertEquals(ledger.isAborted(run), true, `${run} still`);
    ledger.open(run);
    assertEquals(ledger.isAborted(run), false, `${run} again`);
  }
});

Deno.test("Ledger notes whether the load that was asked for last has begun", () => {
  const { host, worker } = sides();
  assertEquals(host.hasBegunLoad, false);
  worker.beginLoad();
  assertEquals(host.hasBegunLoad, true);
  host.openLoad();
  assertEquals(host.hasBegunLoad, false);
});

Deno.test("Ledger.keep() keeps small results of each kind, and no others", () => {
  for (
    const value of [1.5, NaN, -0, Infinity, undefined, null, true, false, "text", { a: 1 }, [1]]
  ) {
    const { host, worker } = sides();
    host.open(1);
    worker.claim(1);
    worker.begin(1);
    assertEquals([host.isKept(1), host.hasEnded(1)], [false, false]);
    assertEquals([value, worker.keep(1, value, 2.5)], [value, true]);
    assertEquals([host.isKept(1), host.hasEnded(1), host.timeOf(1)], [true, true, 2.5]);
    const result = host.resultOf(1);
    assertEquals(result, value);
    if (typeof value !== "object") assertEquals(Object.is(result, value), true, `${value}`);
  }
  for (const value of ["x".repeat(2_000), 1n, Symbol.iterator, { a: {} }, [[]], () => {}]) {
    const { host, worker } = sides();
    host.open(1);
    worker.claim(1);
    worker.begin(1);
    assertEquals(worker.keep(1, value, 2.5), false);
    assertEquals([host.isKept(1), host.hasEnded(1), host.isBegun(1)], [false, false, true]);
  }
});

Deno.test("Ledger.resultOf() throws for the result of another run", () => {
  const { host, worker, slots } = sides();
  assertThrows(() => {
    slots[1] = 8;
    host.resultOf(1);
  }, RangeError);
  for (const run of [1, 2]) {
    host.open(run);
    worker.claim(run);
    worker.begin(run);
    worker.keep(run, `${run}`, 0);
  }
  assertThrows(() => host.resultOf(2), RangeError);
  assertEquals([host.resultOf(1), host.resultOf(2)], ["1", "2"]);
});

Deno.test("Ledger.isKept() and isBegun() believe no slot of another kind", () => {
  const { host, slots } = sides();
  for (const slot of [0, 1, 9, 99, 255]) {
    slots[1] = slot;
    assertEquals([slot, host.isKept(1), host.isBegun(1)], [slot, false, false]);
    assertEquals(host.resultOf(1), undefined);
  }
});

Deno.test("Ledger.drop() keeps a run from beginning, and the runs after it go on", () => {
  const { host, worker } = sides();
  for (const run of [1, 2, 3]) host.open(run);
  assertEquals([host.drop(2), host.drop(2)], [true, false]);
  assertEquals([worker.claim(1), worker.begin(1), host.drop(1)], [true, true, false]);
  worker.end(1, 0);
  assertEquals([worker.claim(2), worker.begin(2), host.isBegun(2)], [true, false, false]);
  worker.keep(2, undefined, 0);
  assertEquals([worker.claim(3), worker.begin(3), host.claimed], [true, true, 3]);
  // The slot of a run that was dropped is another run's later.
  host.open(2 + SLOTS);
  assertEquals([host.isKept(2 + SLOTS), host.drop(2 + SLOTS)], [false, true]);
});

Deno.test("Ledger.takeBack() takes back all that has not begun of what was sent ahead", () => {
  const { host, worker } = sides();
  for (const run of [1, 2, 3, 4]) host.open(run);
  worker.claim(1);
  assertEquals([host.takeBack(3), host.claimed], [1, 3]);
  assertEquals([worker.claim(2), worker.claim(3), worker.claim(4)], [false, false, true]);
});

Deno.test("Ledger.awaitRoom() waits for a host that allows more, and not for one that is deaf", () => {
  const { host, worker } = sides();
  host.allow(2);
  for (const _ of [1, 2]) {
    assertEquals(worker.awaitRoom(false), true);
    worker.noteTold();
  }
  const begun = performance.now();
  assertEquals(worker.awaitRoom(false), false);
  assertEquals(performance.now() - begun > 400, true, "waited at first");
  for (let times = 0; times < 20; times++) assertEquals(worker.awaitRoom(false), false);
  // Half a second each, were it to wait again.
  assertEquals(performance.now() - begun < 5_000, true, "did not wait again");
  host.allow(3);
  assertEquals(worker.awaitRoom(false), true);
  // In one thread, nobody could allow more.
  const local = Ledger.local();
  local.noteTold();
  assertEquals(local.awaitRoom(true), true);
});

Deno.test("Ledger.mayExceed and isGivenUp follow how much the host allows", () => {
  const { host, worker } = sides();
  host.allow(1);
  for (let told = 0; told < MAX_UNHEARD; told++) worker.noteTold();
  assertEquals([worker.mayExceed, worker.isGivenUp], [true, false]);
  worker.noteTold();
  assertEquals([worker.mayExceed, worker.isGivenUp], [false, false]);
  host.allow(MAX_UNHEARD + 1 + NO_LIMIT);
  assertEquals([worker.mayExceed, worker.isGivenUp, worker.awaitRoom(true)], [true, true, true]);
});

Deno.test("Ledger.beganAt is the time of the worker's latest limited run, by the host's clock", () => {
  const { timeOrigin } = performance;
  const since = performance.now();
  const host = Ledger.shared(since);
  const until = performance.now();
  const worker = new Ledger(host.memory);
  const clocks = new Float64Array(host.memory, SLOTS * 8, 2);
  worker.noteClock();
  assertEquals(clocks[1], timeOrigin);
  worker.noteBegin(5_000);
  // The worker's clock began when the worker was started, as far as the system's clock is right.
  for (
    const [what, origin, isRight] of [
      ["started in between", timeOrigin + (since + until) / 2, true],
      ["the system's clock was set back", timeOrigin - 3_600_000, false],
      ["the system's clock was set forward", timeOrigin + 3_600_000, false],
      ["a lie", NaN, false],
    ] as const
  ) {
    clocks[1] = origin;
    const start = host.beganAt - 5_000;
    if (isRight) assertEquals(start, origin - timeOrigin, what);
    else assertEquals(start >= since && start <= until, true, what);
  }
  const local = Ledger.local();
  local.noteBegin(7);
  assertEquals(local.beganAt, 7);
});
