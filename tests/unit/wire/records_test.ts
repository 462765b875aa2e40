import { deserialize, serialize } from "node:v8";
import { assertEquals } from "@std/assert";
import { DONE, FAILED, type FromProcess, PROGRESS } from "../../../src/wire/protocol.ts";
import { BEGINS, isResult, RecordReader, RecordWriter, TOOK } from "../../../src/wire/records.ts";
import { mulberry32 } from "../../../soak/random.ts";

/** A reader, and what it has found. */
function listen() {
  const found: unknown[] = [];
  const reader = new RecordReader({
    onRecord: (...record) => found.push(["record", ...record]),
    onResult: (...result) => found.push(["result", ...result]),
    onMessage: (message) => found.push(["message", message]),
    onBroken: (why) => found.push(["broken", why]),
  }, deserialize);
  return { found, reader };
}

/** A writer, and all that was written, each time as bytes of their own. */
function write() {
  const chunks: Uint8Array[] = [];
  const writer = new RecordWriter(({ buffer, byteOffset, byteLength }) => {
    chunks.push(new Uint8Array(buffer, byteOffset, byteLength).slice());
  }, serialize);
  return { chunks, writer };
}

function joined(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(chunks.flatMap((chunk) => [...chunk]));
}

const bytes = Float64Array.from({ length: 2_000 }, (_, i) => i / 7);
const results = [0, -0, 1.5, NaN, -Infinity, undefined, null, true, false];
const messages: FromProcess[] = [
  [DONE, 1, "text"],
  [DONE, -(2 ** 31), { list: [1, undefined, { deep: new Map([[1, 2]]) }] }],
  [PROGRESS, 7, bytes],
  [DONE, 2 ** 31 - 1, new Uint8Array(20_000).fill(3)],
  [DONE, 8, new Uint8Array(0)],
  [DONE, 9, new Uint16Array([1, 2])],
  [FAILED, 1, "threw", { root: { value: "x".repeat(30_000) }, errors: [] }],
];

/** Writes all kinds of records; returns what a reader is to find. */
function writeAll(writer: RecordWriter): unknown[] {
  const expected: unknown[] = [];
  let run = 2 ** 31 - 5;
  for (const result of results) {
    run = run + 1 | 0;
    writer.add(BEGINS, run);
    writer.add(TOOK, run, 0.25);
    writer.addResult(run, result);
    expected.push(["record", BEGINS, run, 0], ["record", TOOK, run, 0.25], ["result", run, result]);
  }
  for (const message of messages) {
    writer.send(message);
    expected.push(["message", message]);
  }
  writer.add(BEGINS, 5);
  writer.flush();
  expected.push(["record", BEGINS, 5, 0]);
  return expected;
}

Deno.test("RecordReader finds what RecordWriter has written, however it is cut", () => {
  const { chunks, writer } = write();
  const expected = writeAll(writer);
  const all = joined(chunks);
  const random = mulberry32(7);
  for (const most of [1, 15, 16, 17, 1_000, 65_536, all.length]) {
    const { found, reader } = listen();
    for (let at = 0; at < all.length;) {
      const size = most === 1 ? 1 : 1 + Math.floor(random() * most);
      reader.read(all.subarray(at, at + size));
      at += size;
    }
    assertEquals(found, expected);
  }
});

Deno.test("RecordReader gives bytes a buffer of their own", () => {
  const { chunks, writer } = write();
  writer.send([DONE, 1, bytes]);
  const { found, reader } = listen();
  reader.read(joined(chunks));
  const [[, [, , value]]] = found as [[string, [number, number, Float64Array]]];
  assertEquals([value.buffer.byteLength, value.byteOffset], [bytes.byteLength, 0]);
});

Deno.test("RecordWriter writes with flush(), with each message, and when much was added", () => {
  const { chunks, writer } = write();
  writer.add(BEGINS, 1);
  assertEquals(chunks.length, 0);
  writer.flush();
  writer.flush();
  assertEquals(chunks.map(({ length }) => length), [16]);
  writer.addResult(1, 5);
  writer.send([DONE, 2, "text"]);
  assertEquals(chunks.length, 2);
  for (let run = 0; run < 1_000; run++) writer.add(BEGINS, run);
  assertEquals(chunks.length, 3);
});

Deno.test("isResult() is true of what a record has room for", () => {
  assertEquals(results.every(isResult), true);
  const others = ["", "text", 5n, {}, [], new Number(1), Symbol()];
  assertEquals(others.map(isResult), others.map(() => false));
});

/** A record without a body. */
function record(kind: number, run = 0, value = 0): number[] {
  const view = new DataView(new ArrayBuffer(16));
  view.setInt32(0, kind, true);
  view.setInt32(4, run, true);
  view.setFloat64(8, value, true);
  return [...new Uint8Array(view.buffer)];
}

const MESSAGE = 4, BYTES = 5;

/** What no process of this package writes. */
const nonsense: Record<string, number[]> = {
  "an unknown kind": record(99),
  "a negative kind": record(-1),
  "a kind with more bits": record(BEGINS + 256),
  "a message without bytes": record(MESSAGE, 0),
  "a message that cannot be read": [...record(MESSAGE, 5), 1, 2, 3, 4, 5],
  "a size that is no number": record(BYTES, 1, NaN),
  "a size that is negative": record(BYTES, 1, -5),
  "a size that is no integer": record(BYTES, 1, 1.5),
  "a size without end": record(BYTES, 1, Infinity),
  "bytes of an unknown class": [...record(BYTES | 200 << 8 | DONE << 16, 1, 1), 0],
  "bytes that do not fit their class": [...record(BYTES | 5 << 8 | DONE << 16, 1, 3), 0, 0, 0],
};

for (const [what, written] of Object.entries(nonsense)) {
  Deno.test(`RecordReader reads nothing after ${what}`, () => {
    const { found, reader } = listen();
    reader.read(new Uint8Array([...record(BEGINS, 3), ...written, ...record(BEGINS, 4)]));
    reader.read(new Uint8Array(record(BEGINS, 5)));
    assertEquals(found.length, 2);
    assertEquals([found[0], (found[1] as string[])[0]], [["record", BEGINS, 3, 0], "broken"]);
  });
}

Deno.test("RecordReader takes no more memory for a size than what has come", () => {
  const { found, reader } = listen();
  reader.read(new Uint8Array(record(BYTES | 1 << 8 | DONE << 16, 1, 2 ** 52)));
  for (let chunk = 0; chunk < 100; chunk++) reader.read(new Uint8Array(1_000));
  assertEquals(found, []);
});
