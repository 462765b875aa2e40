/**
 * Time limits: of tasks in workers, in processes and inline, however they are called, and whatever
 * happens before them in their worker.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import {
  Executor,
  type PoolOptions,
  type Runner,
  tasksFrom,
  transfer,
  WorkerCrashedError,
} from "@genro/executor";
import { hasProcesses } from "../support/features.ts";
import { SentCalls } from "../support/sent_calls.ts";
import { until } from "../support/waiting.ts";

const { compute, computeAndYield, die, wait, waitAndYield } = tasksFrom(
  import.meta,
  () => import("../fixtures/limited.ts"),
);

type Isolation = NonNullable<PoolOptions["isolation"]>;

const isolations: Isolation[] = ["worker", ...hasProcesses ? ["process" as const] : [], "inline"];

/** How tasks are called: so many calls that compute for some ms, and a call that waits for ever. */
const ways: Record<string, {
  many(runner: Runner, calls: number, ms: number): Promise<number[]>;
  wait(runner: Runner): Promise<unknown>;
}> = {
  run: {
    many: (runner, calls, ms) =>
      Promise.all(Array.from({ length: calls }, () => runner.runCpu(compute, ms))),
    wait: (runner) => runner.runCpu(wait),
  },
  map: {
    many: (runner, calls, ms) => Array.fromAsync(runner.mapCpu(compute, Array(calls).fill(ms))),
    wait: (runner) => Array.fromAsync(runner.mapCpu(wait, [undefined])),
  },
  stream: {
    many: async (runner, calls, ms) => {
      const all = Array.from(
        { length: calls },
        () => Array.fromAsync(runner.streamCpu(computeAndYield, ms)),
      );
      return (await Promise.all(all)).flat();
    },
    wait: (runner) => Array.fromAsync(runner.streamCpu(waitAndYield)),
  },
};

/** What the worker does before, while the limited calls are sent. */
const before: Record<string, (executor: Executor) => Promise<unknown>> = {
  "short tasks": (executor) => ways.run!.many(executor, 50, 0),
  "a long task": (executor) => executor.runCpu(compute, 300),
};

/** An executor with a single worker, where the tasks are known to be short. */
async function start(isolation: Isolation): Promise<Executor> {
  const executor = await Executor.start({ cpu: { isolation, minWorkers: 1, maxWorkers: 1 } });
  for (const { many } of Object.values(ways)) await many(executor, 50, 0);
  return executor;
}

/**
 * Asserts that a call times out, and long after its beginning. Not after the whole time: between the
 * beginning and what the task says of it, its thread may have to wait for a processor.
 */
async function assertTimesOut(
  runner: Runner,
  timeout: number,
  call: (runner: Runner) => Promise<unknown>,
): Promise<void> {
  let began = Infinity;
  const limited = runner.with({ timeout, onProgress: (time) => void (began = time as number) });
  const error = await assertRejects(() => call(limited), DOMException);
  const ended = performance.timeOrigin + performance.now();
  assertEquals(error.name, "TimeoutError");
  assert(ended - began >= timeout / 2, `after ${ended - began} ms`);
}

for (const isolation of isolations) {
  for (const [way, { many, wait }] of Object.entries(ways)) {
    for (const [what, occupy] of Object.entries(before)) {
      Deno.test(`timeout of a ${way} behind ${what} counts running time only: ${isolation}`, async () => {
        await using executor = await start(isolation);
        using sent = new SentCalls();
        const occupied = occupy(executor);
        const hasty = executor.with({ timeout: 200 });
        assertEquals(await many(hasty, 40, 0), Array(40).fill(0));
        await occupied;
        if (isolation === "worker" && way === "run") {
          assert(sent.messages < sent.calls / 2, "they were sent ahead");
        }
        // The limit of a call that goes on does not come late for those before, either.
        const again = occupy(executor);
        await assertTimesOut(executor, 50, wait);
        await again;
        assertEquals(await many(hasty, 2, 0), [0, 0]);
      });
    }

    if (isolation === "inline") continue;

    Deno.test(`timeout of a ${way} behind a task that ignores its abort: ${isolation}`, async () => {
      await using executor = await start(isolation);
      const ignoring = executor.with({ timeout: 50 }).runCpu(compute, 3_000);
      const results = many(executor.with({ timeout: 2_000 }), 40, 0);
      await assertRejects(() => ignoring, DOMException, "timed out");
      assertEquals(await results, Array(40).fill(0));
      assertEquals(executor.stats().cpu.cancelled, 1);
      await until(() => executor.stats().cpu.stuck === 0);
    });

    Deno.test(`timeout of a ${way} behind a task that ends its worker: ${isolation}`, async () => {
      await using executor = await start(isolation);
      const dead = executor.with({ timeout: 5_000 }).runCpu(die);
      const results = many(executor.with({ timeout: 2_000 }), 40, 0);
      await assertRejects(() => dead, WorkerCrashedError);
      assertEquals(await results, Array(40).fill(0));
    });
  }
}

Deno.test("timeout of a task with moved arguments counts from its own beginning", async () => {
  await using executor = await start("worker");
  const moved = () => {
    const bytes = new Uint8Array(8);
    return transfer(bytes, [bytes.buffer]);
  };
  await Promise.all(Array.from({ length: 50 }, () => executor.runCpu(compute, 0, moved())));
  // These are sent ahead, and cannot be taken back.
  const long = executor.runCpu(compute, 350, moved());
  const hasty = executor.with({ timeout: 200 });
  const results = Array.from({ length: 10 }, () => hasty.runCpu(compute, 0, moved()));
  const late = assertTimesOut(executor, 200, (runner) => runner.runCpu(wait, moved()));
  assertEquals(await long, 8);
  assertEquals(await Promise.all(results), Array(10).fill(8));
  await late;
});

Deno.test("timeout counts no reading of the arguments", async () => {
  await using executor = await start("worker");
  const count = (list: unknown[]) => list.length;
  await executor.runCpu(count, []);
  const list = Array.from({ length: 1_000_000 }, (_, i) => ({ i }));
  // To write the list takes the host as long as to read it takes the worker.
  const begun = performance.now();
  structuredClone(list);
  const timeout = (performance.now() - begun) / 8;
  assertEquals(await executor.with({ timeout }).runCpu(count, list), list.length);
});

Deno.test("timeout of a millisecond ends a task, and lets short ones end", async () => {
  await using executor = await start("worker");
  const hasty = executor.with({ timeout: 1 });
  for (let i = 0; i < 10; i++) {
    await assertRejects(() => hasty.runCpu(wait), DOMException, "timed out");
  }
  const results = await Promise.allSettled(
    Array.from({ length: 1_000 }, () => hasty.runCpu(compute, 0)),
  );
  const done = results.filter(({ status }) => status === "fulfilled");
  assert(done.length > 500, `${done.length} have ended in time`);
});

for (const isolation of isolations) {
  Deno.test(`timeout follows a time that a test has faked: ${isolation}`, async () => {
    await using executor = await start(isolation);
    using time = new FakeTime();
    const runner = executor.with({ timeout: 60_000 });
    const results = Array.from({ length: 3 }, () => runner.runCpu(compute, 0));
    assertEquals(await Promise.all(results), [0, 0, 0]);
    const begun = Promise.withResolvers<void>();
    const waiting = runner.with({ onProgress: () => begun.resolve() }).runCpu(wait);
    await begun.promise;
    time.tick(59_999);
    assertEquals(executor.stats().cpu.cancelled, 0);
    time.tick(1);
    await assertRejects(() => waiting, DOMException, "timed out");
  });
}
