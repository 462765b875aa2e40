import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  transfer,
  transferablesAmong,
  transferablesOf,
} from "../../../../src/wire/values/transfer.ts";
import { withSeeds } from "../../../support/random.ts";

Deno.test("transfer() marks any object, which shows nowhere", () => {
  const buffer = new ArrayBuffer(1);
  for (
    const value of [{ buffer }, Object.freeze([buffer]), buffer, Object.create(null), new Map()]
  ) {
    const before = Reflect.ownKeys(value);
    assertStrictEquals(transfer(value, [buffer]), value);
    assertEquals(Reflect.ownKeys(value), before);
    assertEquals(transferablesOf(value), [buffer]);
    assertEquals(transferablesOf({ ...value }), undefined);
  }
});

Deno.test("transfer() marks again what is marked, with a list of its own", () => {
  const [first, second] = [new ArrayBuffer(1), new ArrayBuffer(2)];
  const list = [first];
  const value = transfer({}, list);
  list.push(second);
  assertEquals(transferablesOf(value), [first]);
  transfer(value, [second]);
  assertEquals(transferablesOf(value), [second]);
});

Deno.test("transfer() refuses what has nothing to move", () => {
  for (const value of [1, "text", null, undefined, true, 1n, Symbol("s"), () => {}]) {
    assertThrows(() => transfer(value, []), TypeError, "Cannot transfer with a");
  }
  for (const list of [undefined, new ArrayBuffer(1), "text"]) {
    assertThrows(() => transfer({}, list as never), TypeError, "pass an array");
  }
});

Deno.test("transferablesAmong() has all that some values have marked, in their order", () => {
  withSeeds(200, (random) => {
    const expected: Transferable[] = [];
    let marked = false;
    const values = random.list(6, () => {
      if (random.chance(0.4)) return random.pick<unknown>([1, "text", null, {}, []]);
      const buffers = random.list(3, () => new ArrayBuffer(1));
      expected.push(...buffers);
      marked = true;
      return transfer({}, buffers);
    });
    const found = transferablesAmong(values);
    if (!marked) return assertEquals(found, undefined);
    assertEquals(found!.length, expected.length);
    found!.forEach((one, i) => assert(one === expected[i]));
  });
});
