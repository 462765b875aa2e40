import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  Executor,
  ExecutorError,
  isolation,
  NotCloneableError,
  QueueFullError,
  TaskNotFoundError,
  tasksFrom,
  WorkerCrashedError,
  WorkersStuckError,
} from "../support/isolation.ts";

const path = tasksFrom<{ posix: { nope(): void } }>("node:path");

/** The error of a call, which must be of this class. */
async function errorOf<E extends Error>(
  call: Promise<unknown>,
  // deno-lint-ignore no-explicit-any -- any class of errors
  errorClass: abstract new (...args: any[]) => E,
): Promise<E> {
  return await assertRejects(() => call, errorClass);
}

Deno.test("QueueFullError tells which pool is full, and how many tasks wait", async () => {
  await using executor = await Executor.start({
    cpu: { maxWorkers: 1, maxQueue: 1, maxQueuePerTenant: 1 },
    blocking: { maxWorkers: 1, maxQueue: 2 },
  });
  const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const cpu = [1, 2, 3].map(() => executor.runCpu(wait, 1));
  const blocking = [1, 2, 3, 4].map(() => executor.runBlocking(wait, 1));
  const full = await errorOf(cpu[2]!, QueueFullError);
  assertEquals([full.pool, full.maxQueue, full.option], ["cpu", 1, "maxQueue"]);
  const other = await errorOf(blocking[3]!, QueueFullError);
  assertEquals([other.pool, other.maxQueue], ["blocking", 2]);
  await Promise.allSettled([...cpu, ...blocking]);
});

Deno.test("NotCloneableError tells which argument cannot be sent", async () => {
  await using executor = await Executor.start({
    cpu: { maxWorkers: 1 },
    blocking: { maxWorkers: 1 },
  });
  const count = (...values: unknown[]) => values.length;
  const cases: [call: () => Promise<unknown>, argument: number | undefined][] = [
    [() => executor.runCpu(count, () => {}), 0],
    [() => executor.runBlocking(count, 1, { deep: [Symbol("no")] }), 1],
    [() => executor.runCpu(count, 1, 2, new WeakMap()), 2],
    [() => executor.runCpu(() => () => {}), undefined],
    [() => executor.runBlocking(() => ({ result: new WeakSet() })), undefined],
    [() => Array.fromAsync(executor.mapCpu(count, [() => {}])), 0],
    [() => Array.fromAsync(executor.streamCpu((_: unknown) => [1], () => {})), 0],
  ];
  for (const [call, argument] of cases) {
    assertEquals((await errorOf(call(), NotCloneableError)).argument, argument);
  }
});

Deno.test("TaskNotFoundError tells the task and its module", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const cases: [
    call: () => Promise<unknown>,
    task: string | undefined,
    module: string | undefined,
  ][] = [
    [() => executor.runCpu(path.posix.nope), "posix.nope", "node:path"],
    [() => executor.runCpu(Math.max), "max", undefined],
    [() => executor.runCpu(class Thing {} as unknown as () => void), "Thing", undefined],
    [() => executor.runCpu(42 as unknown as () => void), undefined, undefined],
  ];
  for (const [call, task, module] of cases) {
    const error = await errorOf(call(), TaskNotFoundError);
    assertEquals([error.task, error.module], [task, module]);
  }
});

Deno.test("WorkersStuckError tells how many workers of which pool are stuck", {
  ignore: isolation === "process",
}, async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const hasty = executor.with({ timeout: 20 });
  const wait = (gate: Int32Array<SharedArrayBuffer>) => void Atomics.wait(gate, 0, 0);
  await Promise.allSettled([hasty.runCpu(wait, gate), hasty.runCpu(wait, gate)]);
  const error = await executor.runCpu(() => {}).catch((error) => error);
  Atomics.store(gate, 0, 1);
  Atomics.notify(gate, 0);
  assertInstanceOf(error, WorkersStuckError);
  assertInstanceOf(error, ExecutorError);
  assertEquals([error.pool, error.stuck, error.status], ["cpu", 2, 503]);
});

Deno.test("WorkerCrashedError tells of which pool its worker was, and how a process ended", async () => {
  await using executor = await Executor.start({
    cpu: { maxWorkers: 1 },
    blocking: { maxWorkers: 1 },
  });
  const isProcess = isolation === "process";
  const exited = await errorOf(executor.runBlocking(() => Deno.exit(7)), WorkerCrashedError);
  assertEquals([exited.pool, exited.exitCode, exited.signal], [
    "blocking",
    isProcess ? 7 : undefined,
    undefined,
  ]);
  const threw = executor.runCpu(() => {
    setTimeout(() => {
      throw new Error("later");
    });
    return new Promise(() => {});
  });
  const died = await errorOf(threw, WorkerCrashedError);
  assertEquals([died.pool, died.exitCode], ["cpu", isProcess ? 1 : undefined]);
});
