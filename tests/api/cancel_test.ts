import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { spy } from "@std/testing/mock";
import {
  Executor,
  type TaskContext,
  tasksFrom,
  testOfWorkers,
  WorkersStuckError,
} from "../support/isolation.ts";
import { block, newGate } from "../support/gate.ts";
import { until } from "../support/waiting.ts";

const { add, countCalls, later } = tasksFrom(import.meta, () => import("../fixtures/tasks.ts"));

/** Computes until its caller gives up, and counts that. */
function spinUntilAborted(this: TaskContext, ended: Int32Array): void {
  try {
    while (true) this.throwIfAborted();
  } finally {
    Atomics.add(ended, 0, 1);
  }
}

Deno.test("Executor.with() rejects a call whose signal has aborted already", async () => {
  await using executor = await Executor.start();
  const reason = new Error("before");
  const signal = AbortSignal.abort(reason);
  const error = await assertRejects(() => executor.with({ signal }).runCpu(countCalls));
  assertStrictEquals(error, reason);
  assertEquals(await executor.runCpu(countCalls), 1);
});

Deno.test("Executor.with() takes a waiting task out of the queue on abort", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const before = executor.runCpu(later, "before", 50);
  const controller = new AbortController();
  const aborted = executor.with({ signal: controller.signal }).runCpu(countCalls);
  const after = executor.runCpu(countCalls);
  assertEquals(executor.stats().cpu.queued, 2);
  const reason = { why: "any value" };
  controller.abort(reason);
  assertEquals(executor.stats().cpu.queued, 1);
  assertStrictEquals(await aborted.catch((error) => error), reason);
  assertEquals(executor.stats().cpu.busy, 1, "it rejected before the running task ended");
  assertEquals(await before, "before");
  assertEquals(await after, 1, "the aborted task never ran");
});

testOfWorkers("Executor.with() rejects a running task at once and tells it", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  await executor.runCpu(countCalls);
  const ended = new Int32Array(new SharedArrayBuffer(4));
  const controller = new AbortController();
  const reason = new Error("enough");
  const result = executor.with({ signal: controller.signal }).runCpu(spinUntilAborted, ended);
  await until(() => executor.stats().cpu.busy === 1);
  controller.abort(reason);
  assertStrictEquals(await result.catch((error) => error), reason);
  await until(() => executor.stats().cpu.idle === 1);
  assertEquals(Atomics.load(ended, 0), 1);
  // The loop ended by itself, so its worker lives on.
  assertEquals(await executor.runCpu(countCalls), 2);
  assertEquals(executor.stats().cpu.cancelled, 1);
});

testOfWorkers("TaskContext.signal aborts with the caller's reason", async () => {
  await using executor = await Executor.start();
  const seen = new Int32Array(new SharedArrayBuffer(8));
  const controller = new AbortController();
  const result = executor.with({ signal: controller.signal }).runBlocking(
    async function (this: TaskContext, seen: Int32Array) {
      Atomics.store(seen, 0, 1);
      await new Promise((resolve) => this.signal.addEventListener("abort", resolve));
      const { name, message, code } = this.signal.reason;
      let thrown: unknown;
      try {
        this.throwIfAborted();
      } catch (error) {
        thrown = error;
      }
      const good = name === "RangeError" && message === "because" && code === "E_WHY" &&
        thrown === this.signal.reason;
      Atomics.store(seen, 1, good ? 1 : 2);
    },
    seen,
  );
  await until(() => Atomics.load(seen, 0) === 1);
  controller.abort(Object.assign(new RangeError("because"), { code: "E_WHY" }));
  await assertRejects(() => result, RangeError, "because");
  await until(() => Atomics.load(seen, 1) !== 0);
  assertEquals(Atomics.load(seen, 1), 1);
});

Deno.test("TaskContext.signal is not aborted in a task that nobody aborts", async () => {
  await using executor = await Executor.start();
  const aborted = await executor.runCpu(function (this: TaskContext) {
    this.throwIfAborted();
    return this.signal.aborted;
  });
  assertEquals(aborted, false);
});

testOfWorkers("Executor.with() gives up a worker whose task does not end", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const { gate, open } = newGate();
  const result = executor.with({ timeout: 50 }).runCpu(block, gate);
  await assertRejects(() => result, DOMException, "timed out");
  await until(() => executor.stats().cpu.stuck === 1);
  assertEquals(executor.stats().cpu.workers, 0);
  // It is replaced while it still computes…
  assertEquals(await executor.runCpu(countCalls), 1);
  assertEquals(executor.stats().cpu.stuck, 1);
  // …and noticed when it comes back.
  open();
  await until(() => executor.stats().cpu.stuck === 0);
  assertEquals(await executor.runCpu(countCalls), 2);
  assertEquals(executor.stats().cpu.crashed, 0);
});

