import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  Executor,
  isolation,
  NotStartedError,
  ShutdownError,
  type TaskContext,
  tasksFrom,
} from "../support/isolation.ts";
import { until } from "../support/waiting.ts";

const { add, later } = tasksFrom(import.meta, () => import("../fixtures/tasks.ts"));

/** Tells of its begin, and keeps its thread busy. */
function spin(this: TaskContext, ms: number): void {
  this.progress("begun");
  const end = performance.now() + ms;
  while (performance.now() < end);
}

function assertNoWorkers(executor: Executor): void {
  const { blocking, cpu } = executor.stats();
  assertEquals([blocking.workers, cpu.workers, blocking.queued, cpu.queued], [0, 0, 0, 0]);
}

Deno.test("Executor.shutdown() finishes all that was accepted", async () => {
  const executor = await Executor.start({ cpu: { maxWorkers: 2 }, blocking: { maxWorkers: 1 } });
  const results = [
    ...Array.from({ length: 50 }, (_, i) => executor.runCpu(add, i, 0)),
    ...Array.from({ length: 5 }, (_, i) => executor.runBlocking(later, String(i), 10)),
  ];
  const settled: unknown[] = [];
  for (const result of results) result.then((value) => settled.push(value));
  await executor.shutdown();
  assertEquals(settled.length, 55);
  assertNoWorkers(executor);
});

Deno.test("Executor.shutdown() takes no more tasks once it was called", async () => {
  const executor = await Executor.start();
  const accepted = executor.runCpu(later, "accepted", 20);
  const done = executor.shutdown();
  assertEquals(executor.isRunning, false);
  await assertRejects(() => executor.runCpu(add, 1, 2), NotStartedError);
  await done;
  assertEquals(await accepted, "accepted");
});

Deno.test("Executor.shutdown({ cancelQueued }) rejects what has not begun", async () => {
  const executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const running = executor.runCpu(later, "ran", 50);
  const queued = [1, 2, 3].map((n) => executor.runCpu(add, n, n));
  const done = executor.shutdown({ cancelQueued: true });
  for (const result of queued) await assertRejects(() => result, ShutdownError, "before the task");
  assertEquals(executor.isRunning, false);
  await done;
  assertEquals(await running, "ran");
  assertEquals(executor.stats().cpu.cancelled, 3);
});

Deno.test("Executor.shutdown({ wait: false }) resolves at once and still finishes", async () => {
  const executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  let settled = 0;
  const results = [1, 2, 3].map((n) =>
    executor.runCpu(later, String(n), 20).finally(() => settled++)
  );
  await executor.shutdown({ wait: false });
  assertEquals(settled, 0);
  assertEquals(await Promise.all(results), ["1", "2", "3"]);
  await until(() => executor.stats().cpu.workers === 0);
  await executor.shutdown();
});

Deno.test("Executor.shutdown({ timeout }) terminates what still runs", async () => {
  const executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const running = executor.runCpu(later, "never", 60_000);
  const queued = executor.runCpu(add, 1, 2);
  const done = executor.shutdown({ timeout: 50 });
  await assertRejects(() => running, ShutdownError, "while the task ran");
  await assertRejects(() => queued, ShutdownError, "before the task began");
  await done;
  assertNoWorkers(executor);
  assertEquals(executor.stats().cpu.stuck, 0);
});

Deno.test("Executor.shutdown({ timeout }) gives up synchronous code", async () => {
  const executor = await Executor.start();
  const begun = Promise.withResolvers<void>();
  const running = executor.with({ onProgress: () => begun.resolve() }).runCpu(spin, 1_500);
  await begun.promise;
  const done = executor.shutdown({ timeout: 20 });
  await assertRejects(() => running, ShutdownError);
  await done;
  // A process is killed, and gone within 100 ms unless the machine is busy.
  if (isolation === "worker") assertEquals(executor.stats().cpu.stuck, 1);
  await until(() => executor.stats().cpu.stuck === 0);
});

