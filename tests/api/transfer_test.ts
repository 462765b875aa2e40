import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  Executor,
  isolation,
  NotCloneableError,
  type TaskContext,
  testOfWorkers,
  transfer,
} from "../support/isolation.ts";
import { SentCalls } from "../support/sent_calls.ts";
import { testUnless, transfersStreams } from "../support/features.ts";

const testOfStreams = testUnless(
  isolation === "process"
    ? "not for tasks in processes"
    : !transfersStreams && "this Deno cannot transfer a stream",
);

Deno.test("transfer() moves a buffer to the worker", async () => {
  await using executor = await Executor.start();
  const bytes = new Uint8Array(1_000_000).fill(1);
  const sum = await executor.runCpu(
    (bytes: Uint8Array) => bytes.reduce((a, b) => a + b),
    transfer(bytes, [bytes.buffer]),
  );
  assertEquals(sum, 1_000_000);
  assertEquals(bytes.byteLength, 0);
});

Deno.test("transfer() moves several arguments at once", async () => {
  await using executor = await Executor.start();
  const [a, b] = [new Uint8Array(1), new Uint8Array(2)];
  const sum = await executor.runCpu(
    (a: Uint8Array, { b }: { b: Uint8Array }) => a.length + b.length,
    transfer(a, [a.buffer]),
    transfer({ b }, [b.buffer]),
  );
  assertEquals([sum, a.length, b.length], [3, 0, 0]);
});

Deno.test("transfer() marks whatever holds a buffer, and shows nothing of it", async () => {
  await using executor = await Executor.start();
  const frozen = Object.freeze({ bytes: new Uint8Array(2) });
  const fixed = Object.preventExtensions([new Uint8Array(3)]);
  const length = (value: { bytes: Uint8Array } | Uint8Array[]) =>
    Object.values(value).map(({ length }) => length);
  assertEquals(await executor.runCpu(length, transfer(frozen, [frozen.bytes.buffer])), [2]);
  assertEquals(await executor.runCpu(length, transfer(fixed, [fixed[0]!.buffer])), [3]);
  assertEquals([frozen.bytes.length, fixed[0]!.length], [0, 0]);
  assertEquals([Reflect.ownKeys(frozen), Reflect.ownKeys(fixed)], [["bytes"], ["0", "length"]]);
});

Deno.test("TaskContext.transfer() moves a buffer back", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const make = function (this: TaskContext) {
    const bytes = new Uint8Array(1_000).fill(7);
    (globalThis as unknown as { kept: Uint8Array }).kept = bytes;
    return this.transfer(bytes, [bytes.buffer]);
  };
  const bytes = await executor.runCpu(make);
  assertEquals([bytes.length, bytes[999]], [1_000, 7]);
  const left = await executor.runCpu(() =>
    (globalThis as unknown as { kept: Uint8Array }).kept.length
  );
  assertEquals(left, 0);
});

testOfStreams(
  "transfer() moves streams in both directions",
  async () => {
    await using executor = await Executor.start();
    const upperCase = function (this: TaskContext, lines: ReadableStream<string>) {
      const upper = lines.pipeThrough(
        new TransformStream<string, string>({
          transform: (chunk, controller) => controller.enqueue(chunk.toUpperCase()),
        }),
      );
      return this.transfer(upper, [upper]);
    };
    const source = ReadableStream.from(["a", "b", "c"]);
    const upper = await executor.runCpu(upperCase, transfer(source, [source]));
    assertEquals(await Array.fromAsync(upper), ["A", "B", "C"]);
  },
);

testOfWorkers("transfer() moves ports in both directions", async () => {
  await using executor = await Executor.start();
  const answer = (port: MessagePort) => {
    port.onmessage = ({ data }) => {
      port.postMessage(data * 2);
      port.close();
    };
  };
  const { port1, port2 } = new MessageChannel();
  await executor.runCpu(answer, transfer(port2, [port2]));
  const doubled = await new Promise((resolve) => {
    port1.onmessage = ({ data }) => resolve(data);
    port1.postMessage(21);
  });
  port1.close();
  assertEquals(doubled, 42);

  const port = await executor.runCpu(function (this: TaskContext) {
    const { port1, port2 } = new MessageChannel();
    port1.postMessage("from inside");
    return this.transfer(port2, [port2]);
  });
  const message = await new Promise((resolve) => port.onmessage = ({ data }) => resolve(data));
  port.close();
  assertEquals(message, "from inside");
});

