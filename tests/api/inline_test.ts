import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import {
  Executor,
  NotCloneableError,
  ShutdownError,
  type TaskContext,
  TaskNotFoundError,
  tasksFrom,
  transfer,
  WorkerStartError,
} from "@genro/executor";

const { add, countCalls, exceed, later } = tasksFrom(
  import.meta,
  () => import("../fixtures/tasks.ts"),
);

Deno.test("Executor({ inline }) runs tasks in this thread", async () => {
  await using executor = await Executor.start({ inline: true });
  (globalThis as { here?: number }).here = 42;
  const here = () => (globalThis as { here?: number }).here;
  assertEquals(await executor.runCpu(here), 42);
  assertEquals(await executor.runBlocking(here), 42);
  assertEquals(await executor.runCpu(add, 1, 2), 3);
  assertEquals(await executor.runCpu(countCalls), 1);
  assertEquals(await executor.runBlocking(countCalls), 2);
});

Deno.test("Executor({ inline }) copies arguments and results", async () => {
  await using executor = await Executor.start({ inline: true });
  const sent = { list: [1, 2, 3] };
  const received = await executor.runCpu((value: typeof sent) => {
    value.list.push(4);
    return value;
  }, sent);
  assertEquals([sent.list.length, received.list.length], [3, 4]);
  await assertRejects(() => executor.runCpu((f: unknown) => f, () => 1), NotCloneableError);
  await assertRejects(() => executor.runCpu(() => new Headers()), NotCloneableError);
});

Deno.test("Executor({ inline }) moves what is transferred", async () => {
  await using executor = await Executor.start({ inline: true });
  const bytes = new Uint8Array(10);
  const back = await executor.runCpu(
    function (this: TaskContext, bytes: Uint8Array<ArrayBuffer>) {
      return this.transfer(bytes, [bytes.buffer]);
    },
    transfer(bytes, [bytes.buffer]),
  );
  assertEquals([bytes.length, back.length], [0, 10]);
});

Deno.test("Executor({ inline }) rejects with the same errors", async () => {
  await using executor = await Executor.start({ inline: true });
  async function theCaller() {
    return await executor.runCpu(exceed, 5);
  }
  const error = await assertRejects(theCaller) as Error & { quota: number };
  assertStrictEquals(Object.getPrototypeOf(error), Error.prototype);
  assertEquals([error.name, error.quota], ["QuotaError", 5]);
  assertMatch(error.stack!, /exceed .*fixtures\/tasks\.ts:\d+/);
  assertMatch(error.stack!, /async theCaller/);
  await assertRejects(() => executor.runCpu(Math.max, 1), TaskNotFoundError);
  const outside = 1;
  const hidden = await assertRejects(() => executor.runCpu(() => outside), ReferenceError);
  assert(hidden.message.includes("by its source"));
});

Deno.test("Executor({ inline }) keeps to maxWorkers, order and stats", async () => {
  await using executor = await Executor.start({ inline: true, blocking: { maxWorkers: 2 } });
  let most = 0;
  const order: string[] = [];
  await Promise.all(["a", "b", "c", "d"].map(async (name) => {
    order.push(await executor.runBlocking(later, name, 30));
    most = Math.max(most, executor.stats().blocking.busy);
  }));
  assertEquals(order, ["a", "b", "c", "d"]);
  assert(most <= 2);
  assertEquals(executor.stats().blocking.completed, 4);
});

Deno.test("Executor({ inline }) aborts and times out", async () => {
  await using executor = await Executor.start({ inline: true, cpu: { maxWorkers: 1 } });
  let reason: unknown;
  (globalThis as { aborted?: (reason: unknown) => void }).aborted = (why) => reason = why;
  const error = await assertRejects(
    () =>
      executor.with({ timeout: 20 }).runCpu(async function (this: TaskContext) {
        await new Promise((resolve) => this.signal.addEventListener("abort", resolve));
        (globalThis as { aborted?: (reason: unknown) => void }).aborted!(this.signal.reason);
      }),
    DOMException,
  );
  assertEquals(error.name, "TimeoutError");
  assertEquals(await executor.runCpu(add, 1, 2), 3);
  assertInstanceOf(reason, DOMException);
});

Deno.test("Executor({ inline }) gives up a task that does not end", async () => {
  const executor = await Executor.start({ inline: true, cpu: { maxWorkers: 1 } });
  await assertRejects(
    () => executor.with({ timeout: 10 }).runCpu(later, "late", 400),
    DOMException,
  );
  assertEquals(await executor.runCpu(add, 1, 2), 3);
  assertEquals(executor.stats().cpu.stuck, 1);
  await executor.runCpu(later, "meanwhile", 500);
  assertEquals(executor.stats().cpu.stuck, 0);
  const running = executor.runCpu(later, "never", 1_000);
  executor.terminate();
  await assertRejects(() => running, ShutdownError);
  await executor.shutdown();
});

Deno.test("Executor({ inline }) starts without Worker, and nothing else does", async () => {
  const OriginalWorker = Worker;
  // deno-lint-ignore no-explicit-any -- a platform without Worker
  delete (globalThis as any).Worker;
  try {
    const error = await assertRejects(() => Executor.start(), WorkerStartError);
    assert(error.message.includes("inline: true"), error.message);
    await assertRejects(
      () => Executor.start({ cpu: { permissions: "inherit" } }),
      WorkerStartError,
      "inline: true",
    );
    await using executor = await Executor.start({ inline: true });
    assertEquals(await executor.runCpu(add, 1, 2), 3);
  } finally {
    globalThis.Worker = OriginalWorker;
  }
});

Deno.test("Executor({ inline }) refuses permissions that it cannot withhold", async () => {
  for (const permissions of ["none", { read: false }] as const) {
    const executor = new Executor({ inline: true, cpu: { permissions } });
    await assertRejects(() => executor.startup(), WorkerStartError, "inline");
    assertEquals(executor.isRunning, false);
  }
  await using executor = await Executor.start({ inline: true, cpu: { permissions: "inherit" } });
  assertEquals(executor.isRunning, true);
});

Deno.test("Executor({ inline }) that is terminated before its worker is there tells of no other end", async () => {
  const executor = await Executor.start({ inline: true });
  const told: string[] = [];
  for (const type of ["workerback", "workercrash", "workererror"] as const) {
    executor.addEventListener(type, () => told.push(type));
  }
  const task = executor.runBlocking(() => 1);
  executor.terminate();
  await assertRejects(() => task, ShutdownError);
  await executor.startup();
  assertEquals(await executor.runCpu(add, 1, 2), 3);
  await executor.shutdown();
  assertEquals(told, []);
});
