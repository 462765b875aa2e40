import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  Executor,
  NotCloneableError,
  NotStartedError,
  ShutdownError,
  type Task,
  tasksFrom,
  testOfWorkers,
  WorkerCrashedError,
} from "../support/isolation.ts";
import { until } from "../support/waiting.ts";

const tasks = tasksFrom(import.meta, () => import("../fixtures/streams.ts"));
const { later } = tasksFrom(import.meta, () => import("../fixtures/tasks.ts"));

/** An executor with one worker for computing, so that generators are counted in one place. */
const withOneWorker = (inline = false) => Executor.start({ inline, cpu: { maxWorkers: 1 } });

const numbers = (limit: number) => Array.from({ length: limit }, (_, n) => n);

for (const isInline of [false, true]) {
  const where = isInline ? ", inline" : "";
  const start = () => withOneWorker(isInline);

  Deno.test(`Executor.stream*() yield what a generator yields, in order${where}`, async () => {
    await using executor = await start();
    assertEquals(await Array.fromAsync(executor.streamCpu(tasks.upTo, 100)), numbers(100));
    assertEquals(
      await Array.fromAsync(executor.streamBlocking(tasks.upToAsync, 100)),
      numbers(100),
    );
    assertEquals(await Array.fromAsync(executor.streamCpu(tasks.upTo, 0)), []);
    const square = function* (n: number) {
      for (const i of [1, 2, 3]) yield { square: i * i * n };
    };
    const squares = await Array.fromAsync(executor.streamCpu(square, 2));
    assertEquals(squares, [{ square: 2 }, { square: 8 }, { square: 18 }]);
  });

  Deno.test(`Executor.stream*() take whatever is iterable${where}`, async () => {
    await using executor = await start();
    assertEquals(await Array.fromAsync(executor.streamCpu(tasks.methods.odd)), [1, 3]);
    assertEquals(await Array.fromAsync(executor.streamCpu(tasks.promisedList)), ["a", "b"]);
    assertEquals(await Array.fromAsync(executor.streamCpu(tasks.promises)), [1, 2]);
    assertEquals(await Array.fromAsync(executor.streamCpu(tasks.readable)), [1, 2, 3]);
    const map = () => new Map([["a", 1]]);
    assertEquals(await Array.fromAsync(executor.streamCpu(map)), [["a", 1]]);
    const notIterable = (() => 42) as unknown as () => number[];
    await assertRejects(
      () => Array.fromAsync(executor.streamCpu(notIterable)),
      TypeError,
      "returned number, expected a generator",
    );
  });

  Deno.test(`Executor.stream*() hold a task back while its reader is slow${where}`, async () => {
    await using executor = await start();
    for (let taken = 1; taken <= 40; taken += 13) {
      const told: number[] = [];
      const runner = executor.with({ onProgress: (n: number) => told.push(n) });
      const values = runner.streamCpu(tasks.telling, 1_000);
      for (let n = 0; n < taken; n++) assertEquals((await values.next()).value, n);
      await until(() => told.length >= Math.floor(taken / 8) * 8 + 8);
      // What came too early would come by then.
      await executor.runBlocking(later, "", 20);
      assert(told.length <= taken + 17, `${told.length} were made when ${taken} were taken`);
      await values.return!();
    }
  });

  Deno.test(`Executor.stream*() end the generator when the loop is left${where}`, async () => {
    await using executor = await start();
    const before = await executor.runCpu(tasks.count);
    const both: Task<(limit: number) => AsyncIterable<number> | Iterable<number>>[] = [
      tasks.upTo,
      tasks.upToAsync,
    ];
    for (const task of both) {
      for await (const n of executor.streamCpu(task, 1e9)) if (n === 30) break;
      const values = executor.streamCpu(task, 1e9);
      await values.next();
      await values.return!();
    }
    // Once they have ended, the worker takes the next task.
    const after = await executor.runCpu(tasks.count);
    assertEquals([after.begun - before.begun, after.ended - before.ended], [4, 4]);
    const { cancelled, stuck, crashed } = executor.stats().cpu;
    assertEquals({ cancelled, stuck, crashed }, { cancelled: 4, stuck: 0, crashed: 0 });
  });

  Deno.test(`Executor.stream*() end the generator when they are aborted${where}`, async () => {
    await using executor = await start();
    const before = await executor.runCpu(tasks.count);
    const controller = new AbortController();
    const taken: number[] = [];
    await assertRejects(
      async () => {
        const runner = executor.with({ signal: controller.signal });
        for await (const n of runner.streamCpu(tasks.upTo, 1e9)) {
          taken.push(n);
          if (n === 20) controller.abort(new Error("enough"));
        }
      },
      Error,
      "enough",
    );
    // At once, whatever had arrived.
    assertEquals(taken, numbers(21));
    const after = await executor.runCpu(tasks.count);
    assertEquals([after.begun - before.begun, after.ended - before.ended], [1, 1]);
  });

  Deno.test(`Executor.stream*() end a generator that never yields in its time${where}`, async () => {
    await using executor = await start();
    const before = await executor.runCpu(tasks.count);
    await assertRejects(
      () => Array.fromAsync(executor.with({ timeout: 50 }).streamCpu(tasks.neverYields)),
      DOMException,
      "timed out",
    );
    const after = await executor.runCpu(tasks.count);
    assertEquals([after.begun - before.begun, after.ended - before.ended], [1, 1]);
    assertEquals(executor.stats().cpu.stuck, 0);
  });

  Deno.test(`Executor.stream*() reject at the position of an error${where}`, async () => {
    await using executor = await start();
    for (const failing of [0, 1, 16, 40]) {
      const taken: number[] = [];
      const error = await assertRejects(
        async () => {
          for await (const n of executor.streamCpu(tasks.failAt, failing)) taken.push(n);
        },
        RangeError,
        `failed at ${failing}`,
      );
      assertEquals(taken, numbers(failing));
      assert(error.stack!.includes("fixtures/streams.ts"), error.stack);
    }
    assertEquals(executor.stats().cpu.failed, 4);
  });

  Deno.test(`Executor.stream*() reject where a value cannot be cloned${where}`, async () => {
    await using executor = await start();
    const before = await executor.runCpu(tasks.count);
    const taken: unknown[] = [];
    await assertRejects(
      async () => {
        for await (const n of executor.streamCpu(tasks.uncloneableAt, 3)) taken.push(n);
      },
      NotCloneableError,
    );
    assertEquals(taken, [0, 1, 2]);
    const after = await executor.runCpu(tasks.count);
    assertEquals([after.begun - before.begun, after.ended - before.ended], [1, 1]);
  });

  Deno.test(`Executor.terminate() ends a stream${where}`, async () => {
    const executor = await start();
    const values = executor.streamCpu(tasks.upTo, 1e9);
    await values.next();
    executor.terminate();
    await assertRejects(() => Array.fromAsync(values), ShutdownError);
    await executor.shutdown();
    await until(() => executor.stats().cpu.stuck === 0);
  });
}

