import { assert, assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { Executor, QueueFullError, tasksFrom, testOfWorkers } from "../support/isolation.ts";
import { until } from "../support/waiting.ts";

const { add, countCalls, later } = tasksFrom(import.meta, () => import("../fixtures/tasks.ts"));

/** Blocks its worker until the flag is set. */
function waitFor(flag: Int32Array): void {
  Atomics.wait(flag, 0, 0);
}

function release(flag: Int32Array): void {
  Atomics.store(flag, 0, 1);
  Atomics.notify(flag, 0);
}

function newFlag(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4));
}

testOfWorkers("Pool starts no worker before there is a task", async () => {
  await using executor = await Executor.start();
  assertEquals(executor.stats().blocking.workers, 0);
  await executor.runBlocking(add, 1, 2);
  assertEquals(executor.stats().blocking.workers, 1);
});

Deno.test("Pool starts minWorkers in startup()", async () => {
  await using executor = await Executor.start({ blocking: { minWorkers: 3, maxWorkers: 5 } });
  assertEquals(executor.stats().blocking.idle, 3);
});

Deno.test("Pool never has more than maxWorkers", async () => {
  await using executor = await Executor.start({ blocking: { maxWorkers: 2 } });
  let most = 0;
  const results = Array.from({ length: 12 }, async () => {
    await executor.runBlocking(later, "0", 20);
    most = Math.max(most, executor.stats().blocking.workers);
  });
  await Promise.all(results);
  assertEquals(most, 2);
});

Deno.test("Pool runs waiting tasks first in, first out", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const order: number[] = [];
  await Promise.all(
    Array.from({ length: 500 }, async (_, i) => order.push(await executor.runCpu(add, i, 0))),
  );
  assertEquals(order, Array.from({ length: 500 }, (_, i) => i));
});

Deno.test("Pool gives a task to the idle worker that was used last", async () => {
  await using executor = await Executor.start({ blocking: { minWorkers: 3 } });
  assertEquals(executor.stats().blocking.idle, 3);
  for (let call = 1; call <= 10; call++) {
    assertEquals(await executor.runBlocking(countCalls), call);
  }
});

testOfWorkers("Pool ends workers that were idle for idleTimeout, down to minWorkers", async () => {
  await using executor = await Executor.start({ blocking: { minWorkers: 1, maxWorkers: 3 } });
  using time = new FakeTime();
  const flag = newFlag();
  const blocked = [1, 2, 3].map(() => executor.runBlocking(waitFor, flag));
  await until(() => executor.stats().blocking.busy === 3, Infinity);
  release(flag);
  await Promise.all(blocked);
  assertEquals(executor.stats().blocking.idle, 3);
  time.tick(9_999);
  assertEquals(executor.stats().blocking.workers, 3);
  time.tick(1);
  assertEquals(executor.stats().blocking.workers, 1);
  time.tick(60_000);
  assertEquals(executor.stats().blocking.workers, 1);
});

Deno.test("Pool keeps a worker that was used within idleTimeout", async () => {
  using time = new FakeTime();
  await using executor = await Executor.start({ cpu: { idleTimeout: 100 } });
  assertEquals(await executor.runCpu(countCalls), 1);
  for (let call = 2; call <= 5; call++) {
    time.tick(99);
    assertEquals(await executor.runCpu(countCalls), call);
  }
  time.tick(100);
  assertEquals(executor.stats().cpu.workers, 0);
  assertEquals(await executor.runCpu(countCalls), 1);
});

Deno.test("Pool ends idle workers though the clock was set back", async () => {
  await using executor = await Executor.start({ blocking: { idleTimeout: 50 } });
  const { now } = Date;
  try {
    await executor.runBlocking(countCalls);
    Date.now = () => now() - 3_600_000;
    await until(() => executor.stats().blocking.workers === 0);
    // One that became idle by a clock that is then set back once more.
    await executor.runBlocking(countCalls);
    Date.now = () => now() - 7_200_000;
    await until(() => executor.stats().blocking.workers === 0);
  } finally {
    Date.now = now;
  }
});

Deno.test("Pool starts no worker for a burst of short tasks that it keeps up with", async () => {
  await using executor = await Executor.start({ blocking: { minWorkers: 1 } });
  for (let burst = 0; burst < 5; burst++) {
    await Promise.all(Array.from({ length: 100 }, (_, i) => executor.runBlocking(add, i, 1)));
  }
  // On a machine that stalls the worker for a while a second one is right; one a task never is.
  const { workers } = executor.stats().blocking;
  assert(workers <= 3, `${workers} workers`);
});

/** Records in which turn of the event loop each worker is started. */
function recordStarts(): Disposable & { turns: number[] } {
  const OriginalWorker = Worker;
  const turns: number[] = [];
  let turn = 0;
  const timer = setInterval(() => turn++, 0);
  globalThis.Worker = class extends OriginalWorker {
    constructor(...args: ConstructorParameters<typeof Worker>) {
      super(...args);
      turns.push(turn);
    }
  };
  return {
    turns,
    [Symbol.dispose]() {
      globalThis.Worker = OriginalWorker;
      clearInterval(timer);
    },
  };
}

