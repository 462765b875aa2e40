import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Executor, ExecutorError, getExecutor, tasksFrom } from "@genro/executor";

const path = tasksFrom(import.meta, () => import("node:path"));

const options = () => ({
  cpu: {
    maxWorkers: 1,
    permissions: { read: ["/data", new URL("file:///more")] },
    preload: [path],
  },
  blocking: { maxWorkers: 2 },
});

Deno.test("getExecutor() takes options where it is used first, and the same ones again", () => {
  const executor = getExecutor(options());
  assertEquals(executor.stats().cpu.workers, 0);
  assertEquals(getExecutor() === executor, true);
  assertEquals(getExecutor(options()) === executor, true);
  const reordered = {
    blocking: { maxWorkers: 2, maxQueue: undefined },
    cpu: { preload: [path], permissions: { read: ["/data", "file:///more"] }, maxWorkers: 1 },
  };
  assertEquals(getExecutor(reordered) === executor, true);
});

Deno.test("getExecutor() refuses other options, and says where the first were", () => {
  const others = [
    {},
    { ...options(), blocking: { maxWorkers: 3 } },
    { ...options(), inline: true },
    { ...options(), cpu: { ...options().cpu, preload: [] } },
    { ...options(), cpu: { ...options().cpu, permissions: "none" as const } },
  ];
  for (const other of others) {
    const error = assertThrows(() => getExecutor(other), ExecutorError, "other options");
    assertMatch(error.message, /shared_executor_test\.ts:\d+:\d+; expected/);
  }
});

Deno.test("PoolOptions.isolation runs the tasks of one pool inline", async () => {
  await using executor = await Executor.start({
    blocking: { isolation: "inline" },
    cpu: { maxWorkers: 1 },
  });
  const scope = globalThis as { mark?: number };
  scope.mark = 1;
  const read = () => (globalThis as { mark?: number }).mark;
  assertEquals([await executor.runBlocking(read), await executor.runCpu(read)], [1, undefined]);
  assertThrows(() => executor.with({ tenant: "ann" }), TypeError, "blocking tasks run inline");
  delete scope.mark;
});