Deno.test("Executor.stream*() keep large and small values, and what is told, in order", async () => {
  await using executor = await withOneWorker();
  const heard: [kind: string, value: unknown][] = [];
  const runner = executor.with({ onProgress: (told: unknown) => heard.push(["told", told]) });
  for await (const value of runner.streamCpu(tasks.mixed, 3_000)) heard.push(["yielded", value]);
  const told = heard.filter(([kind]) => kind === "told").map(([, value]) => value);
  const yielded = heard.filter(([kind]) => kind === "yielded").map(([, value]) => value);
  assertEquals(told, numbers(3_000).map((n) => n % 5 === 0 ? { n, nested: [n] } : n));
  assertEquals(yielded, numbers(3_000).map((n) => n % 3 === 0 ? n : n % 3 === 1 ? { n } : [{ n }]));
  // What is told before a value is yielded is heard before, too.
  let count = 0;
  for (const [kind, value] of heard) {
    if (kind === "told") count++;
    else if (typeof value === "number") assert(value < count, `${value}`);
  }
});

Deno.test("Executor.stream*() yield copies of what a task goes on to change", async () => {
  await using executor = await withOneWorker();
  const all = await Array.fromAsync(executor.streamCpu(tasks.same, 1_000));
  assertEquals(all, numbers(1_000).map((n) => ({ n })));
  assertEquals(new Set(all).size, 1_000);
});

for (
  const [what, given] of Object.entries({
    "a small value": [1],
    "a large value": [[[1]]],
    "a small value after a large one": [1, [[2]], 3],
  })
) {
  Deno.test(`Executor.stream*() yield ${what} at once, though the generator goes on computing`, async () => {
    await using executor = await withOneWorker();
    const values = executor.streamCpu(tasks.yieldsAndComputes, given, 1_000);
    for (const value of given) assertEquals((await values.next()).value, value);
    const begun = performance.now();
    assertEquals((await values.next()).value, "late");
    assert(performance.now() - begun > 500, `${performance.now() - begun} ms`);
  });
}