Deno.test("Executor.shutdown({ timeout }) does not wait when there is nothing to wait for", async () => {
  const executor = await Executor.start();
  const begin = performance.now();
  await executor.shutdown({ timeout: 60_000 });
  assert(performance.now() - begin < 10_000);
});

Deno.test("Executor.shutdown() may be called concurrently, each call with its own patience", async () => {
  const executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const running = executor.runCpu(later, "never", 60_000);
  const queued = executor.runCpu(add, 1, 2);
  const patient = executor.shutdown();
  const cancelling = executor.shutdown({ cancelQueued: true });
  await assertRejects(() => queued, ShutdownError);
  const impatient = executor.shutdown({ timeout: 20 });
  await assertRejects(() => running, ShutdownError);
  await Promise.all([patient, cancelling, impatient]);
  assertNoWorkers(executor);
});

Deno.test("Executor.shutdown() before startup() does nothing", async () => {
  const executor = new Executor();
  await executor.shutdown();
  await executor.startup();
  assertEquals(await executor.runCpu(add, 1, 2), 3);
  await executor.shutdown();
});

Deno.test("Executor.shutdown() during startup() ends it", async () => {
  const executor = new Executor({ blocking: { minWorkers: 4 } });
  const starting = executor.startup();
  const stopping = executor.shutdown();
  await assertRejects(() => starting, ShutdownError);
  await stopping;
  assertEquals(executor.isRunning, false);
  assertNoWorkers(executor);
  await executor.startup();
  assertEquals(await executor.runCpu(add, 1, 2), 3);
  await executor.shutdown();
});

Deno.test("Executor.terminate() during startup() ends it", async () => {
  const executor = new Executor({ cpu: { permissions: "inherit" } });
  const starting = executor.startup();
  executor.terminate();
  await assertRejects(() => starting, ShutdownError);
  assertEquals(executor.isRunning, false);
  assertNoWorkers(executor);
});

Deno.test("Executor.terminate() ends startup() while a worker gets ready", async () => {
  const executor = new Executor({ blocking: { minWorkers: 2 } });
  const starting = executor.startup();
  await until(() => executor.stats().blocking.workers === 1);
  executor.terminate();
  await assertRejects(() => starting, ShutdownError, "while a worker started");
  assertNoWorkers(executor);
});

Deno.test("Executor.startup() right after terminate() during another one works", async () => {
  const executor = new Executor({ blocking: { minWorkers: 2 } });
  const first = executor.startup();
  executor.terminate();
  const second = executor.startup();
  await assertRejects(() => first, ShutdownError);
  await second;
  assertEquals(executor.isRunning, true);
  assertEquals(executor.stats().blocking.workers, 2);
  assertEquals(await executor.runCpu(add, 1, 2), 3);
  await executor.shutdown();
});

Deno.test("Executor.shutdown() finishes more tasks than there are workers", async () => {
  const executor = await Executor.start({ blocking: { maxWorkers: 2 } });
  const results = Array.from({ length: 40 }, (_, i) => executor.runBlocking(later, String(i), 5));
  await executor.shutdown();
  assertEquals(await Promise.all(results), Array.from({ length: 40 }, (_, i) => String(i)));
});

Deno.test("Executor.shutdown() may be called when a task completes", async () => {
  const executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const second = executor.runCpu(add, 1, 2).then(async (first) => {
    await executor.shutdown();
    return first;
  });
  const third = executor.runCpu(add, 2, 2);
  assertEquals([await second, await third], [3, 4]);
  assertNoWorkers(executor);
});

Deno.test("Executor.shutdown() ends while a worker crashes", async () => {
  const executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const crashing = executor.runCpu(() => self.close());
  const queued = executor.runCpu(add, 1, 2);
  const done = executor.shutdown();
  await assertRejects(() => crashing);
  assertEquals(await queued, 3);
  await done;
  assertNoWorkers(executor);
});

Deno.test("Executor.shutdown() ends after the last task was aborted", async () => {
  const executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const controller = new AbortController();
  const running = executor.with({ signal: controller.signal }).runCpu(later, "never", 60_000);
  const done = executor.shutdown();
  controller.abort(new Error("given up"));
  await assertRejects(() => running, Error, "given up");
  await done;
  assertNoWorkers(executor);
});

