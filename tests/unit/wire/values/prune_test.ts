import { assert, assertEquals, assertThrows } from "@std/assert";
import { cloneWhatCanBe } from "../../../../src/wire/values/prune.ts";
import { type Random, withSeeds } from "../../../support/random.ts";
import { describe, put, randomLeaf, randomName, randomPrimitive } from "../../../support/values.ts";

/** What stands in {@linkcode Made} for a value that cannot be cloned. */
const LOST = Symbol("lost");

/** A value, and what must be left of it. */
interface Made {
  value: unknown;
  left: unknown;
}

/** A value in which some things cannot be cloned. */
function randomMixed(random: Random, levels: number): Made {
  if (levels === 0 || random.chance(0.2)) {
    if (random.chance(0.3)) {
      const value = random.pick<unknown>([() => {}, Symbol("s"), new WeakMap(), Promise.resolve()]);
      return { value, left: LOST };
    }
    const leaf = randomLeaf(random);
    // A text as an object has properties, which are copied alone.
    const value = random.chance(0.3) && !(leaf instanceof String) ? leaf : randomPrimitive(random);
    return { value, left: value };
  }
  const items = random.list(4, () => randomMixed(random, levels - 1));
  const kept = items.filter(({ left }) => left !== LOST);
  switch (random.below(4)) {
    case 0:
      return {
        value: items.map(({ value }) => value),
        left: items.map(({ left }) => left === LOST ? undefined : left),
      };
    case 1:
      return {
        value: new Map(items.map(({ value }, i) => [i, value])),
        left: new Map(items.flatMap(({ left }, i) => left === LOST ? [] : [[i, left]])),
      };
    case 2:
      return {
        value: new Set(items.map(({ value }) => value)),
        left: new Set(kept.map(({ left }) => left)),
      };
  }
  const [value, left] = [{}, {}];
  for (const item of items) {
    const name = randomName(random);
    if (Object.hasOwn(value, name)) continue;
    if (random.chance(0.1)) {
      const get = () => {
        throw new Error("unreadable");
      };
      Object.defineProperty(value, name, { get, enumerable: true });
      continue;
    }
    put(value, name, item.value);
    if (item.left !== LOST) put(left, name, item.left);
  }
  return { value, left };
}

Deno.test("cloneWhatCanBe() leaves out what cannot be cloned, and keeps all the rest", () => {
  let pruned = 0;
  withSeeds(500, (random) => {
    const { value, left } = randomMixed(random, 4);
    if (left === LOST) {
      assertEquals(assertThrows(() => cloneWhatCanBe(value), DOMException).name, "DataCloneError");
      return;
    }
    assertEquals(describe(cloneWhatCanBe(value)), describe(left));
    if (describe(value) !== describe(left)) pruned++;
  });
  assert(pruned > 100, `${pruned} values had something to leave out`);
});

Deno.test("cloneWhatCanBe() copies cycles, and what is met twice once", () => {
  const shared = { f() {} };
  const value: Record<string, unknown> = { shared, again: [shared] };
  value.self = value;
  assertEquals(describe(cloneWhatCanBe(value)), '{"shared":{},"again":[1: "0":#1],"self":#0}');
});

Deno.test("cloneWhatCanBe() copies a thousand objects, those near the root first", () => {
  const crowd = Array.from({ length: 5_000 }, (_, i) => ({ i, inner: {} }));
  const copy = cloneWhatCanBe({ deep: { crowd }, last: { kept: { too: 1 } } }) as {
    deep: { crowd: (object | undefined)[] };
    last: unknown;
  };
  assertEquals(copy.last, { kept: { too: 1 } });
  const kept = copy.deep.crowd.filter((item) => item !== undefined).length;
  assert(kept > 900 && kept < 1_000, `${kept} are kept`);
});
