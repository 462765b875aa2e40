import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import {
  Executor,
  ExecutorError,
  isolation,
  taskContext,
  tasksFrom,
} from "../support/isolation.ts";

const {
  default: { hash, nested },
  Counter,
  module,
  context,
  arrow,
  waits,
  leaves,
  whatWasLeft,
} = tasksFrom(import.meta, () => import("../fixtures/methods.ts"));
const { default: bcrypt } = tasksFrom(import.meta, () => import("npm:bcryptjs@3"));

for (const inline of [false, true]) {
  const options = inline ? { inline } : {};
  const where = inline ? "inline" : `in a ${isolation}`;

  Deno.test(`Executor.runCpu() calls a method on its object, ${where}`, async () => {
    await using executor = await Executor.start(options);
    assertEquals(await executor.runCpu(hash, "text"), "salt text");
    assertEquals(await executor.runCpu(nested.add, 2), 42);
    assertEquals(await executor.runCpu(nested.plain, 2), 3);
    assertEquals(
      await Array.fromAsync(executor.mapCpu(nested.add, [1, 2])),
      [41, 42],
    );
    const salt = await executor.runCpu(bcrypt.genSaltSync, 4);
    assertEquals(salt.length, 29);
  });

  Deno.test(`Executor.runCpu() gives a function of a module its context, ${where}`, async () => {
    await using executor = await Executor.start(options);
    assertEquals(await executor.runCpu(context), [true, true]);
    assertEquals(await executor.runCpu(module.context), [true, true]);
    assertEquals(await executor.runCpu(arrow), "function");
  });

  Deno.test(`taskContext() lets a method stream and tell of its progress, ${where}`, async () => {
    await using executor = await Executor.start(options);
    let told: number[] = [];
    const runner = executor.with({ onProgress: (n: number) => told.push(n) });
    assertEquals(await Array.fromAsync(runner.streamCpu(Counter.count, 5)), [0, 2, 4]);
    assertEquals(told, [0, 2, 4]);
    told = [];
    const streams = [1, 2, 3].map(() => Array.fromAsync(runner.streamCpu(Counter.later, 5)));
    assertEquals((await Promise.all(streams)).flat(), [0, 2, 4, 0, 2, 4, 0, 2, 4]);
    assertEquals(told.sort(), [0, 0, 0, 2, 2, 2, 4, 4, 4]);
  });

  Deno.test(`taskContext() lets a method learn that it was aborted, ${where}`, async () => {
    await using executor = await Executor.start(options);
    for (const task of [Counter.waits, Counter.waitsForSignal]) {
      const runner = executor.with({ timeout: 20 });
      await assertRejects(() => runner.runCpu(task), DOMException, "timed out");
    }
    assertEquals(await executor.runCpu(nested.add, 2), 42);
    // They have ended by themselves.
    assertEquals(executor.stats().cpu.stuck, 0);
  });

  Deno.test(`taskContext() lets a method move its result, ${where}`, async () => {
    await using executor = await Executor.start(options);
    assertEquals(await executor.runCpu(Counter.bytes, 3), new Uint8Array([2, 2, 2]));
  });

  Deno.test(`taskContext() is of the task that calls it, ${where}`, async () => {
    await using executor = await Executor.start(options);
    const runs = [5, 1, 3].map((ms) => executor.runCpu(waits, ms));
    assertEquals(await Promise.all(runs), [true, true, true]);
  });

  Deno.test(`taskContext() throws when no task is under way, ${where}`, async () => {
    await using executor = await Executor.start({ ...options, cpu: { maxWorkers: 1 } });
    assertThrows(taskContext, ExecutorError, "none is under way here");
    await executor.runCpu(leaves);
    let left: string | undefined;
    while (left === undefined) {
      // No task is under way when the timer of the other one is called.
      await new Promise((resolve) => setTimeout(resolve, 1));
      left = await executor.runCpu(whatWasLeft);
    }
    assertStringIncludes(left, "Cannot get the context of a task: none is under way here");
  });
}
