import { assert, assertEquals } from "@std/assert";
import { readingTime } from "../../../src/member/reading_time.ts";

Deno.test("readingTime() grows with the bytes of what is read, wherever they are", () => {
  const bytes = new Uint8Array(100_000_000);
  const values = {
    alone: bytes,
    buffer: bytes.buffer,
    inside: { list: [{ bytes }] },
    map: new Map([["bytes", bytes]]),
    set: new Set([bytes]),
    text: "x".repeat(50_000_000),
  };
  for (const [name, value] of Object.entries(values)) {
    const ms = readingTime(["an id", value]);
    // A busy machine was seen to read some 40 MB a second from another process.
    assert(ms > 10_000 && ms < 60_000, `${name}: ${ms}`);
  }
  assert(readingTime([1, "two", null, undefined, { three: [3] }]) < 1);
});

Deno.test("readingTime() looks at a bounded number of values, and ends for what refers to itself", () => {
  const many = Array.from({ length: 1_000_000 }, (_, i) => ({ i }));
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  assertEquals(readingTime([many]), 300_000);
  assertEquals(readingTime([new Map(many.map((value) => [value, value]))]), 300_000);
  assert(readingTime([circle]) < 1);
});

Deno.test("readingTime() calls no getter", () => {
  let called = 0;
  readingTime([{
    get value() {
      return called++;
    },
  }]);
  assertEquals(called, 0);
});
