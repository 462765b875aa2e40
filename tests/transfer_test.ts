import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  Executor,
  NotCloneableError,
  type TaskContext,
  testOfWorkers,
  transfer,
} from "./isolation.ts";
import { transfersStreams } from "./features.ts";

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

testOfWorkers(
  "transfer() moves streams in both directions",
  { ignore: !transfersStreams },
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

Deno.test("transfer() refuses a primitive and a missing list", () => {
  assertThrows(() => transfer(42, []), TypeError, "42");
  assertThrows(() => transfer({}, undefined as unknown as Transferable[]), TypeError, "array");
});
