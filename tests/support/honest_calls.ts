/** Calls of every kind, for tests of workers in which something may have changed the globals. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Executor, isolation, NotCloneableError, tasksFrom, transfer } from "./isolation.ts";
import { transfersStreams } from "./features.ts";

export { Executor };

const tasks = tasksFrom(import.meta, () => import("../fixtures/honest.ts"));
const { late } = tasksFrom(import.meta, () => import("../fixtures/late.ts"));

/**
 * Makes calls of every kind on an executor with one CPU worker.
 *
 * @param change Changes the worker, before the calls.
 * @param check Looks at the worker, after the calls.
 */
export async function assertServes(
  executor: Executor,
  change: () => Promise<void>,
  check?: () => Promise<void>,
): Promise<void> {
  await executor.runCpu(tasks.mark);
  await change();
  await assertRuns(executor);
  await assertStreams(executor);
  await assertThrows(executor);
  await assertMoves(executor);
  await assertAborts(executor);
  const isMarked = await executor.runCpu(tasks.readMark);
  assert(isMarked, "it is the same worker");
  await check?.();
  await assertRejects(
    () => executor.with({ timeout: 20 }).runCpu(() => new Promise(() => {})),
    DOMException,
    "timed out",
  );
  assertEquals(executor.stats().cpu.crashed, 0);
}

/** The first numbers; `Array.from` may have been replaced. */
function numbers(count: number): number[] {
  return [...Array(count).keys()];
}

async function assertRuns(executor: Executor): Promise<void> {
  assertEquals(await executor.runCpu(tasks.add, 1, 2), 3);
  assertEquals(await executor.runCpu(tasks.addMany, 1, 2, 3, 4, 5), 15);
  assertEquals(await executor.runCpu(tasks.later, "later"), "later");
  assertEquals(await executor.runCpu((n: number) => Promise.resolve({ n }), 7), { n: 7 });
  assertEquals(await executor.runCpu(late), "late");
  const sums = numbers(300).map((n) => executor.runCpu(tasks.add, n, 1));
  assertEquals(await Promise.all(sums), numbers(300).map((n) => n + 1));
  const record = { name: "n", inside: [{ bytes: new Uint8Array(3) }] };
  const renamed = numbers(60).map((n) =>
    executor.runCpu(tasks.rename, n % 2 ? record : { ...record })
  );
  assertEquals(await Promise.all(renamed), renamed.map(() => ({ renamed: "n" })));
  const map = executor.mapCpu(tasks.increment, [{ n: 1 }, { n: 2 }, { n: 3 }]);
  assertEquals(await Array.fromAsync(map), [{ n: 2 }, { n: 3 }, { n: 4 }]);
  const collected = { map: new Map([["a", new Set([1])]]), date: new Date(0), list: [, 1] };
  assertEquals(await executor.runCpu((value: unknown) => value, collected), collected);
  const steps: unknown[] = [];
  await executor.with({ onProgress: (step) => steps.push(step) }).runCpu(tasks.tellSteps);
  assertEquals(steps, [1, { two: 2 }]);
}

async function assertStreams(executor: Executor): Promise<void> {
  assertEquals(await Array.fromAsync(executor.streamCpu(tasks.counter.count, 40)), numbers(40));
  assertEquals(
    await Array.fromAsync(executor.streamCpu(tasks.countLater, 3)),
    [{ n: 0 }, { n: 1 }, { n: 2 }],
  );
  assertEquals(await Array.fromAsync(executor.streamCpu(tasks.listOf, 1, 2)), [1, 2]);
  for await (const n of executor.streamCpu(tasks.counter.count, 1_000)) if (n === 20) break;
  assertEquals(await executor.runCpu(tasks.counter.readLastEnd), 1_000);
  await assertRejects(
    () => Array.fromAsync(executor.streamCpu(tasks.countAndFail)),
    RangeError,
    "counted",
  );
}

async function assertThrows(executor: Executor): Promise<void> {
  const thrown = await assertRejects(() => executor.runCpu(tasks.fail), RangeError, "as thrown");
  assertEquals((thrown as RangeError & { code: number }).code, 7);
  assertEquals((thrown as RangeError & { details: unknown }).details, new Map([["why", 1]]));
  assert(thrown.cause instanceof TypeError);
  assert(typeof thrown.stack === "string");
  await assertRejects(
    () => executor.runCpu(() => Promise.reject(new SyntaxError("rejected"))),
    SyntaxError,
    "rejected",
  );
  const [error, inner] = await executor.runCpu(tasks.findErrors);
  assertEquals([error.code, error.message], [7, "inside"]);
  assertEquals([...inner.get("set")!].map(({ code }) => code), [8]);
  await assertRejects(() => executor.runCpu<() => unknown>(() => () => {}), NotCloneableError);
  await assertRejects(() => executor.runCpu<() => unknown>(() => new Headers()), NotCloneableError);
  await assertRejects(() => executor.runCpu(tasks.nest, 3_000), NotCloneableError);
}

async function assertMoves(executor: Executor): Promise<void> {
  const buffer = new ArrayBuffer(8);
  assertEquals((await executor.runCpu(tasks.move, transfer(buffer, [buffer]))).byteLength, 8);
  const bytes = new Uint8Array(300_000);
  assertEquals((await executor.runCpu(tasks.flipFirst, bytes))[0], 255);
  const flipped = await executor.runCpu(tasks.flipFirst, transfer(bytes, [bytes.buffer]));
  assertEquals([flipped[0], flipped.length, bytes.length], [255, 300_000, 0]);
  const { Buffer } = await import("node:buffer");
  const reversed = await executor.runCpu(tasks.reverse, Buffer.from("abc"));
  assert(reversed instanceof Buffer);
  assertEquals(reversed.toString(), "cba");
  if (isolation === "process") return;
  const { port1, port2 } = new MessageChannel();
  await executor.runCpu(tasks.answer, transfer(port2, [port2]));
  const answered = new Promise((resolve) => port1.onmessage = ({ data }) => resolve(data));
  port1.postMessage(21);
  assertEquals(await answered, 42);
  port1.close();
  if (!transfersStreams) return;
  const stream = ReadableStream.from([1, 2]);
  const holder = { constructor: "sent", stream };
  const given = await executor.runCpu(tasks.giveBack, transfer(holder, [stream]));
  assertEquals(given.constructor, "given");
  assertEquals(await executor.runCpu(tasks.sum, transfer(given, [given.stream])), 3);
}

async function assertAborts(executor: Executor): Promise<void> {
  const controller = new AbortController();
  const aborted = executor.with({
    signal: controller.signal,
    onProgress: () => controller.abort(new RangeError("enough")),
  }).runCpu(tasks.waitForAbort);
  await assertRejects(() => aborted, RangeError, "enough");
  assertEquals(await executor.runCpu(tasks.readLastReason), "RangeError: enough");
}
