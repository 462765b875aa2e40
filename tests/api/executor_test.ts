import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import {
  Executor,
  type ExecutorEvent,
  getExecutor,
  isolation,
  NotStartedError,
  type Task,
  type TaskFunction,
  tasksFrom,
} from "../support/isolation.ts";
import { Executor as Plain } from "@genro/executor";

const { add, greet, later } = tasksFrom(import.meta, () => import("../fixtures/tasks.ts"));

Deno.test("Executor starts and stops", async () => {
  const executor = new Executor();
  assertEquals(executor.isRunning, false);
  await executor.startup();
  assertEquals(executor.isRunning, true);
  await executor.shutdown();
  assertEquals(executor.isRunning, false);
});

Deno.test("Executor.startup() is idempotent", async () => {
  await using executor = new Executor();
  await Promise.all([executor.startup(), executor.startup()]);
  await executor.startup();
  assertEquals(executor.isRunning, true);
  assertEquals(executor.stats().cpu.workers, 1);
});

Deno.test("Executor.shutdown() is idempotent", async () => {
  const executor = await Executor.start();
  await executor.shutdown();
  await executor.shutdown();
  assertEquals(executor.isRunning, false);
});

Deno.test("Executor.start() returns a running executor", async () => {
  await using executor = await Executor.start();
  assertEquals(executor.isRunning, true);
});

Deno.test("Executor.runBlocking() runs a simple call", async () => {
  await using executor = await Executor.start();
  assertEquals(await executor.runBlocking((n: number) => n * 2, 21), 42);
});

Deno.test("Executor.runCpu() runs a simple call", async () => {
  await using executor = await Executor.start();
  assertEquals(await executor.runCpu((n: number) => n * 2, 21), 42);
});

Deno.test("Executor.run*() pass many arguments", async () => {
  await using executor = await Executor.start();
  const join = (a: number, b: string, c: boolean, d: null, e?: string) =>
    [a, b, c, d, e].map(String).join();
  assertEquals(await executor.runBlocking(join, 1, "b", true, null), "1,b,true,null,undefined");
  assertEquals(await executor.runCpu(join, 1, "b", true, null, "e"), "1,b,true,null,e");
});

Deno.test("Executor.run*() pass an options object", async () => {
  await using executor = await Executor.start();
  assertEquals(await executor.runBlocking(greet, "Hello", { name: "Ada" }), "Hello, Ada.");
  assertEquals(await executor.runCpu(greet, "Hi", { name: "Bob", excited: true }), "Hi, Bob!");
});

