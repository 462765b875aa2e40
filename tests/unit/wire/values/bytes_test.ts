import { Buffer } from "node:buffer";
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import {
  buffersAmong,
  copyBytes,
  isBuffer,
  takeBytes,
  toBuffer,
} from "../../../../src/wire/values/bytes.ts";
import { type Random, withSeeds } from "../../../support/random.ts";

/** From this size on a copy is moved. */
const LARGE_BYTES = 262_144;

const classes = [
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
];
type Bytes = InstanceType<(typeof classes)[number]> & ArrayBufferView<ArrayBuffer>;

/** A buffer of random bytes; none is a NaN, of which a float array may keep other bits. */
function randomBuffer(random: Random, bytes: number): ArrayBuffer {
  return new Uint8Array(bytes).fill(random.below(100)).buffer;
}

const textOf = (value: ArrayBuffer | Bytes) =>
  ArrayBuffer.isView(value)
    ? `${value.constructor.name} ${value.byteOffset} ${value.length} ${value.at(-1)}`
    : `ArrayBuffer ${value.byteLength} ${new Uint8Array(value).at(-1)}`;

Deno.test("copyBytes() copies large bytes of any class as a whole", () => {
  withSeeds(60, (random) => {
    const bytes = LARGE_BYTES + 8 * random.below(100);
    const buffer = randomBuffer(random, bytes);
    const value = random.chance(0.2) ? buffer : new (random.pick(classes))(buffer) as Bytes;
    const before = textOf(value);
    const copy = copyBytes(value)!;
    assertEquals(textOf(copy.value as Bytes), before);
    assertStrictEquals(
      ArrayBuffer.isView(copy.value) ? copy.value.buffer : copy.value,
      copy.buffer,
    );
    assert(copy.buffer !== buffer);
    assertEquals(textOf(value), before, "the original is untouched");
  });
});

Deno.test("copyBytes() leaves alone few bytes, parts, and what is special", () => {
  const large = new ArrayBuffer(2 * LARGE_BYTES);
  const detached = new ArrayBuffer(LARGE_BYTES);
  structuredClone(detached, { transfer: [detached] });
  const cases: Record<string, unknown> = {
    "few bytes": new Uint8Array(LARGE_BYTES - 1),
    "a small buffer": new ArrayBuffer(LARGE_BYTES - 1),
    "a part": new Uint8Array(large, 8),
    "the first part": new Uint8Array(large, 0, LARGE_BYTES),
    "a DataView": new DataView(large),
    "a resizable buffer": new ArrayBuffer(LARGE_BYTES, { maxByteLength: 2 * LARGE_BYTES }),
    "shared memory": new Uint8Array(new SharedArrayBuffer(LARGE_BYTES)),
    "a detached buffer": detached,
    "what looks like a buffer": Object.create(ArrayBuffer.prototype),
    "a list": [1],
    "text": "x".repeat(LARGE_BYTES),
    "nothing": null,
  };
  for (const [name, value] of Object.entries(cases)) {
    assert(copyBytes(value) === undefined, name);
  }
});

Deno.test("takeBytes() moves bytes of any class, and what part of them a view shows", () => {
  withSeeds(100, (random) => {
    const bytes = 64 + 8 * random.below(100);
    const buffer = randomBuffer(random, bytes);
    const ViewClass = random.pick(classes);
    const [offset, length] = [8 * random.below(4), 1 + random.below(3)];
    const value = random.chance(0.2) ? buffer : new ViewClass(buffer, offset, length) as Bytes;
    const before = textOf(value);
    const taken = takeBytes(value, [buffer])!;
    assertEquals(textOf(taken.value as Bytes), before);
    assertEquals([taken.buffer.byteLength, buffer.byteLength], [bytes, 0]);
  });
});

Deno.test("takeBytes() leaves untouched what it does not move", () => {
  const [one, two] = [new ArrayBuffer(8), new ArrayBuffer(8)];
  const resizable = new ArrayBuffer(8, { maxByteLength: 16 });
  const { port1, port2 } = new MessageChannel();
  const cases: [value: unknown, transferables: Transferable[]][] = [
    [one, []],
    [one, [one, two]],
    [one, [two]],
    [{ one }, [one]],
    [new DataView(one), [one]],
    [new Uint8Array(two), [one]],
    [resizable, [resizable]],
    [new Uint8Array(resizable), [resizable]],
    [one, [port1]],
    [null, [one]],
  ];
  for (const [value, transferables] of cases) {
    assertEquals(takeBytes(value, transferables), undefined, Deno.inspect(value));
  }
  port1.close();
  port2.close();
  assertEquals([one.byteLength, two.byteLength, resizable.byteLength], [8, 8, 8]);
  one.transfer();
  assertEquals(takeBytes(one, [one]), undefined);
});

class OwnBytes extends Uint8Array {}

const others: readonly unknown[] = [
  new Uint8Array(4),
  new OwnBytes(4),
  new DataView(new ArrayBuffer(4)),
  new ArrayBuffer(4),
  Object.create(Buffer.prototype),
  Object.setPrototypeOf(new Uint8Array(4), null),
  Object.setPrototypeOf(new Uint8Array(4), Object.create(Uint8Array.prototype)),
  { constructor: Buffer },
  [1],
  "text",
  null,
  undefined,
];

Deno.test("isBuffer() tells a Buffer of Node's from all else", () => {
  for (const value of [Buffer.from("text"), Buffer.alloc(0), Buffer.from("text").subarray(1, 2)]) {
    assertEquals(isBuffer(value), true);
  }
  for (const [i, value] of others.entries()) assertEquals(isBuffer(value), false, `number ${i}`);
});

Deno.test("toBuffer() makes a Buffer of bytes that have arrived, without a copy", () => {
  const sent = structuredClone(Buffer.from("some text").subarray(5));
  assertEquals(isBuffer(sent), false);
  const buffer = toBuffer(sent) as Buffer;
  assertEquals([isBuffer(buffer), buffer.toString()], [true, "text"]);
  sent[0] = "n".charCodeAt(0);
  assertEquals(buffer.toString(), "next");
});

Deno.test("buffersAmong() has the indexes of the Buffers among some values", () => {
  withSeeds(200, (random) => {
    const values = random.list(6, () => random.chance(0.3) ? Buffer.alloc(1) : random.pick(others));
    const expected = values.flatMap((value, i) =>
      value instanceof Buffer && isBuffer(value) ? [i] : []
    );
    assertEquals(buffersAmong(values), expected.length === 0 ? undefined : expected);
  });
  assert(buffersAmong([1, Buffer.alloc(1)]) !== undefined);
});
