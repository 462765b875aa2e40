import { assert, assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { Job } from "../../../src/member/job.ts";
import { readingTime, Watchdog, type Watched } from "../../../src/member/watchdog.ts";
import { AddressedTask } from "../../../src/tasks/task.ts";
import { breakClearTimeout } from "../../support/waiting.ts";

const task = new AddressedTask({ source: "() => {}", name: "", file: "task:anonymous" }, -1);
const jobWith = (...args: unknown[]) => new Job(task, args, undefined, () => {});

/** A worker of which a test says what it does. */
function worker(job: Job): Watched & { begun: boolean; jobs: { head: Job | undefined } } {
  return {
    jobs: { head: job },
    busy: true,
    unbegun: undefined,
    begun: true,
    hasBegun() {
      return this.begun;
    },
    hasEnded: () => false,
    leaveOut: () => true,
  };
}

/** A watchdog, and how often it has told that its worker is overdue. */
function watch(watched: Watched): { dog: Watchdog; overdue: () => number } {
  let overdue = 0;
  const dog = new Watchdog(watched, { onLook() {}, onOverdue: () => void overdue++ });
  return { dog, overdue: () => overdue };
}

Deno.test("Watchdog gives a worker up whose aborted task outlives its grace", () => {
  using time = new FakeTime();
  const job = jobWith(1);
  const { dog, overdue } = watch(worker(job));
  dog.aborted(job);
  assertEquals([dog.waitsForEnd, dog.overdue], [true, false]);
  time.tick(99);
  assertEquals(overdue(), 0);
  time.tick(1);
  assertEquals([overdue(), dog.overdue], [1, true]);
});

Deno.test("Watchdog leaves a worker alone whose aborted task ends within its grace", () => {
  using time = new FakeTime();
  const job = jobWith(1);
  const { dog, overdue } = watch(worker(job));
  dog.aborted(job);
  time.tick(50);
  // The end of another job is not this one's.
  dog.ended(jobWith(2));
  assertEquals(dog.waitsForEnd, true);
  dog.ended(job);
  time.tick(1_000);
  assertEquals([overdue(), dog.waitsForEnd, dog.overdue], [0, false, false]);
});

Deno.test("Watchdog gives each aborted task its own grace where Deno calls back cleared timers", () => {
  using time = new FakeTime();
  const [first, job] = [jobWith(1), jobWith(2)];
  const watched = worker(first);
  const { dog, overdue } = watch(watched);
  using _broken = breakClearTimeout();
  dog.aborted(first);
  time.tick(50);
  dog.ended(first);
  watched.jobs.head = job;
  dog.aborted(job);
  time.tick(99);
  assertEquals(overdue(), 0);
  time.tick(1);
  assertEquals(overdue(), 1);
});

Deno.test("Watchdog waits for what the worker sent before its aborted task", () => {
  using time = new FakeTime();
  const [first, job] = [jobWith(1), jobWith(2)];
  const watched = worker(first);
  const { dog, overdue } = watch(watched);
  dog.aborted(job);
  time.tick(500);
  assertEquals(overdue(), 0);
  watched.jobs.head = job;
  time.tick(100);
  assertEquals(overdue(), 1);
});

Deno.test("Watchdog has a worker leave out the task whose arguments it still reads", () => {
  using time = new FakeTime();
  const job = jobWith(["a list"]);
  const watched = worker(job);
  watched.begun = false;
  const { dog, overdue } = watch(watched);
  dog.aborted(job);
  time.tick(100);
  assertEquals([overdue(), dog.waitsForEnd], [0, false]);
});

Deno.test("Watchdog.stop() ends the grace", () => {
  using time = new FakeTime();
  const job = jobWith(1);
  const { dog, overdue } = watch(worker(job));
  dog.aborted(job);
  dog.stop();
  time.tick(1_000);
  assertEquals(overdue(), 0);
});

Deno.test("Watchdog reads what has arrived before it gives a silent worker up", async () => {
  const watched = Object.assign(worker(jobWith(1)), {
    busy: true,
    unbegun: 7 as number | undefined,
  });
  let overdue = 0;
  const looks = Array.from({ length: 3 }, () => Promise.withResolvers<void>());
  let looked = 0;
  const dog = new Watchdog(watched, {
    onLook: () => {
      looks[looked++]?.resolve();
      // The worker's word that the task has begun is read in this turn of the event loop, but after
      // the look.
      if (looked === 2) setTimeout(() => watched.unbegun = undefined, 0);
    },
    onOverdue: () => overdue++,
  });
  dog.watch();
  // The watchdog itself keeps no program alive.
  const alive = setInterval(() => {}, 1_000);
  await looks[0]!.promise;
  // The program holds up the event loop for longer than a worker may be silent.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5_500);
  await looks[2]!.promise;
  assertEquals([overdue, dog.overdue], [0, false]);
  dog.stop();
  clearInterval(alive);
});

Deno.test("Watchdog gives up a worker that stays silent, though the program is late to look", async () => {
  const watched = Object.assign(worker(jobWith(1)), { busy: true, unbegun: 7 });
  const overdue = Promise.withResolvers<void>();
  const looked = Promise.withResolvers<void>();
  const dog = new Watchdog(watched, {
    onLook: () => looked.resolve(),
    onOverdue: () => overdue.resolve(),
  });
  const alive = setInterval(() => {}, 1_000);
  dog.watch();
  await looked.promise;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5_500);
  await overdue.promise;
  dog.stop();
  clearInterval(alive);
});

