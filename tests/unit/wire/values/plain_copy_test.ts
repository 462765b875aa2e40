import { assertEquals, assertStrictEquals } from "@std/assert";
import { copyPlain } from "../../../../src/wire/values/plain_copy.ts";

Deno.test("copyPlain() copies plain objects and lists, and keeps the rest", () => {
  const kept = new ReadableStream();
  const shared = { kept };
  const value = {
    list: [1, "a", null, undefined, 2n, shared, shared],
    // deno-lint-ignore no-sparse-arrays
    sparse: [, 1],
    bare: Object.assign(Object.create(null), { bytes: new Uint8Array(3), date: new Date(0) }),
  };
  const copy = copyPlain(value, [kept])!;
  assertEquals(copy.list.slice(0, 5), value.list.slice(0, 5));
  assertStrictEquals((copy.list[5] as typeof shared).kept, kept);
  assertEquals(copy.list[5] === copy.list[6], true);
  assertEquals(copy.list[5] === shared, false);
  assertEquals([copy.sparse.length, 0 in copy.sparse], [2, false]);
  assertStrictEquals(copy.bare.bytes, value.bare.bytes);
  assertStrictEquals(copy.bare.date, value.bare.date);
  assertStrictEquals(copyPlain(kept, [kept]), kept);
  assertEquals(copyPlain(42, []), 42);
});

Deno.test("copyPlain() copies cycles", () => {
  const value: { self?: unknown } = {};
  value.self = value;
  const copy = copyPlain(value, [])!;
  assertStrictEquals(copy.self, copy);
});

Deno.test("copyPlain() leaves to structured clone what is not plain", () => {
  class Own {}
  for (
    const value of [
      new Own(),
      { own: new Own() },
      [new Map()],
      { set: new Set() },
      { error: new Error() },
      {
        get it() {
          return 1;
        },
      },
      JSON.parse('{"__proto__":{}}'),
      { blob: new Blob() },
    ]
  ) assertEquals(copyPlain(value, []), undefined);
});
