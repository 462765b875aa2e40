import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Executor, type TaskContext, testOfWorkers } from "../support/isolation.ts";
import { until } from "../support/waiting.ts";

function countTo(this: TaskContext, limit: number): number {
  for (let n = 1; n <= limit; n++) this.progress(n);
  return limit;
}

for (const isInline of [false, true]) {
  const where = isInline ? ", inline" : "";
  const start = () =>
    Executor.start(isInline ? { inline: true } : { cpu: { minWorkers: 1, maxWorkers: 1 } });

  Deno.test(`TaskContext.progress() reaches the caller in order, before the result${where}`, async () => {
    await using executor = await start();
    // Results of short tasks travel apart from messages.
    const heard = Array.from({ length: 50 }, async (_, n) => {
      const told: unknown[] = [];
      const runner = executor.with({ onProgress: (value) => told.push(value) });
      told.push(`result ${await runner.runCpu(countTo, n % 4)}`);
      return told;
    });
    const expected = [["result 0"], [1, "result 1"], [1, 2, "result 2"], [1, 2, 3, "result 3"]];
    assertEquals(await Promise.all(heard), Array.from({ length: 50 }, (_, n) => expected[n % 4]));
  });

  Deno.test(`TaskContext.progress() copies what it tells${where}`, async () => {
    await using executor = await start();
    const told: { rows: number }[] = [];
    const runner = executor.with({ onProgress: (state: { rows: number }) => told.push(state) });
    await runner.runCpu(function (this: TaskContext) {
      const state = { rows: 0 };
      for (; state.rows < 3; state.rows++) this.progress(state);
    });
    assertEquals(told, [{ rows: 0 }, { rows: 1 }, { rows: 2 }]);
    await assertRejects(
      () =>
        runner.runCpu(function (this: TaskContext) {
          this.progress(new URL("http://localhost/"));
        }),
      DOMException,
      "could not be cloned",
    );
  });

  Deno.test(`TaskContext.progress() tells nothing after the end${where}`, async () => {
    await using executor = await start();
    const told: unknown[] = [];
    const runner = executor.with({ onProgress: (value) => told.push(value) });
    await runner.runCpu(function (this: TaskContext) {
      setTimeout(() => this.progress("late"), 1);
      Object.assign(globalThis, { keptContext: this });
    });
    await runner.runCpu(function (this: TaskContext) {
      const { keptContext } = globalThis as unknown as { keptContext: TaskContext };
      keptContext.progress("of another one");
      this.progress("own");
      return new Promise((resolve) => setTimeout(resolve, 20));
    });
    assertEquals(told, ["own"]);
  });

  Deno.test(`RunOptions.onProgress that throws fails its run, and ends the task${where}`, async () => {
    await using executor = await start();
    const told: unknown[] = [];
    const runner = executor.with({
      onProgress(value) {
        told.push(value);
        throw new RangeError("not this");
      },
    });
    await assertRejects(
      () =>
        runner.runCpu(async function (this: TaskContext) {
          this.progress(1);
          this.progress(2);
          await new Promise((resolve) => this.signal.addEventListener("abort", resolve));
          this.progress(3);
        }),
      RangeError,
      "not this",
    );
    assertEquals(told, [1]);
    assertEquals(await executor.runCpu(countTo, 2), 2);
    const { cancelled, stuck, completed } = executor.stats().cpu;
    assertEquals({ cancelled, stuck, completed }, { cancelled: 1, stuck: 0, completed: 1 });
  });

  const failures: Record<string, (error: Error) => unknown> = {
    "rejects at once": (error) => Promise.reject(error),
    "rejects after the task has ended": async (error) => {
      await new Promise((resolve) => setTimeout(resolve, 30));
      throw error;
    },
    "returns a thenable that rejects": (error) => ({
      then: (_: unknown, reject: (error: Error) => void) => reject(error),
    }),
    "returns a thenable that throws": (error) => ({
      then() {
        throw error;
      },
    }),
    "returns what throws when it is looked at": (error) => ({
      get then() {
        throw error;
      },
    }),
  };
  for (const [way, fail] of Object.entries(failures)) {
    Deno.test(`RunOptions.onProgress that ${way} fails its run${where}`, async () => {
      await using executor = await start();
      const error = new RangeError("not this");
      const runner = executor.with({ onProgress: (n: number) => n === 2 ? fail(error) : n });
      const items = async () => await Array.fromAsync(runner.mapCpu(countTo, [1, 2]));
      function* twice(this: TaskContext) {
        this.progress(2);
        yield 1;
      }
      const stream = async () => await Array.fromAsync(runner.streamCpu(twice));
      for (const run of [() => runner.runCpu(countTo, 3), items, stream]) {
        const caught = await assertRejects(run, RangeError);
        assertStrictEquals(caught, error);
      }
      assertEquals(await runner.runCpu(countTo, 1), 1);
    });
  }

  Deno.test(`RunOptions.onProgress that takes time holds up the result alone${where}`, async () => {
    await using executor = await start();
    const heard: unknown[] = [];
    const go = Promise.withResolvers<void>();
    const runner = executor.with({
      timeout: 1_000,
      async onProgress(n: number) {
        heard.push(n);
        await go.promise;
        heard.push(`${n}, too`);
      },
    });
    const result = runner.runCpu(countTo, 3).then((result) => heard.push(`result ${result}`));
    await until(() => heard.length === 3);
    // Its worker has gone on.
    assertEquals(await executor.runCpu((n: number) => n, 1), 1);
    assertEquals(executor.stats().cpu.busy, 0);
    go.resolve();
    await result;
    assertEquals(heard, [1, 2, 3, "1, too", "2, too", "3, too", "result 3"]);
  });

  Deno.test(`RunOptions.onProgress that does not end can be aborted${where}`, async () => {
    await using executor = await start();
    const controller = new AbortController();
    const runner = executor.with({
      signal: controller.signal,
      onProgress: () => new Promise(() => {}),
    });
    const result = runner.runCpu(countTo, 3);
    await executor.runCpu(() => {});
    controller.abort(new Error("heard enough"));
    await assertRejects(() => result, Error, "heard enough");
  });

  Deno.test(`A task that fails does not wait for RunOptions.onProgress${where}`, async () => {
    await using executor = await start();
    const runner = executor.with({ onProgress: () => new Promise(() => {}) });
    await assertRejects(
      () =>
        runner.runCpu(function (this: TaskContext) {
          this.progress(1);
          throw new RangeError("of the task");
        }),
      RangeError,
      "of the task",
    );
  });

  Deno.test(`RunOptions.onProgress is not called once the caller has given up${where}`, async () => {
    await using executor = await start();
    const controller = new AbortController();
    const told: unknown[] = [];
    const runner = executor.with({
      signal: controller.signal,
      onProgress(value) {
        told.push(value);
        controller.abort(new Error("heard enough"));
      },
    });
    await assertRejects(() => runner.runCpu(countTo, 10), Error, "heard enough");
    await until(() => executor.stats().cpu.busy === 0);
    assertEquals(told, [1]);
  });
}

