import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import type { RunOptions } from "../../../src/api/options.ts";
import { narrow } from "../../../src/calls/runner.ts";

const [first, second] = [() => {}, () => {}];

const timeouts: readonly [outer?: number, inner?: number, both?: number][] = [
  [undefined, undefined, undefined],
  [5, undefined, 5],
  [undefined, 5, 5],
  [5, 7, 5],
  [7, 5, 5],
];
for (const [outer, inner, both] of timeouts) {
  Deno.test(`narrow() of timeouts ${outer} and ${inner} is ${both}`, () => {
    assertEquals(narrow({ timeout: outer }, { timeout: inner }).timeout, both);
  });
}

Deno.test("narrow() keeps the listener unless there is another", () => {
  assertStrictEquals(narrow({ onProgress: first }, {}).onProgress, first);
  assertStrictEquals(narrow({ onProgress: first }, { onProgress: second }).onProgress, second);
});

Deno.test("narrow() keeps the tenant, and refuses another", () => {
  const ann: RunOptions = { tenant: "ann" };
  assertEquals(narrow(ann, {}).tenant, "ann");
  assertEquals(narrow({}, ann).tenant, "ann");
  assertEquals(narrow(ann, { tenant: "ann" }).tenant, "ann");
  assertThrows(() => narrow(ann, { tenant: "bob" }), TypeError, '"ann", received "bob"');
});

Deno.test("narrow() of two signals aborts with either, and of one is the same signal", () => {
  const [outer, inner] = [new AbortController(), new AbortController()];
  assertStrictEquals(narrow({ signal: outer.signal }, {}).signal, outer.signal);
  assertStrictEquals(narrow({}, { signal: inner.signal }).signal, inner.signal);
  for (const controller of [outer, inner]) {
    const pair = [new AbortController(), new AbortController()] as const;
    const { signal } = narrow({ signal: pair[0].signal }, { signal: pair[1].signal });
    pair[controller === outer ? 0 : 1].abort("reason");
    assertEquals(signal?.reason, "reason");
  }
});
