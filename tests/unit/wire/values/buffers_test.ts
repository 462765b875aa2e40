import { Buffer } from "node:buffer";
import { assert, assertEquals } from "@std/assert";
import { buffersAmong, isBuffer, toBuffer } from "../../../../src/wire/values/buffers.ts";
import { withSeeds } from "../../../support/random.ts";

class Bytes extends Uint8Array {}

const others: readonly unknown[] = [
  new Uint8Array(4),
  new Bytes(4),
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