Deno.test("RunOptions.onProgress may end the executor", async () => {
  const executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const runner = executor.with({ onProgress: () => executor.terminate() });
  await assertRejects(() => runner.runCpu(countTo, 10), Error, "terminated");
  await executor.shutdown();
  assertEquals(executor.stats().cpu.workers, 0);
});

Deno.test("RunOptions.onProgress hears of every item of map*()", async () => {
  await using executor = await Executor.start();
  const told: number[] = [];
  const runner = executor.with({ onProgress: (n: number) => told.push(n) });
  const task = function (this: TaskContext, n: number) {
    this.progress(n);
    return n;
  };
  assertEquals(await Array.fromAsync(runner.mapCpu(task, [1, 2, 3])), [1, 2, 3]);
  assertEquals(told.toSorted(), [1, 2, 3]);
});

/** Keeps the event loop busy for so many ms. */
function block(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}

/** Programs that do not hear for long, and then take long to hear what was told. */
const busyPrograms: Record<string, {
  /** What its listener does with each value. */
  listen(told: number): void;
  /** For how many ms its event loop is busy with other things. */
  blocked: number;
  times: number;
  /** How much is in each value. */
  size: number;
}> = {
  "a program that is busy": { listen: () => {}, blocked: 1_000, times: 12_000, size: 1 },
  "a program that is busy, with a slow listener": {
    listen: () => block(0.2),
    blocked: 1_000,
    times: 4_000,
    size: 1,
  },
  "a program that is busy, by large values": {
    listen: () => {},
    blocked: 1_000,
    times: 500,
    size: 5_000,
  },
  "a listener that is busy now and then": {
    listen: (told) => told % 100 === 50 && block(700),
    blocked: 0,
    times: 300,
    size: 1,
  },
};

for (const [name, { listen, blocked, times, size }] of Object.entries(busyPrograms)) {
  Deno.test(`TaskContext.progress() tells all to ${name}`, async () => {
    await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
    function task(this: TaskContext, times: number, size: number) {
      for (let i = 0; i < times; i++) this.progress(Array.from({ length: size }, () => ({ i })));
      return "all";
    }
    const heard: number[] = [];
    const began = Promise.withResolvers<void>();
    const onProgress = ([{ i }]: [{ i: number }]) => {
      began.resolve();
      listen(heard.push(i));
    };
    const result = executor.with({ onProgress }).runCpu(task, times, size);
    await Promise.race([began.promise, result]);
    block(blocked);
    assertEquals(await result, "all");
    assertEquals(heard, Array.from({ length: times }, (_, i) => i));
    assertEquals(executor.stats().cpu.crashed, 0);
  });
}

testOfWorkers("TaskContext.progress() goes on while the program waits for its task", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  function task(this: TaskContext, flag: Int32Array) {
    const state = {
      i: 0,
      bytes: new Uint8Array(2),
      error: Object.assign(new Error(), { code: 0 }),
    };
    for (; state.i < 1_000; state.i++) {
      state.bytes[0] = state.error.code = state.i;
      this.progress(state.i % 2 === 0 ? state : this.transfer(state.bytes.slice(), []));
    }
    Atomics.store(flag, 0, 1);
    Atomics.notify(flag, 0);
    return state.i;
  }
  const heard: number[] = [];
  const runner = executor.with({
    onProgress: (value: { bytes: Uint8Array; error: { code: number } } | Uint8Array) => {
      heard.push(value instanceof Uint8Array ? value[0]! : value.error.code % 256);
    },
  });
  await executor.runCpu(() => {});
  const flag = new Int32Array(new SharedArrayBuffer(4));
  const results = [runner.runCpu(task, flag), runner.runCpu(task, flag)];
  assertEquals(Atomics.wait(flag, 0, 0, 10_000), "ok");
  assertEquals(await Promise.all(results), [1_000, 1_000]);
  assertEquals(heard, Array.from({ length: 2_000 }, (_, i) => i % 1_000 % 256));
});
