import { assert, assertEquals } from "@std/assert";
import { hasMetErrors, isTooDeep, MAX_LEVELS } from "../../../../src/wire/values/depth.ts";
import { type Random, withSeeds } from "../../../support/random.ts";
import { randomLeaf, randomPrimitive } from "../../../support/values.ts";

class Own {
  constructor(public inner: object) {}
}

/** The ways in which one object holds another. */
const holders: readonly ((inner: object, random: Random) => object)[] = [
  (inner) => ({ inner }),
  (inner) => [inner],
  (inner, random) => [...random.list(20, () => randomPrimitive(random)), inner],
  (inner) => Object.assign(Object.create(null), { a: 1, inner }),
  (inner) => new Map([[inner, 1]]),
  (inner) => new Map([[1, inner]]),
  (inner) => new Set([1, inner]),
  (inner) => new Own(inner),
  (inner) => new Error("text", { cause: inner }),
  (inner, random) => ({ before: randomLeaf(random), inner, after: {} }),
];

/** A value with this many levels. */
function nested(levels: number, random: Random, kinds = holders): object {
  let value: object = {};
  for (let level = 1; level < levels; level++) value = random.pick(kinds)(value, random);
  return value;
}

Deno.test("isTooDeep() tells a value of one level too many, whatever holds what", () => {
  withSeeds(60, (random) => {
    const kinds = random.chance(0.3) ? [random.pick(holders)] : holders;
    const most = nested(MAX_LEVELS, random, kinds);
    assertEquals(isTooDeep(most), false);
    assertEquals(isTooDeep(random.pick(holders)(most, random)), true);
    assertEquals(isTooDeep([1, { a: { most } }]), true);
  });
});

Deno.test("isTooDeep() counts an object where V8 writes it: where it is met first", () => {
  const deep = nested(MAX_LEVELS, { pick: () => (inner: object) => [inner] } as unknown as Random);
  assertEquals(isTooDeep([deep]), true);
  // Its inside is met near the root, before the long way there.
  const inside = (deep as object[][])[0]![0]!;
  assertEquals(isTooDeep([inside, deep]), false);
  assertEquals(isTooDeep([[[deep]], inside]), true);
});

Deno.test("isTooDeep() looks at what has endless paths, and at a long list with gaps", () => {
  let doubled: object = {};
  let doubledList: object = [];
  for (let i = 1; i < 60; i++) {
    doubled = { a: doubled, b: doubled };
    doubledList = [doubledList, doubledList];
    // With so few levels, too, each has a billion paths.
    if (i % 30 !== 29) continue;
    assertEquals([isTooDeep(doubled), isTooDeep(doubledList)], [false, false]);
  }
  const cycle: object[] = [];
  cycle.push(cycle, [cycle]);
  assertEquals(isTooDeep(cycle), false);
  const gaps: object[] = [];
  gaps[2 ** 32 - 2] = doubled;
  assertEquals(isTooDeep(gaps), false);
  let deep: object = {};
  for (let i = 0; i < MAX_LEVELS; i++) deep = { deep };
  gaps[2 ** 31] = deep;
  assertEquals(isTooDeep(gaps), true);
});

Deno.test("hasMetErrors() says whether an error or a getter was met, and calls none", () => {
  let calls = 0;
  const getter = {
    get inner() {
      calls++;
      return {};
    },
  };
  const cases: [value: object, met: boolean][] = [
    [{ a: [1, new Map([[1, new Set([{}])]])] }, false],
    [[new Date(), new Uint8Array(1), new Own({})], false],
    [{ a: [new TypeError()] }, true],
    [new Map([[1, [new Error()]]]), true],
    [new Set([getter]), true],
    [[getter], true],
  ];
  for (const [value, met] of cases) {
    isTooDeep(value);
    assertEquals([hasMetErrors(), hasMetErrors()], [met, false], Deno.inspect(value));
    // Behind many levels, where it is looked for in another way.
    let deep = value;
    for (let i = 0; i < 100; i++) deep = { deep };
    isTooDeep(deep);
    assertEquals(hasMetErrors(), met, Deno.inspect(value));
  }
  assertEquals(calls, 0);
});

Deno.test("A value of as many levels as may be is cloned", () => {
  withSeeds(20, (random) => {
    const clone = structuredClone(nested(MAX_LEVELS, random, holders.slice(0, 8)));
    assert(typeof clone === "object");
  });
});
