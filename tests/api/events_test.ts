import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  Executor,
  ExecutorEvent,
  type ExecutorEventType,
  QueueFullError,
  tasksFrom,
  testOfWorkers,
  WorkerStartError,
} from "../support/isolation.ts";
import { until } from "../support/waiting.ts";

const { add, later } = tasksFrom(import.meta, () => import("../fixtures/tasks.ts"));

const types: ExecutorEventType[] = [
  "workerstart",
  "workerretire",
  "workererror",
  "workercrash",
  "workerstuck",
  "workerback",
  "queuefull",
];

/** What an executor tells, as it tells it. */
function listen(executor: Executor): string[] {
  const told: string[] = [];
  for (const type of types) {
    executor.addEventListener(type, ({ type, pool, worker }) => {
      told.push(`${pool} ${type} ${worker}`);
    });
  }
  return told;
}

testOfWorkers("Executor tells when its workers start and retire", async () => {
  const executor = new Executor({ cpu: { minWorkers: 2 }, blocking: { idleTimeout: 0 } });
  const told = listen(executor);
  await executor.startup();
  assertEquals(told, ["cpu workerstart 1", "cpu workerstart 2"]);
  await executor.runBlocking(add, 1, 2);
  await until(() => told.length === 4);
  assertEquals(told.slice(2), ["blocking workerstart 1", "blocking workerretire 1"]);
  await executor.shutdown();
  assertEquals(told.slice(4), ["cpu workerretire 1", "cpu workerretire 2"]);
});

Deno.test("Executor tells of a crash, and what the worker died of", async () => {
  await using executor = await Executor.start({ cpu: { minWorkers: 1, maxWorkers: 1 } });
  const told = listen(executor);
  const causes: unknown[] = [];
  executor.addEventListener("workercrash", (event) => {
    assert(event instanceof ExecutorEvent);
    causes.push(event.cause);
  });
  await assertRejects(() =>
    executor.runCpu(() => {
      Promise.reject(new RangeError("left behind"));
      return new Promise(() => {});
    })
  );
  await until(() => told.length === 2);
  assertEquals(told, ["cpu workercrash 1", "cpu workerstart 2"]);
  assert(causes[0] instanceof RangeError, String(causes[0]));
});

Deno.test("Executor tells of a worker that cannot be started, and why", async () => {
  const blocking = { minWorkers: 1, isolation: "worker" } as const;
  await using executor = await Executor.start({ blocking });
  const told = listen(executor);
  const causes: unknown[] = [];
  executor.addEventListener("workererror", ({ cause }) => causes.push(cause));
  const OriginalWorker = Worker;
  try {
    globalThis.Worker = class {
      constructor() {
        throw new Error("no more threads");
      }
    } as unknown as typeof Worker;
    await executor.runBlocking(() => self.close()).catch(() => {});
    await until(() => told.length >= 2);
  } finally {
    globalThis.Worker = OriginalWorker;
  }
  assertEquals(told.slice(0, 2), ["blocking workercrash 1", "blocking workererror 2"]);
  assert(causes[0] instanceof WorkerStartError);
  assert(causes[0].message.includes("no more threads"), causes[0].message);
  assertEquals(await executor.runBlocking(add, 1, 2), 3);
});

testOfWorkers("Executor tells of a worker that is stuck, and when it is back", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const told = listen(executor);
  const flag = new Int32Array(new SharedArrayBuffer(4));
  const stuck = executor.with({ timeout: 20 }).runCpu((flag: Int32Array) => {
    while (Atomics.load(flag, 0) === 0);
  }, flag);
  await assertRejects(() => stuck, DOMException, "timed out");
  await until(() => told.length === 1);
  assertEquals(told, ["cpu workerstuck 1"]);
  assertEquals(await executor.runCpu(add, 1, 2), 3);
  Atomics.store(flag, 0, 1);
  await until(() => told.length === 3);
  assertEquals(told, ["cpu workerstuck 1", "cpu workerstart 2", "cpu workerback 1"]);
});

Deno.test("Executor tells that a queue is full, once until it is not", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1, maxQueue: 1 } });
  const told = listen(executor);
  for (let time = 1; time <= 2; time++) {
    const accepted = [1, 2].map(() => executor.runCpu(later, "", 20));
    for (let i = 0; i < 3; i++) {
      await assertRejects(() => executor.runCpu(later, "", 0), QueueFullError);
    }
    assertEquals(told, Array(time).fill("cpu queuefull 0"));
    await Promise.all(accepted);
  }
});

Deno.test("Executor is not harmed by a listener that ends it", async () => {
  const executor = new Executor({ cpu: { minWorkers: 2, maxWorkers: 2 } });
  executor.addEventListener("workerstart", () => executor.terminate());
  await assertRejects(() => executor.startup());
  await executor.shutdown();
  assertEquals([executor.isRunning, executor.stats().cpu.workers], [false, 0]);
});

Deno.test("Executor.stats() say how long tasks waited and ran", async () => {
  await using executor = await Executor.start({ blocking: { maxWorkers: 1 } });
  const zero = { p50: 0, p95: 0, p99: 0 };
  const before = executor.stats();
  assertEquals(before.blocking.runTime, zero);
  assertEquals(before.cpu.queueTime, zero);
  // The first waits for its worker, each other one for those before it.
  await Promise.all(Array.from({ length: 8 }, () => executor.runBlocking(later, "", 30)));
  const { queueTime, runTime } = executor.stats().blocking;
  // A timer may fire a millisecond early, and what is said is within a tenth.
  assert(runTime.p50 >= 27 && runTime.p99 >= runTime.p95, Deno.inspect(runTime));
  assert(queueTime.p50 >= 3 * 27 && queueTime.p99 >= 7 * 27, Deno.inspect(queueTime));
  assert(queueTime.p50 <= queueTime.p99 * 0.8, Deno.inspect(queueTime));
  assertEquals(executor.stats().cpu.runTime, zero);
});

Deno.test("Executor.stats() weigh the tasks of a burst as many as they are", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1, minWorkers: 1 } });
  await executor.runCpu(later, "", 1);
  for (let i = 0; i < 200; i++) await executor.runCpu(add, 1, 1);
  // They did not wait. Of these, all but the first do, and there are ten times as many.
  const first = executor.runCpu(later, "", 50);
  await Promise.all([first, ...Array.from({ length: 2_000 }, () => executor.runCpu(add, 1, 1))]);
  const { queueTime, runTime } = executor.stats().cpu;
  assert(queueTime.p50 >= 45, Deno.inspect(queueTime));
  assert(runTime.p99 < 45, Deno.inspect(runTime));
});