Deno.test("Executor.runBlocking() does real file I/O", async () => {
  await using executor = await Executor.start();
  const path = await Deno.makeTempFile();
  try {
    await executor.runBlocking(
      (path: string, text: string) => Deno.writeTextFileSync(path, text),
      path,
      "written in a worker",
    );
    const text = await executor.runBlocking((path: string) => Deno.readTextFileSync(path), path);
    assertEquals(text, "written in a worker");
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("Executor.run*() reject before startup() and after shutdown()", async () => {
  const executor = new Executor();
  const calls = [() => executor.runBlocking(add, 1, 2), () => executor.runCpu(add, 1, 2)];
  for (const call of calls) {
    const error = await assertRejects(call, NotStartedError);
    assertEquals(error.message, "Executor not started. Call startup() first.");
  }
  await executor.startup();
  assertEquals(await Promise.all(calls.map((call) => call())), [3, 3]);
  await executor.shutdown();
  for (const call of calls) await assertRejects(call, NotStartedError);
});

Deno.test("Executor.run*() pass a task's exception on", async () => {
  await using executor = await Executor.start();
  const fail = (message: string) => {
    throw new TypeError(message);
  };
  for (const run of [executor.runBlocking, executor.runCpu]) {
    await assertRejects(() => run.call(executor, fail, "no good"), TypeError, "no good");
  }
});

Deno.test("Executor.runCpu() sums a million numbers", async () => {
  await using executor = await Executor.start();
  const sum = await executor.runCpu((n: number) => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += i;
    return sum;
  }, 1_000_000);
  assertEquals(sum, 499_999_500_000);
});

Deno.test("Executor.runBlocking() runs blocking tasks in parallel", async () => {
  await using executor = await Executor.start({ blocking: { minWorkers: 4 } });
  const sleep = (ms: number) => {
    const [started, ended] = [performance.timeOrigin + performance.now(), 0];
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    return [started, ended + performance.timeOrigin + performance.now()];
  };
  const spans = await Promise.all(
    [1_000, 1_000, 1_000, 1_000].map((ms) => executor.runBlocking(sleep, ms)),
  );
  // All had begun before the first one ended.
  const lastStart = Math.max(...spans.map(([start]) => start!));
  const firstEnd = Math.min(...spans.map(([, end]) => end!));
  assert(lastStart < firstEnd);
});

Deno.test("getExecutor() returns one instance, not started", () => {
  const executor = getExecutor();
  assertInstanceOf(executor, Plain);
  assertStrictEquals(getExecutor(), executor);
  assertEquals(executor.isRunning, false);
});

Deno.test("Executor is shut down at the end of an `await using` block", async () => {
  let outside: Executor;
  let result: Promise<string>;
  {
    await using executor = await Executor.start();
    outside = executor;
    result = executor.runBlocking(later, "done", 50);
  }
  assertEquals(outside.isRunning, false);
  assertEquals(outside.stats().blocking.workers, 0);
  assertEquals(await result, "done");
});

Deno.test("Executor is shut down when an `await using` block throws", async () => {
  let outside: Executor | undefined;
  let result: Promise<string> | undefined;
  await assertRejects(
    async () => {
      await using executor = await Executor.start();
      outside = executor;
      result = executor.runBlocking(later, "done", 50);
      throw new Error("left by a throw");
    },
    Error,
    "left by a throw",
  );
  assertEquals(outside!.isRunning, false);
  assertEquals(await result, "done");
});

Deno.test("Executor is terminated at the end of a `using` block", async () => {
  let outside: Executor;
  let result: Promise<string>;
  {
    using executor = new Executor();
    await executor.startup();
    outside = executor;
    result = executor.runBlocking(later, "too late", 60_000);
  }
  assertEquals(outside.isRunning, false);
  await assertRejects(() => result, Error, "terminated");
  // Until its worker is gone.
  await outside.shutdown();
});

Deno.test("Executor is terminated when a `using` block throws", async () => {
  let outside: Executor | undefined;
  let result: Promise<string> | undefined;
  await assertRejects(
    async () => {
      using executor = new Executor();
      await executor.startup();
      outside = executor;
      result = executor.runBlocking(later, "too late", 60_000).catch((error) => error.message);
      throw new Error("left by a throw");
    },
    Error,
    "left by a throw",
  );
  assert((await result)!.startsWith("The executor was terminated"));
  await outside!.shutdown();
});

Deno.test("Executor.stats() counts what there is and what happened", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const none = {
    workers: 0,
    idle: 0,
    busy: 0,
    stuck: 0,
    queued: 0,
    completed: 0,
    failed: 0,
    cancelled: 0,
    crashed: 0,
    queueTime: { p50: 0, p95: 0, p99: 0 },
    runTime: { p50: 0, p95: 0, p99: 0 },
  };
  const one = { ...none, workers: 1, idle: 1 };
  assertEquals(executor.stats(), { blocking: isolation === "process" ? one : none, cpu: one });
  const results = [1, 2, 3].map((n) => executor.runCpu(add, n, n));
  const { workers, idle, busy, queued } = executor.stats().cpu;
  assertEquals({ workers, idle, busy, queued }, { workers: 1, idle: 0, busy: 1, queued: 2 });
  await Promise.all(results);
  await assertRejects(() =>
    executor.runCpu(() => {
      throw 1;
    })
  );
  await assertRejects(() => executor.with({ signal: AbortSignal.abort() }).runCpu(add, 1, 1));
  await assertRejects(() => executor.runCpu(() => self.close()));
  const { completed, failed, cancelled, crashed } = executor.stats().cpu;
  assertEquals(
    { completed, failed, cancelled, crashed },
    { completed: 3, failed: 2, cancelled: 1, crashed: 1 },
  );
});

for (const isInline of [false, true]) {
  Deno.test(`Executor's methods work without it${isInline ? ", inline" : ""}`, async () => {
    class Counted extends Executor {
      calls = 0;
      override runCpu<F extends TaskFunction>(
        task: F | Task<F>,
        ...args: Parameters<F>
      ): Promise<Awaited<ReturnType<F>>> {
        this.calls++;
        return super.runCpu(task, ...args);
      }
    }
    const double = (n: number) => n * 2;
    function* upTo(n: number) {
      for (let i = 1; i <= n; i++) yield i;
    }
    const executor = new Counted(isInline ? { inline: true } : { blocking: { maxWorkers: 1 } });
    const { runBlocking, runCpu, mapBlocking, mapCpu, streamBlocking, streamCpu } = executor;
    const { startup, shutdown, terminate, stats, addEventListener, removeEventListener } = executor;
    const started: string[] = [];
    const onStart = ({ pool }: ExecutorEvent) => started.push(pool);
    addEventListener("workerstart", onStart);
    await startup();
    for (const run of [runBlocking, runCpu]) assertEquals(await run(double, 2), 4);
    assertEquals(await Promise.all([1, 2].map((n) => runCpu(double, n))), [2, 4]);
    for (const map of [mapBlocking, mapCpu]) {
      assertEquals(await Array.fromAsync(map(double, [1, 2])), [2, 4]);
    }
    for (const stream of [streamBlocking, streamCpu]) {
      assertEquals(await Array.fromAsync(stream(upTo, 2)), [1, 2]);
    }
    const { with: bind } = executor;
    const { runCpu: runInTime } = bind({ timeout: 10_000 });
    assertEquals(await runInTime(double, 2), 4);
    assertEquals(stats().cpu.completed, 7);
    assertEquals(executor.calls, 3);
    assertEquals(started.toSorted(), ["blocking", "cpu"]);
    removeEventListener("workerstart", onStart);
    await shutdown();
    terminate();
    assertEquals(executor.isRunning, false);
    // Nothing of it shows.
    assertEquals(Object.keys(new Executor()), []);
  });
}