/** Records how many workers get ready at the same time, each for half a second at least. */
function recordRising(): Disposable & { most: number } {
  const OriginalWorker = Worker;
  const record = { most: 0, [Symbol.dispose]: () => void (globalThis.Worker = OriginalWorker) };
  const pause = "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)),0,0,500);";
  let rising = 0;
  globalThis.Worker = class extends OriginalWorker {
    constructor(url: string | URL, options?: WorkerOptions) {
      super(String(url).replace("data:text/javascript,", (start) => start + pause), options);
      record.most = Math.max(record.most, ++rising);
      this.addEventListener("message", () => rising--, { once: true });
    }
  };
  return record;
}

testOfWorkers(
  "Pool grows to its full size for a burst of long tasks, a worker at a time",
  async () => {
    await using executor = await Executor.start();
    using starts = recordStarts();
    const flag = newFlag();
    const blocked = Array.from({ length: 40 }, () => executor.runBlocking(waitFor, flag));
    try {
      // Four seconds each are enough on a machine that is slow, or shared with others.
      await until(() => executor.stats().blocking.busy === 40, 160_000);
    } finally {
      release(flag);
    }
    await Promise.all(blocked);
    assertEquals(starts.turns.length, 40);
    assertEquals(new Set(starts.turns).size, 40);
  },
);

testOfWorkers(
  "Pool makes the next worker while the latest gets ready, but not more than wait",
  async () => {
    await using executor = await Executor.start({ blocking: { minWorkers: 1 } });
    using rising = recordRising();
    const flag = newFlag();
    const blocked = Array.from({ length: 8 }, () => executor.runBlocking(waitFor, flag));
    try {
      await until(() => executor.stats().blocking.busy === 8, 40_000);
    } finally {
      release(flag);
    }
    await Promise.all(blocked);
    const { most } = rising;
    assert(most > 1 && most <= 3, `${most} workers got ready at the same time`);
    assertEquals(executor.stats().blocking.workers, 8);
  },
);

testOfWorkers("Pools start their workers one at a time, together", async () => {
  using starts = recordStarts();
  await using one = await Executor.start();
  await using two = await Executor.start();
  await Promise.all([one.runBlocking(add, 1, 1), two.runBlocking(add, 1, 1)]);
  assertEquals(starts.turns.length, 4);
  assertEquals(new Set(starts.turns).size, 4);
});

testOfWorkers("Pool rejects with QueueFullError past maxQueue, and goes on", async () => {
  await using executor = await Executor.start({
    cpu: { maxWorkers: 1, maxQueue: 2, permissions: "inherit" },
    blocking: { maxWorkers: 1 },
  });
  const flag = newFlag();
  const accepted = [1, 2].map(() => executor.runCpu(waitFor, flag));
  const error = await assertRejects(() => executor.runCpu(waitFor, flag), QueueFullError);
  assert(error.message.includes("2 already wait"), error.message);
  release(flag);
  await Promise.all(accepted);
  assertEquals(await executor.runCpu(add, 1, 2), 3);
  assertEquals(executor.stats().cpu.failed, 1);
});

Deno.test("Pool refuses no task while a worker is idle, however short the tasks are", async () => {
  await using executor = await Executor.start({
    cpu: { minWorkers: 6, maxWorkers: 6, maxQueue: 3, permissions: "inherit" },
  });
  // By now the pool knows that the task is short, and lets such tasks wait for a busy worker.
  for (let i = 0; i < 300; i++) await executor.runCpu(add, i, 1);
  for (let i = 0; i < 10; i++) {
    await until(() => executor.stats().cpu.idle === 6);
    const results = Array.from({ length: 9 }, (_, n) => executor.runCpu(add, n, 1));
    assertEquals(await Promise.all(results), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  }
});

testOfWorkers("Pool takes and drops each of very many waiting tasks in constant time", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const flag = newFlag();
  const blocked = executor.runCpu(waitFor, flag);
  const controller = new AbortController();
  const patient = executor.with({ signal: controller.signal });
  const submit = (count: number) => {
    const begin = performance.now();
    const results = Array.from({ length: count }, () => patient.runCpu(add, 1, 1));
    for (const result of results) result.catch(() => {});
    return performance.now() - begin;
  };
  submit(20_000);
  const few = submit(20_000);
  submit(160_000);
  const many = submit(20_000);
  assertEquals(executor.stats().cpu.queued, 220_000);
  // Ten times as many wait; a queue that walks or copies them would take ten times as long.
  assert(many < 8 * few + 200, `${few} ms for the first, ${many} ms for the last`);
  const begin = performance.now();
  controller.abort();
  const took = performance.now() - begin;
  assertEquals(executor.stats().cpu.queued, 0);
  assert(took < 10 * (few + many) + 2_000, `aborting took ${took} ms`);
  release(flag);
  await blocked;
});

Deno.test("Pool replaces idle workers that are older than a task's module", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const older = await executor.runCpu(countCalls);
  const module = `data:text/javascript,export const f = (n) => n + 1; // ${crypto.randomUUID()}`;
  const { f } = tasksFrom<{ f(n: number): number }>(module);
  assertEquals(await executor.runCpu(f, 41), 42);
  // Another worker, which has both modules.
  assertEquals([older, await executor.runCpu(countCalls)], [1, 1]);
  assertEquals(executor.stats().cpu.workers, 1);
});
