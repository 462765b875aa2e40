import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  Executor,
  isolation,
  type TaskContext,
  tasksFrom,
  testOfWorkers,
  transfer,
  WorkerCrashedError,
} from "../support/isolation.ts";
import { until } from "../support/waiting.ts";

const { add, later } = tasksFrom(import.meta, () => import("../fixtures/tasks.ts"));
const exits = tasksFrom(import.meta, () => import("../fixtures/exits.ts"));

/** Every way a task can end its worker. */
const deaths: Record<string, () => unknown> = {
  "self.close()": () => {
    self.close();
    return new Promise(() => {});
  },
  "Deno.exit()": () => Deno.exit(3),
  "process.exit()": () => {
    // deno-lint-ignore no-process-global -- as a task of a user may
    (globalThis as unknown as { process: { exit(code: number): void } }).process.exit(3);
  },
  "an unhandled rejection": () => {
    Promise.reject(new TypeError("nobody handles this"));
    return new Promise(() => {});
  },
  "a throw in a timer": () => {
    setTimeout(() => {
      throw new TypeError("thrown in a timer");
    });
    return new Promise(() => {});
  },
  "a throw of a primitive in a timer": () => {
    setTimeout(() => {
      throw 42;
    });
    return new Promise(() => {});
  },
};

for (const [death, task] of Object.entries(deaths)) {
  Deno.test(`Pool survives ${death}`, async () => {
    await using executor = await Executor.start({ cpu: { maxWorkers: 1, permissions: "inherit" } });
    await executor.runCpu(add, 0, 0);
    const result = executor.runCpu(task);
    const others = [1, 2, 3].map((n) => executor.runCpu(add, n, n));
    const begin = performance.now();
    const error = await assertRejects(() => result, WorkerCrashedError);
    const took = performance.now() - begin;
    assert(took < 10_000, `settled after ${took} ms`);
    // What had not begun is not lost.
    assertEquals(await Promise.all(others), [2, 4, 6]);
    const { crashed, failed, completed, workers } = executor.stats().cpu;
    assertEquals(
      { crashed, failed, completed, workers },
      { crashed: 1, failed: 1, completed: 4, workers: 1 },
    );
    if (death.includes("rejection") || death === "a throw in a timer") {
      assertInstanceOf(error.cause, TypeError);
      assert(error.message.includes(error.cause.message));
    }
  });
}

Deno.test("Pool survives a module that exits while it loads", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const result = executor.runCpu(exits.never);
  const after = executor.runCpu(add, 1, 2);
  await assertRejects(() => result, WorkerCrashedError, "exits.ts");
  assertEquals(await after, 3);
});

Deno.test("Pool keeps a result that was sent before its worker died", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1, permissions: "inherit" } });
  for (const how of ["close", "exit", "throw"]) {
    const result = executor.runCpu((how: string) => {
      setTimeout(() => {
        if (how === "close") self.close();
        if (how === "exit") Deno.exit();
        throw new Error("thrown after the result");
      });
      return how;
    }, how);
    // While this thread is busy, the result and the news of the death both arrive.
    const end = performance.now() + 80;
    while (performance.now() < end);
    assertEquals(await result, how);
  }
});

/** Does nothing until a worker has set the flag and, just after that, has ended. */
function spinUntilEnded(flag: Int32Array): void {
  while (Atomics.load(flag, 0) === 0);
  const end = performance.now() + 50;
  while (performance.now() < end);
}

testOfWorkers("Pool hears all that a worker said before it died", async () => {
  await using executor = await Executor.start({ cpu: { minWorkers: 1, permissions: "inherit" } });
  const ended = new Int32Array(new SharedArrayBuffer(4));
  const said: number[] = [];
  const result = executor.with({ onProgress: (n: number) => said.push(n) }).runCpu(
    function (this: TaskContext, ended: Int32Array) {
      // More than the host takes in two turns of its event loop, before Deno 2.9.
      for (let n = 0; n < 5_000; n++) this.progress(n);
      Atomics.store(ended, 0, 1);
      Deno.exit();
    },
    ended,
  );
  // While this thread is busy, what was said and the news of the death both arrive.
  spinUntilEnded(ended);
  await assertRejects(() => result, WorkerCrashedError);
  assertEquals(said, Array.from({ length: 5_000 }, (_, n) => n));
});

/** Ends the worker of a pool that has one, which is idle, without this thread noticing. */
async function killUnnoticed(executor: Executor): Promise<void> {
  const ended = new Int32Array(new SharedArrayBuffer(4));
  await executor.runCpu((ended: Int32Array) => {
    setTimeout(() => {
      Atomics.store(ended, 0, 1);
      self.close();
    }, 20);
  }, ended);
  spinUntilEnded(ended);
  assertEquals(executor.stats().cpu.idle, 1);
}

