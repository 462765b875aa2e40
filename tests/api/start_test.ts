import { assert, assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { Executor, tasksFrom, WorkerCrashedError, WorkerStartError } from "@genro/executor";
import { until } from "../support/waiting.ts";

Deno.test("Pool waits for a worker that starts while a test's time passes", async () => {
  // A worker is ready when the modules it lists are there, and this one takes its time.
  const delivered = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async () => {
    asked.resolve();
    await delivered.promise;
    return new Response("export const answer = () => 42;", {
      headers: { "Content-Type": "text/javascript" },
    });
  });
  try {
    await using executor = await Executor.start({ cpu: { permissions: "inherit" } });
    const module = `http://127.0.0.1:${server.addr.port}/${crypto.randomUUID()}.js`;
    const { answer } = tasksFrom<{ answer(): number }>(module);
    const failed: unknown[] = [];
    executor.addEventListener("workererror", ({ cause }) => failed.push(cause));
    using time = new FakeTime();
    const answers = [executor.runCpu(answer), executor.runCpu(answer)];
    await asked.promise;
    time.tick(60_000);
    delivered.resolve();
    assertEquals(await Promise.all(answers), [42, 42]);
    assertEquals(failed, []);
  } finally {
    delivered.resolve();
    await server.shutdown();
  }
});

/** Has every worker that is started from now on die of an error, until it is disposed of. */
function breakWorkers() {
  const { Worker } = globalThis;
  const attempts: number[] = [];
  globalThis.Worker = class extends Worker {
    constructor(url: string | URL, options?: WorkerOptions) {
      attempts.push(performance.now());
      super(`data:text/javascript,throw new Error("out of order"); // ${url}`, options);
    }
  };
  return { attempts, [Symbol.dispose]: () => void (globalThis.Worker = Worker) };
}

Deno.test("Pool rejects what needs a worker while none starts, ever more slowly, and recovers", async () => {
  await using executor = await Executor.start({ blocking: { maxWorkers: 2 } });
  const call = () => executor.runBlocking(() => 42);
  {
    using broken = breakWorkers();
    const deadline = performance.now() + 30_000;
    while (broken.attempts.length < 5 && performance.now() < deadline) {
      await assertRejects(call, WorkerStartError, "out of order");
    }
    const gaps = broken.attempts.slice(1).map((at, i) => at - broken.attempts[i]!);
    // From 15 to 30 ms, from 30 to 60, …; how long an attempt takes comes on top.
    assert(gaps.length >= 4 && gaps.every((gap, i) => gap >= 15 * 2 ** i), `after ${gaps} ms`);
  }
  assertEquals(await call(), 42);
  assertEquals(executor.stats().blocking.workers, 1);
});

Deno.test("Pool goes on with the workers it has while others do not start", async () => {
  await using executor = await Executor.start({ blocking: { minWorkers: 1, maxWorkers: 3 } });
  using broken = breakWorkers();
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  await Promise.all(Array.from({ length: 20 }, () => executor.runBlocking(pause, 50)));
  assert(broken.attempts.length > 0);
  assertEquals(executor.stats().blocking.workers, 1);
});

Deno.test("Pool rejects what only a new worker could run while none starts", async () => {
  await using executor = await Executor.start({ blocking: { minWorkers: 1, maxWorkers: 3 } });
  const known = () => executor.runBlocking(() => "known");
  const module = `data:text/javascript,export const fresh = () => "fresh"; // ${Math.random()}`;
  const { fresh } = tasksFrom<{ fresh(): string }>(module);
  {
    using _broken = breakWorkers();
    const results = await Promise.allSettled([known(), executor.runBlocking(fresh), known()]);
    assertEquals(results.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
    const { reason } = results[1] as PromiseRejectedResult;
    assert(reason instanceof WorkerStartError && reason.message.includes("out of order"));
  }
  assertEquals(await executor.runBlocking(fresh), "fresh");
});

Deno.test("Pool gets its minWorkers back when the cause is gone, without being asked", async () => {
  await using executor = await Executor.start({ blocking: { minWorkers: 2 } });
  {
    using broken = breakWorkers();
    await assertRejects(() => executor.runBlocking(() => Deno.exit()), WorkerCrashedError);
    await until(() => broken.attempts.length === 3);
    assertEquals(executor.stats().blocking.idle, 1);
  }
  await until(() => executor.stats().blocking.idle === 2);
});

Deno.test("Executor.startup() rejects when a worker dies while it starts, and leaves nothing", async () => {
  const executor = new Executor({ blocking: { minWorkers: 2 } });
  {
    using _broken = breakWorkers();
    await assertRejects(() => executor.startup(), WorkerStartError, "out of order");
    assertEquals(executor.stats().blocking.workers, 0);
    assertEquals(executor.isRunning, false);
  }
  await executor.startup();
  assertEquals(executor.stats().blocking.idle, 2);
  await executor.shutdown();
});
