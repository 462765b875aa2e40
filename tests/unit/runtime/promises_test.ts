import { assertEquals } from "@std/assert";
import { isThenable } from "../../../src/runtime/promises.ts";

Deno.test("isThenable() tells what await would wait for", () => {
  const then = () => {};
  const yes = [
    Promise.resolve(),
    { then },
    Object.assign(() => {}, { then }),
    Object.create({ then }),
  ];
  const no = [null, undefined, 1, "then", {}, { then: 1 }, () => {}, [then], Object.create(null)];
  for (const value of yes) assertEquals(isThenable(value), true);
  for (const value of no) assertEquals(isThenable(value), false, String(typeof value));
});