testOfWorkers("Pool rejects new work while all it may have is stuck, and recovers", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const { gate, open } = newGate();
  const impatient = executor.with({ timeout: 20 });
  await assertRejects(() => impatient.runCpu(block, gate), DOMException, "timed out");
  await until(() => executor.stats().cpu.stuck === 1);
  await assertRejects(() => impatient.runCpu(block, gate), DOMException, "timed out");
  const waiting = executor.runCpu(add, 1, 2);
  await assertRejects(() => waiting, WorkersStuckError, "stuck in aborted tasks");
  await assertRejects(() => executor.runCpu(add, 1, 2), WorkersStuckError, "2 cpu workers, twice");
  assertEquals(executor.stats().cpu.stuck, 2);
  assertEquals(executor.stats().cpu.queued, 0);
  open();
  await until(() => executor.stats().cpu.stuck === 0 && executor.stats().cpu.busy === 0);
  assertEquals(await executor.runCpu(add, 1, 2), 3);
});

Deno.test("Executor.with() rejects with TimeoutError when a task ran too long", async () => {
  await using executor = await Executor.start();
  const error = await assertRejects(
    () => executor.with({ timeout: 30 }).runBlocking(later, "1", 60_000),
    DOMException,
  );
  assertEquals(error.name, "TimeoutError");
  assertEquals(executor.stats().blocking.cancelled, 1);
});

Deno.test("Executor.with() times no task out that ended while the event loop was held up", async () => {
  await using executor = await Executor.start({ cpu: { minWorkers: 1, maxWorkers: 1 } });
  const limited = executor.with({ timeout: 300 });
  // One result is in shared memory, the other one in a message.
  for (const result of [42, ["forty", "two"]]) {
    const task = async (result: unknown) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return result;
    };
    const done = limited.runCpu(task, result);
    await until(() => executor.stats().cpu.busy === 1 && executor.stats().cpu.queued === 0);
    const held = performance.now() + 600;
    while (performance.now() < held);
    assertEquals(await done, result);
  }
});

Deno.test("Executor.with() counts no waiting as running time", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const before = executor.runCpu(later, "1", 400);
  const result = executor.with({ timeout: 350 }).runCpu(later, "in time", 1);
  assertEquals(await result, "in time");
  await before;
});

testOfWorkers("Executor.with() leaves no listener and no timer behind", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const controller = new AbortController();
  const { signal } = controller;
  const TIMEOUT = 54_321;
  using added = spy(signal, "addEventListener");
  using removed = spy(signal, "removeEventListener");
  using set = spy(globalThis, "setTimeout");
  using cleared = spy(globalThis, "clearTimeout");
  const left = () => {
    const timers = set.calls.filter(({ args }) => args[1] === TIMEOUT);
    const gone = new Set<unknown>(cleared.calls.map(({ args }) => args[0]));
    return {
      listeners: added.calls.length - removed.calls.length,
      timers: timers.filter(({ returned }) => !gone.has(returned)).length,
    };
  };

  // A task is timed when its module is there.
  await executor.runCpu(add, 1, 2);
  const runner = executor.with({ signal, timeout: TIMEOUT });
  const results = [
    runner.runCpu(add, 1, 2),
    runner.runCpu(() => {
      throw new Error("failed");
    }),
    runner.runCpu(() => new Headers()),
    runner.runCpu((f: () => void) => f(), () => {}),
    runner.runCpu(() => self.close()),
    runner.runCpu(add, 1, 2),
  ];
  // One listener serves all the tasks of a signal, and only a running task is timed.
  assertEquals(left(), { listeners: 1, timers: 1 });
  await Promise.allSettled(results);
  assertEquals(left(), { listeners: 0, timers: 0 });

  const ended = new Int32Array(new SharedArrayBuffer(4));
  const running = runner.runCpu(spinUntilAborted, ended);
  const waiting = runner.runCpu(add, 1, 2);
  assertEquals(left(), { listeners: 1, timers: 1 });
  controller.abort();
  await Promise.allSettled([running, waiting]);
  assertEquals(left(), { listeners: 0, timers: 0 });
});

testOfWorkers("Executor.with() tells a task even a reason that cannot be cloned", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  await executor.runCpu(countCalls);
  // Whether the task has begun, and what reason the task was told.
  const [BEGUN, REASON] = [0, 1];
  const noted = new Int32Array(new SharedArrayBuffer(8));
  const controller = new AbortController();
  const result = executor.with({ signal: controller.signal }).runCpu(
    async function (this: TaskContext, noted: Int32Array) {
      Atomics.store(noted, 0, 1);
      if (!this.signal.aborted) {
        await new Promise((resolve) => this.signal.addEventListener("abort", resolve));
      }
      Atomics.store(noted, 1, this.signal.reason.name === "AbortError" ? 1 : 2);
    },
    noted,
  );
  const reason = () => "a function";
  await until(() => Atomics.load(noted, BEGUN) === 1);
  controller.abort(reason);
  assertStrictEquals(await result.catch((error) => error), reason);
  await until(() => Atomics.load(noted, REASON) !== 0);
  assertEquals(Atomics.load(noted, REASON), 1);
  await until(() => executor.stats().cpu.idle === 1);
  assert(await executor.runCpu(countCalls) === 2, "the worker lives on");
});