Deno.test("Executor.startup() works again after shutdown() and terminate()", async () => {
  const executor = new Executor({ blocking: { minWorkers: 1 } });
  for (let round = 0; round < 3; round++) {
    await executor.startup();
    assertEquals(await executor.runBlocking(add, round, 1), round + 1);
    if (round === 1) executor.terminate();
    else await executor.shutdown();
    assertNoWorkers(executor);
  }
});

Deno.test("Executor.startup() during a shutdown starts when that has ended", async () => {
  const executor = await Executor.start();
  const accepted = executor.runCpu(later, "finished", 50);
  const stopped = executor.shutdown();
  await executor.startup();
  assertEquals(await accepted, "finished");
  assertEquals(executor.isRunning, true);
  await stopped;
  assertEquals(await executor.runCpu(add, 1, 2), 3);
  await executor.shutdown();
});

Deno.test("Executor.shutdown() during a startup() that waits still finishes what was accepted", async () => {
  const executor = await Executor.start();
  const accepted = executor.runCpu(later, "finished", 50);
  const stopped = executor.shutdown();
  const starting = executor.startup();
  const stoppedAgain = executor.shutdown();
  await assertRejects(() => starting, ShutdownError, "while it started");
  assertEquals(await accepted, "finished");
  await Promise.all([stopped, stoppedAgain]);
  assertNoWorkers(executor);
});

Deno.test("Executor.terminate() rejects what waits and what runs, at once", async () => {
  const executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const running = executor.runCpu(later, "never", 60_000);
  const queued = executor.runCpu(add, 1, 2);
  executor.terminate();
  assertEquals(executor.isRunning, false);
  assertNoWorkers(executor);
  await assertRejects(() => running, ShutdownError, "while the task ran");
  await assertRejects(() => queued, ShutdownError, "before the task began");
  await assertRejects(() => executor.runCpu(add, 1, 2), NotStartedError);
  executor.terminate();
  await executor.shutdown();
});

Deno.test("Executor.terminate() ends a shutdown that waits", async () => {
  const executor = await Executor.start();
  const running = executor.runCpu(later, "never", 60_000);
  const done = executor.shutdown();
  executor.terminate();
  await assertRejects(() => running, ShutdownError);
  await done;
});

Deno.test("Executor.shutdown() leaves no timer behind", {
  sanitizeOps: true,
  sanitizeResources: true,
}, async () => {
  const executor = await Executor.start({ blocking: { minWorkers: 2 } });
  await executor.with({ timeout: 60_000 }).runCpu(add, 1, 2);
  await Promise.all(Array.from({ length: 20 }, () => executor.runBlocking(later, "x", 5)));
  await executor.shutdown();
});

Deno.test("Executor.terminate() called by a getter of an argument leaves no promise pending", async () => {
  const executor = await Executor.start();
  const hostile = {
    get trap() {
      executor.terminate();
      return 1;
    },
  };
  await assertRejects(() => executor.runCpu((value: unknown) => value, hostile), ShutdownError);
  await executor.shutdown();
});

Deno.test("Executor.terminate() called by a getter of one of many leaves no promise pending", async () => {
  for (const fails of [false, true]) {
    const executor = await Executor.start({ cpu: { maxWorkers: 1 } });
    const identity = (value: unknown) => value;
    for (let n = 0; n < 300; n++) await executor.runCpu(identity, { n });
    const hostile = {
      get trap() {
        executor.terminate();
        if (fails) throw new Error("from a getter");
        return 1;
      },
    };
    const results = await Promise.allSettled(
      Array.from({ length: 100 }, (_, n) => executor.runCpu(identity, n === 50 ? hostile : { n })),
    );
    const reasons = results.flatMap((one) => one.status === "rejected" ? [one.reason] : []);
    assert(reasons.length >= 50 && reasons.every((reason) => reason instanceof ShutdownError));
    await executor.shutdown();
  }
});