Deno.test("Executor.stream*() leave the event loop to others while a task yields without end", async () => {
  await using executor = await withOneWorker();
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const end = performance.now() + 500;
  let read = 0;
  for await (const n of executor.streamCpu(tasks.endless)) {
    assertEquals(n, read++);
    if (performance.now() > end) break;
  }
  clearInterval(timer);
  assert(turns >= 5, `${turns} turns for ${read} values`);
});

Deno.test("Executor.stream*() have few large values on their way, after however many small ones", async () => {
  await using executor = await withOneWorker();
  const told: number[] = [];
  const values = executor.with({ onProgress: (n: number) => told.push(n) })
    .streamCpu(tasks.thenLarge, 20_000);
  for (let n = 0; n < 20_000; n++) assertEquals((await values.next()).value, n);
  await until(() => told.length >= 16);
  await executor.runBlocking(later, "", 20);
  assert(told.length <= 18, `${told.length}`);
  assertEquals(executor.stats().cpu.crashed, 0);
  await values.return!();
});

Deno.test("Executor.stream*() start nothing that nobody reads", async () => {
  await using executor = await withOneWorker();
  executor.streamCpu(tasks.upTo, 10);
  const left = executor.streamCpu(tasks.upTo, 10);
  await left.return!();
  assertEquals(await executor.runCpu(tasks.count), { begun: 0, ended: 0 });
});

Deno.test("Executor.shutdown() lets a stream be read to its end", async () => {
  const executor = await withOneWorker();
  const values = executor.streamCpu(tasks.upTo, 100);
  await values.next();
  const [rest] = await Promise.all([Array.fromAsync(values), executor.shutdown()]);
  assertEquals(rest.length, 99);
});

Deno.test("Executor.shutdown({ timeout }) ends a stream that nobody goes on reading", async () => {
  const executor = await withOneWorker();
  const values = executor.streamCpu(tasks.upTo, 100);
  await values.next();
  await executor.shutdown({ timeout: 50 });
  assertEquals(executor.stats().cpu.workers, 0);
  await assertRejects(() => Array.fromAsync(values), ShutdownError);
});

Deno.test("Executor.stream*() yield what arrived before the worker died", async () => {
  await using executor = await withOneWorker();
  const taken: number[] = [];
  await assertRejects(
    async () => {
      for await (const n of executor.streamCpu(tasks.exitAt, 5)) taken.push(n);
    },
    WorkerCrashedError,
  );
  assertEquals(taken, numbers(5));
  assertEquals(await executor.runCpu(later, "on", 0), "on");
});

Deno.test("Executor.stream*() go on beside other tasks", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 2 } });
  const sums = await Promise.all([
    ...Array.from({ length: 4 }, async () => {
      let sum = 0;
      for await (const n of executor.streamCpu(tasks.upTo, 200)) sum += n;
      return sum;
    }),
    ...Array.from({ length: 200 }, (_, n) => executor.runCpu((n: number) => n, n)),
  ]);
  assertEquals(sums, [19_900, 19_900, 19_900, 19_900, ...numbers(200)]);
});

testOfWorkers("Executor.stream*() move what a task transfers", async () => {
  await using executor = await withOneWorker();
  let place = 0;
  for await (const chunk of executor.streamCpu(tasks.chunks, 40)) {
    assertEquals([chunk.length, chunk[0]], [1_000, place++]);
  }
  assertEquals(place, 40);
});

testOfWorkers("Executor.stream*() give up a generator that hears nothing", async () => {
  await using executor = await withOneWorker();
  const flag = new Int32Array(new SharedArrayBuffer(8));
  const deaf = function* (flag: Int32Array) {
    yield 0;
    Atomics.store(flag as Int32Array<SharedArrayBuffer>, 1, 1);
    while (Atomics.load(flag as Int32Array<SharedArrayBuffer>, 0) === 0);
  };
  for await (const _ of executor.streamCpu(deaf, flag)) {
    await until(() => Atomics.load(flag, 1) === 1);
    break;
  }
  await until(() => executor.stats().cpu.stuck === 1);
  assertEquals(await executor.runCpu(later, "on", 0), "on");
  Atomics.store(flag, 0, 1);
  await until(() => executor.stats().cpu.stuck === 0);
});

Deno.test("Executor.stream*() reject when the executor is not started", async () => {
  const executor = new Executor();
  await assertRejects(() => executor.streamCpu(tasks.upTo, 1).next(), NotStartedError);
});