testOfWorkers("Pool runs a task elsewhere that was sent to a dead worker", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1, minWorkers: 1 } });
  await killUnnoticed(executor);
  assertEquals(await executor.runCpu(add, 1, 2), 3);
  assertEquals(executor.stats().cpu.crashed, 1);
});

testOfWorkers("Pool fails a task that moved its argument to a dead worker", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  await killUnnoticed(executor);
  const bytes = new Uint8Array(10);
  await assertRejects(
    () => executor.runCpu((bytes: Uint8Array) => bytes.length, transfer(bytes, [bytes.buffer])),
    WorkerCrashedError,
  );
  assertEquals(await executor.runCpu(add, 1, 2), 3);
});

testOfWorkers(
  "Pool notices that an idle worker ends, and starts another of minWorkers",
  async () => {
    await using executor = await Executor.start({ cpu: { maxWorkers: 1, minWorkers: 1 } });
    await executor.runCpu(() => {
      setTimeout(() => self.close(), 20);
    });
    await until(() => executor.stats().cpu.crashed === 1);
    await until(() => executor.stats().cpu.idle === 1);
  },
);

Deno.test("Pool starts a crashed worker of minWorkers again", async () => {
  await using executor = await Executor.start({ blocking: { minWorkers: 2, maxWorkers: 4 } });
  await assertRejects(() => executor.runBlocking(() => self.close()), WorkerCrashedError);
  assertEquals(await executor.runBlocking(later, "there", 100), "there");
  assertEquals(executor.stats().blocking.workers, 2);
});

Deno.test("Pool survives an error that an earlier task left behind", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  await executor.runCpu(() => {
    // Waits for the next task.
    const timer = setInterval(() => {
      if (!("isHit" in globalThis)) return;
      clearInterval(timer);
      throw new Error("left behind");
    }, 1);
  });
  const hit = await assertRejects(
    () =>
      executor.runCpu(async () => {
        Object.assign(globalThis, { isHit: true });
        await new Promise((resolve) => setTimeout(resolve, 5_000));
      }),
    WorkerCrashedError,
  );
  assert(hit.message.includes("left behind"), hit.message);
  assertEquals(await executor.runCpu(add, 1, 2), 3);
});

/** What a worker is asked for that hears nothing: to load a module first, or to run at once. */
const unbegun: Record<string, (executor: Executor) => Promise<number>> = {
  "a task of a module": (executor) => executor.runCpu(add, 1, 2),
  "a function": (executor) => executor.runCpu((a: number, b: number) => a + b, 1, 2),
  "a function without arguments": (executor) => executor.runCpu(() => 3),
};

Deno.test("Pool runs a task elsewhere that its worker does not begin", async () => {
  await Promise.all(
    Object.entries(unbegun).map(async ([what, call]) => {
      // A process is killed; a worker comes back when it is let go.
      const flag = isolation === "worker" ? new Int32Array(new SharedArrayBuffer(4)) : undefined;
      await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
      await executor.runCpu((flag = new Int32Array(new SharedArrayBuffer(4))) => {
        // Keeps the worker from hearing anything once this task has returned.
        queueMicrotask(() => Atomics.wait(flag, 0, 0, 60_000));
      }, flag);
      const begun = performance.now();
      assertEquals(await call(executor), 3, what);
      assert(performance.now() - begun < 30_000);
      const { crashed, stuck, workers } = executor.stats().cpu;
      assertEquals({ crashed, stuck, workers }, {
        crashed: 0,
        stuck: isolation === "worker" ? 1 : 0,
        workers: 1,
      }, what);
      if (flag === undefined) return;
      Atomics.store(flag, 0, 1);
      Atomics.notify(flag, 0);
      await until(() => executor.stats().cpu.stuck === 0);
    }),
  );
});

Deno.test("Pool survives many crashes at once", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 2 } });
  const outcomes = await Promise.allSettled(
    Array.from(
      { length: 30 },
      (_, i) => i % 3 === 0 ? executor.runCpu(() => self.close()) : executor.runCpu(add, i, 0),
    ),
  );
  outcomes.forEach((outcome, i) => {
    if (i % 3 === 0) {
      assertInstanceOf((outcome as PromiseRejectedResult).reason, WorkerCrashedError);
    } else assertEquals(outcome, { status: "fulfilled", value: i });
  });
});