Deno.test("Watchdog goes on with a running job when the abort of an ended job follows", () => {
  using time = new FakeTime();
  const [before, job] = [jobWith(1), jobWith(2)];
  const watched = Object.assign(worker(before), { hasEnded: (job: Job) => job === before });
  const { dog, overdue } = watch(watched);
  dog.aborted(job);
  dog.aborted(before);
  dog.ended(before);
  watched.jobs.head = job;
  time.tick(100);
  assertEquals([overdue(), dog.waitsForEnd], [1, true]);
});

Deno.test("Watchdog lets a worker copy the result of an aborted job, for a while", () => {
  using time = new FakeTime();
  const job = jobWith(1);
  const { dog, overdue } = watch(Object.assign(worker(job), { hasEnded: () => true }));
  dog.aborted(job);
  time.tick(1_000);
  assertEquals([overdue(), dog.waitsForEnd], [0, true]);
  dog.ended(job);
  assertEquals(dog.waitsForEnd, false);
});

Deno.test("readingTime() grows with the bytes of what is read, wherever they are", () => {
  const bytes = new Uint8Array(100_000_000);
  const values = {
    alone: bytes,
    buffer: bytes.buffer,
    inside: { list: [{ bytes }] },
    map: new Map([["bytes", bytes]]),
    set: new Set([bytes]),
    text: "x".repeat(50_000_000),
  };
  for (const [name, value] of Object.entries(values)) {
    const ms = readingTime(["an id", value]);
    // A busy machine was seen to read some 40 MB a second from another process.
    assert(ms > 10_000 && ms < 60_000, `${name}: ${ms}`);
  }
  assert(readingTime([1, "two", null, undefined, { three: [3] }]) < 1);
});

Deno.test("readingTime() looks at a bounded number of values, and ends for what refers to itself", () => {
  const many = Array.from({ length: 1_000_000 }, (_, i) => ({ i }));
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  assertEquals(readingTime([many]), 300_000);
  assertEquals(readingTime([new Map(many.map((value) => [value, value]))]), 300_000);
  assert(readingTime([circle]) < 1);
});

Deno.test("readingTime() calls no getter", () => {
  let called = 0;
  readingTime([{
    get value() {
      return called++;
    },
  }]);
  assertEquals(called, 0);
});
