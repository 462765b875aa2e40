import { assertEquals } from "@std/assert";
import { reasonOf } from "../../../src/tasks/reason.ts";

Deno.test("reasonOf() makes a text of anything that a worker may die of", () => {
  const cases: [cause: unknown, reason: string][] = [
    [new Error("text."), "text"],
    ["text", "text"],
    [42, "42"],
    [null, "null"],
    [undefined, "undefined"],
    [1n, "1n"],
    [2n ** 1_000_000n, "a long bigint"],
    [{ toString: 1, valueOf: 1 }, "an object that is no error"],
    [Object.create(null), "an object that is no error"],
    [[[[{}]]], "an array that is no error"],
    [Symbol("x"), "Symbol(x)"],
  ];
  for (const [cause, reason] of cases) assertEquals(reasonOf(cause), reason);
  assertEquals(reasonOf(new Error("x".repeat(1e6))).length, 10_001);
});