Deno.test("transfer() of what is gone already fails that task only", async () => {
  await using executor = await Executor.start();
  const bytes = new Uint8Array(10);
  const length = (bytes: Uint8Array) => bytes.length;
  assertEquals(await executor.runCpu(length, transfer(bytes, [bytes.buffer])), 10);
  await assertRejects(
    () => executor.runCpu(length, transfer(bytes, [bytes.buffer])),
    NotCloneableError,
  );
  assertEquals(await executor.runCpu(length, new Uint8Array(3)), 3);
});

/** Has a worker know that a task is short, so that it is sent many at once. */
async function startedWith(task: (bytes: Uint8Array<ArrayBuffer>) => unknown): Promise<Executor> {
  const executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  for (let i = 0; i < 20; i++) await executor.runCpu(task, new Uint8Array(1));
  return executor;
}

testOfWorkers("transfer() moves what many tasks that wait are given, each its own", async () => {
  const describe = (value: Uint8Array<ArrayBuffer> | ArrayBuffer) => {
    const view = ArrayBuffer.isView(value) ? value : new Uint8Array(value);
    const { buffer } = view;
    // Some views grow with it.
    if (buffer.resizable && !buffer.detached) buffer.resize(buffer.maxByteLength);
    return [value.constructor.name, view.byteOffset, view.length, Number(view[0])];
  };
  await using executor = await startedWith(describe);
  const makers = [
    (i: number) => new Uint8Array(100).fill(i),
    (i: number) => new Uint8Array(100).fill(i).subarray(10, 20),
    (i: number) => new Uint8Array(100).fill(i).buffer,
    (i: number) => new Float64Array(100).fill(i),
    (i: number) => new BigUint64Array(100).fill(BigInt(i)).subarray(99),
    (i: number) => new Uint8Array(new ArrayBuffer(10, { maxByteLength: 20 })).fill(i),
    (i: number) =>
      new (class Bytes extends Uint8Array<ArrayBuffer> {})(new ArrayBuffer(10)).fill(i),
  ];
  const values = Array.from({ length: 70 }, (_, i) => makers[i % makers.length]!(i));
  const expected = values.map((value) => describe(structuredClone(value) as ArrayBuffer));
  const buffers = values.map((value) => ArrayBuffer.isView(value) ? value.buffer : value);
  using sent = new SentCalls();
  const described = await Promise.all(
    values.map((value, i) =>
      executor.runCpu(describe, transfer(value as ArrayBuffer, [buffers[i]!]))
    ),
  );
  assertEquals(described, expected);
  assertEquals(buffers.map(({ detached }) => detached), values.map(() => true));
  assert(sent.messages < sent.calls, `${sent.calls} calls in ${sent.messages} messages`);
});

Deno.test("transfer() of what cannot be moved fails that task only, of many that wait", async () => {
  const length = (bytes: Uint8Array) => bytes.length;
  await using executor = await startedWith(length);
  const twice = new Uint8Array(10);
  const own = new Uint8Array(new WebAssembly.Memory({ initial: 1 }).buffer as ArrayBuffer);
  const good = () => {
    const bytes = new Uint8Array(20);
    return executor.runCpu(length, transfer(bytes, [bytes.buffer]));
  };
  using sent = new SentCalls();
  const outcomes = await Promise.allSettled([
    ...Array.from({ length: 10 }, good),
    executor.runCpu(length, transfer(twice, [twice.buffer])),
    executor.runCpu(length, transfer(twice, [twice.buffer])),
    good(),
    executor.runCpu(length, transfer(own, [own.buffer])),
    good(),
    executor.runCpu(length, 30 as unknown as Uint8Array),
    executor.runCpu(length, transfer([1, 2] as unknown as Uint8Array, [new ArrayBuffer(1)])),
  ]);
  assertEquals(
    outcomes.map((outcome) =>
      outcome.status === "fulfilled" ? outcome.value : outcome.reason.constructor
    ),
    [...Array(10).fill(20), 10, NotCloneableError, 20, NotCloneableError, 20, undefined, 2],
  );
  assertEquals([twice.length, own.length], [0, 65_536]);
  if (isolation === "worker") assert(sent.messages < sent.calls);
});

Deno.test("transfer() refuses a primitive and a missing list", () => {
  assertThrows(() => transfer(42, []), TypeError, "42");
  assertThrows(() => transfer({}, undefined as unknown as Transferable[]), TypeError, "array");
});
