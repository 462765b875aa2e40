import { assert, assertEquals } from "@std/assert";
import { Executor, type TaskContext, testOfWorkers } from "../support/isolation.ts";

/** A clone of this much is copied once only, if it is a result. */
const LARGE = 1_000_000;

type Bytes = ArrayBufferView | ArrayBuffer;
type ViewClass = new (buffer: ArrayBuffer) => ArrayBufferView;

/** What there is to see of bytes. */
function describe(value: Bytes) {
  const view = ArrayBuffer.isView(value) ? value : new Uint8Array(value);
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  return {
    class: value.constructor.name,
    offset: view.byteOffset,
    size: view.byteLength,
    buffer: [view.buffer.constructor.name, view.buffer.byteLength, resizability(view.buffer)],
    ends: [bytes.at(0), bytes.at(-1)],
  };
}

function resizability(buffer: ArrayBufferLike): boolean {
  return "resizable" in buffer && buffer.resizable;
}

function filled<T extends Bytes>(value: T): T {
  const { buffer, byteOffset, byteLength } = ArrayBuffer.isView(value)
    ? value
    : new Uint8Array(value);
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  bytes.set([1], 0);
  bytes.set([2], byteLength - 1);
  return value;
}

const kinds: Record<string, () => Bytes> = {
  ...Object.fromEntries(
    [
      Int8Array,
      Uint8Array,
      Uint8ClampedArray,
      Int16Array,
      Uint16Array,
      Int32Array,
      Uint32Array,
      Float32Array,
      Float64Array,
      BigInt64Array,
      BigUint64Array,
      DataView,
    ].map((View) => [View.name, () => new (View as ViewClass)(new ArrayBuffer(LARGE))]),
  ),
  ArrayBuffer: () => new ArrayBuffer(LARGE),
  "an empty view": () => new Uint8Array(0),
  "a view of a part": () => new Uint8Array(LARGE * 2).subarray(10, LARGE + 10),
  "a view of the end": () => new Uint8Array(LARGE * 2).subarray(LARGE),
  "what can be resized": () => new Uint8Array(new ArrayBuffer(LARGE, { maxByteLength: LARGE * 2 })),
  "a class of its own": () =>
    new class Bytes extends Uint8Array<ArrayBuffer> {}(new ArrayBuffer(LARGE)),
  "what has a name of its own": () => Object.assign(new Uint8Array(LARGE), { name: "bytes" }),
};

for (const [kind, make] of Object.entries(kinds)) {
  // To a process goes what can be seen of a view.
  const test = /resized|a view of/.test(kind) ? testOfWorkers : Deno.test;
  test(`Executor.runCpu() returns a clone of bytes: ${kind}`, async () => {
    await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
    const value = make();
    if (describe(value).size > 0) filled(value);
    const before = describe(value);
    const returned = await executor.runCpu((value: Bytes) => value, value);
    assertEquals(describe(returned), describe(structuredClone(value)));
    assertEquals(Object.keys(returned), Object.keys(structuredClone(value)));
    assertEquals(describe(value), before);
  });
}

Deno.test("Executor.runCpu() leaves the bytes that a task keeps as they are", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const returned = await executor.runCpu((size: number) => {
    const kept = new Uint8Array(size).fill(1);
    Object.assign(globalThis, { kept });
    return kept;
  }, LARGE);
  const left = await executor.runCpu(() => {
    const { kept } = globalThis as unknown as { kept: Uint8Array };
    return kept.fill(2).length;
  });
  assertEquals([left, returned.length, returned.at(-1)], [LARGE, LARGE, 1]);
});

Deno.test("TaskContext.progress() and streams give clones of bytes, too", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const told: Uint8Array[] = [];
  const count = await executor.with({
    onProgress: (value) => told.push(value as Uint8Array),
  }).runCpu(function (this: TaskContext, size: number) {
    const bytes = new Uint8Array(size);
    for (let i = 1; i <= 3; i++) this.progress(bytes.fill(i));
    return bytes.length;
  }, LARGE);
  assertEquals(count, LARGE);
  assertEquals(told.map((bytes) => [bytes.length, bytes.at(-1)]), [1, 2, 3].map((i) => [LARGE, i]));

  const yielded = await Array.fromAsync(executor.streamCpu(function* (size: number) {
    const bytes = new Uint8Array(size);
    for (let i = 1; i <= 3; i++) yield bytes.fill(i);
  }, LARGE));
  assertEquals(yielded.map((bytes) => bytes.at(-1)), [1, 2, 3]);
});

testOfWorkers("Executor.runCpu() shares shared memory in both directions", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const shared = new Uint8Array(new SharedArrayBuffer(LARGE));
  const returned = await executor.runCpu((bytes: typeof shared) => {
    bytes[0] = 1;
    return bytes;
  }, shared);
  assert(returned.buffer instanceof SharedArrayBuffer);
  returned[1] = 2;
  assertEquals(Array.from(shared.subarray(0, 3)), [1, 2, 0]);
});

Deno.test("Executor.runCpu() is not deceived by what only looks like bytes", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const forged = await executor.runCpu(() => Object.create(ArrayBuffer.prototype));
  assertEquals(Object.keys(forged), []);
  const posing = await executor.runCpu((size: number) => {
    const bytes = new Uint8Array(10);
    Object.defineProperty(bytes, "byteLength", { value: size });
    Object.defineProperty(bytes, "buffer", { value: new ArrayBuffer(size) });
    Object.setPrototypeOf(bytes, null);
    return bytes;
  }, LARGE);
  assertEquals([posing.constructor, posing.byteLength], [Uint8Array, 10]);
});
