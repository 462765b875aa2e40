import { assert, assertEquals, assertThrows } from "@std/assert";
import { DONE, PROGRESS, YIELDED } from "../../../src/wire/protocol.ts";
import { MAX_CHARACTERS, RING_BYTES, RingWriter } from "../../../src/wire/ring.ts";
import { RingReader } from "../../../src/wire/ring_reader.ts";
import { transfer } from "../../../src/wire/values/transfer.ts";

/** The two sides of a ring, and the memory between them, which a worker can write. */
function sides() {
  const memory = new SharedArrayBuffer(RING_BYTES);
  const words = new Int32Array(memory, 0, 48);
  const bytes = new Uint8Array(memory, 192);
  return { writer: new RingWriter(memory, 0), reader: new RingReader(memory, 0), words, bytes };
}

/** A value on the other side; `undefined` if the value is not small. */
function cross(value: unknown, { writer, reader } = sides()): [value: unknown] | undefined {
  if (!writer.write(DONE, 7, value)) return;
  writer.publish();
  assertEquals([reader.peek(), reader.run], [DONE, 7]);
  return [reader.take()];
}

const accessor = { get: () => 1, enumerable: true };

/** What crosses in the ring, or must not. */
const values: Record<string, [value: () => unknown, isSmall: boolean]> = {
  "a number": [() => 1.5, true],
  "-0": [() => -0, true],
  "NaN": [() => NaN, true],
  "the greatest integer of 32 bits": [() => 2 ** 31 - 1, true],
  "a greater integer": [() => 2 ** 31, true],
  "undefined": [() => undefined, true],
  "null": [() => null, true],
  "booleans": [() => [true, false], true],
  "an empty string": [() => "", true],
  "a short string": [() => "short", true],
  "a short string with other letters": [() => "Žižkov", true],
  "a string of 24 characters": [() => "0123456789abcdefghijklmn", true],
  "a string of 25 characters": [() => "0123456789abcdefghijklmno", true],
  "a string that begins with a mark": [() => "\uFEFF" + "x".repeat(30), true],
  "a string with a NUL": [() => "\0", true],
  "a pair of surrogates": [() => "😀", true],
  "half of a pair of surrogates": [() => "\uD83D", false],
  "half of a pair in a long string": [() => "x".repeat(100) + "\uDE00", false],
  "a string of 1,024 characters": [() => "x".repeat(MAX_CHARACTERS), true],
  "the longest string of 3 bytes each": [() => "€".repeat(MAX_CHARACTERS), true],
  "a string of 1,025 characters": [() => "x".repeat(MAX_CHARACTERS + 1), false],
  "a bigint": [() => 1n, false],
  "a symbol": [() => Symbol.iterator, false],
  "a function": [() => () => {}, false],
  "an object": [() => ({ id: 1, name: "Ann", note: undefined, none: null, zero: -0 }), true],
  "an empty object": [() => ({}), false],
  "an object without a prototype": [() => Object.assign(Object.create(null), { a: 1 }), true],
  "a frozen object": [() => Object.freeze({ a: 1 }), true],
  "an object with numbers for names": [() => ({ b: 1, 2: 2, 1: 1, "-1": 3 }), true],
  "an object with names of all objects": [() => ({ toString: 1, constructor: "x" }), true],
  "an own property __proto__": [() => JSON.parse('{"__proto__":1}'), false],
  "an object with toJSON": [() => ({ toJSON: "x", a: 1 }), true],
  "a property that is not enumerable": [
    () => Object.defineProperty({ a: 1 }, "b", { value: 2 }),
    true,
  ],
  "a property named by a symbol": [() => ({ a: 1, [Symbol("b")]: 2 }), true],
  "an object with a tag": [() => ({ [Symbol.toStringTag]: "X" }), false],
  "a getter": [() => Object.defineProperty({ a: 1 }, "b", accessor), false],
  "a setter": [() => Object.defineProperty({}, "a", { set: () => {}, enumerable: true }), false],
  "an object in an object": [() => ({ a: {} }), false],
  "an object with a method": [() => ({ a() {} }), false],
  "an object with a bigint": [() => ({ a: 1n }), false],
  "an object with 33 values": [
    () => Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`k${i}`, i])),
    false,
  ],
  "an object with much text": [
    () => Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`k${i}`, "x".repeat(500)])),
    false,
  ],
  "an object of a class": [() =>
    new class A {
      a = 1;
    }(), false],
  "an object that inherits": [() => Object.create({ a: 1 }), false],
  "a date": [() => new Date(0), false],
  "an error": [() => new Error("x"), false],
  "a map": [() => new Map(), false],
  "a map without a prototype": [() => Object.setPrototypeOf(new Map(), null), false],
  "an error with the prototype of objects": [
    () => Object.setPrototypeOf(Object.assign(new Error("x"), { a: 1 }), Object.prototype),
    false,
  ],
  "bytes without a prototype": [() => Object.setPrototypeOf(new Uint8Array(3), null), false],
  "a boxed number": [() => Object(1), false],
  "a proxy": [() => new Proxy({ a: 1 }, {}), false],
  "a revoked proxy": [() => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  }, false],
  "a proxy of an array": [() => new Proxy([1], {}), false],
  "the arguments of a function": [function () {
    return arguments;
  }, false],
  "the exports of a module": [() => import.meta, false],
  "an array": [() => [1, "a", null, undefined, true], true],
  "an empty array": [() => [], true],
  "an array with holes": [() => [1, , 3], false],
  "an array with holes and as many names": [() => Object.assign([1, , 3], { a: 1 }), false],
  "an array with a name": [() => Object.assign([1], { a: 1 }), false],
  "an array with a negative name": [() => Object.assign([], { [-1]: 1 }), false],
  "a match": [() => "abc".match(/b/), false],
  "an array in an array": [() => [[1]], false],
  "an array of 33 values": [() => Array.from({ length: 33 }, () => 1), false],
  "an array of a class": [() => new class List extends Array {}(), false],
  "an object that is marked": [() => transfer({ a: 1 }, [new ArrayBuffer(1)]), false],
};

for (const [name, [make, isSmall]] of Object.entries(values)) {
  Deno.test(`RingWriter.write() ${isSmall ? "takes" : "refuses"} ${name}`, () => {
    const crossed = cross(make());
    assertEquals(crossed !== undefined, isSmall);
    if (crossed === undefined) return;
    assertSame(crossed[0], structuredClone(make()));
  });
}

/** Compares more than `assertEquals()`: prototypes, -0, and the order of names. */
function assertSame(actual: unknown, expected: unknown): void {
  const partsOf = (value: unknown) =>
    typeof value === "object" && value !== null
      ? [
        Object.getPrototypeOf(value),
        Array.isArray(value),
        Object.entries(Object.getOwnPropertyDescriptors(value)),
      ]
      : value;
  assertEquals(partsOf(actual), partsOf(expected));
  if (typeof expected !== "object") assert(Object.is(actual, expected));
}

Deno.test("RingWriter and RingReader make what structured clone makes, of anything", () => {
  let seed = 1;
  const below = (end: number) => (seed = seed * 48_271 % 2_147_483_647) % end;
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const text = () =>
    Array.from(
      { length: pick([0, 1, 5, 23, 24, 25, 200, 1_024]) },
      () => pick(["a", "b", "é", "ÿ", "Ā", "€", "😀", "\0", ...below(50) === 0 ? ["\uD800"] : []]),
    ).join("");
  const primitive = () =>
    pick([
      () => below(1_000) - 500,
      () => (below(1_000) - 500) / 7,
      () => pick([-0, NaN, Infinity, 2 ** 31, -(2 ** 31), 5e-324, 2 ** 53]),
      text,
      () => pick([undefined, null, true, false]),
      () => pick([1n, {}, [], new Date(5)]),
    ].slice(0, pick([5, 5, 5, 6])))();
  const names = ["a", "b", "id", "0", "12", "toString", "é", "a long name of a property", "x y"];
  const value = () =>
    pick<() => unknown>([
      primitive,
      () => Array.from({ length: below(6) }, primitive),
      () => Object.fromEntries(Array.from({ length: below(6) }, () => [pick(names), primitive()])),
    ])();
  const both = sides();
  let small = 0;
  for (let i = 0; i < 20_000; i++) {
    const sent = value();
    const crossed = cross(sent, both);
    if (crossed === undefined) continue;
    small++;
    assertSame(crossed[0], structuredClone(sent));
  }
  // More than ten times around.
  assert(small > 10_000, `${small}`);
});

Deno.test("RingWriter refuses what its host has no room for, until the host has read", () => {
  const { writer, reader } = sides();
  const texts = (i: number) => `${i} `.repeat(100);
  for (let round = 0; round < 5; round++) {
    let written = 0;
    while (writer.write(YIELDED, 1, texts(written))) written++;
    writer.publish();
    assert(written * 200 < RING_BYTES && written * 500 > RING_BYTES, `${written}`);
    assertEquals(writer.write(YIELDED, 1, "no room"), false);
    for (let i = 0; i < written; i++) {
      assertEquals([reader.peek(), reader.take()], [YIELDED, texts(i)]);
    }
    assertEquals(reader.peek(), undefined);
  }
});

Deno.test("RingWriter.takeWish() has a message sent once, when the host waits for one", () => {
  const { writer, reader } = sides();
  const write = (value: unknown) => {
    writer.write(PROGRESS, 1, value);
    writer.publish();
    return writer.takeWish();
  };
  assertEquals([write(1), write(2)], [true, false]);
  assertEquals([reader.peek(), reader.take()], [PROGRESS, 1]);
  assertEquals(write(3), false);
  assertEquals([reader.take(), reader.want()], [2, true]);
  assertEquals([reader.peek(), reader.take(), reader.peek()], [PROGRESS, 3, undefined]);
  assertEquals(reader.want(), false);
  assertEquals([write(4), write(5)], [true, false]);
});

Deno.test("RingWriter.takeWish() leaves a wish for the next entry, if the host has read all", () => {
  const { writer, reader } = sides();
  writer.write(PROGRESS, 1, 1);
  writer.publish();
  // The host is faster than the worker, which has yet to look whether the host waits.
  assertEquals([reader.peek(), reader.take(), reader.want()], [PROGRESS, 1, false]);
  assertEquals(writer.takeWish(), false);
  writer.write(PROGRESS, 1, 2);
  writer.publish();
  assertEquals([writer.takeWish(), writer.takeWish()], [true, false]);
});

Deno.test("RingReader reads a value after the values that went in messages before", () => {
  const { writer, reader } = sides();
  const write = (value: unknown) => {
    writer.write(YIELDED, 1, value);
    writer.publish();
  };
  write("first");
  writer.notePosted();
  writer.notePosted();
  write("after two messages");
  assertEquals([reader.peek(), reader.take(), reader.peek()], [YIELDED, "first", undefined]);
  reader.noteHeard();
  assertEquals(reader.peek(), undefined);
  reader.noteHeard();
  assertEquals([reader.peek(), reader.take()], [YIELDED, "after two messages"]);
});

Deno.test("RingWriter.write() calls a getter once, also of an object that it refuses", () => {
  const { writer } = sides();
  let calls = 0;
  const make = (rest: object) =>
    Object.defineProperties({ a: 1, b: 0, c: 0 }, {
      b: { get: () => ++calls, enumerable: true },
      ...Object.getOwnPropertyDescriptors(rest),
    });
  // The names are known, so that the values are read at once.
  assertEquals(writer.write(DONE, 1, { a: 1, b: 2, c: 3 }), true);
  assertEquals([writer.write(DONE, 1, make({ c: 3 })), calls], [true, 1]);
  const inner = {};
  const value = make({ c: inner });
  assertEquals([writer.write(DONE, 1, value), calls], [false, 2]);
  const instead = writer.unwritten(value) as { c: unknown };
  assertEquals([instead, calls], [{ a: 1, b: 2, c: inner }, 2]);
  assertEquals(instead.c === inner, true);
  assertEquals(writer.unwritten(value), value);
  const failing = make({
    get b() {
      calls++;
      throw new RangeError("of a getter");
    },
  });
  assertEquals([writer.write(DONE, 1, failing), calls], [false, 3]);
  assertThrows(
    () => structuredClone(writer.unwritten(failing)),
    RangeError,
    "of a getter",
  );
  assertEquals(calls, 3);
});

Deno.test("RingWriter.write() takes no name that all objects inherit for an object's own", () => {
  const prototype = Object.prototype as { inherited?: string };
  try {
    prototype.inherited = "by all";
    assertEquals(cross({ a: 1 }), undefined);
  } finally {
    delete prototype.inherited;
  }
  assertEquals(cross({ a: 1 }), [{ a: 1 }]);
});

Deno.test("RingReader makes objects of other names as often as a worker sends such", () => {
  const both = sides();
  for (let i = 0; i < 100; i++) {
    const value = { [`name ${i % 50}`]: i, other: `${i}` };
    assertEquals(cross(value, both), [value]);
  }
});

type Sides = ReturnType<typeof sides>;

/** What a worker writes whose memory was taken over. */
const lies: Record<string, (sides: Sides) => void> = {
  "more bytes than the ring has": ({ words }) => words[0] = 262_145,
  "less than was read": ({ words }) => words[0] = -1,
  "an entry of no kind": ({ words, bytes }) => {
    bytes[0] = 99;
    words[0] = 10;
  },
  "a value of no kind": ({ words, bytes }) => {
    bytes.set([DONE, 0, 0, 0, 1, 99]);
    words[0] = 6;
  },
  "an entry without its value": ({ words, bytes }) => {
    bytes.set([DONE, 0, 0, 0, 1]);
    words[0] = 5;
  },
  "a number beyond the end": ({ words, bytes }) => {
    bytes.set([DONE, 0, 0, 0, 1, 5]);
    words[0] = 6;
  },
  "a short string beyond the end": ({ words, bytes }) => {
    bytes.set([DONE, 0, 0, 0, 1, 6, 255]);
    words[0] = 9;
  },
  "a text beyond the end": ({ words, bytes }) => {
    bytes.set([DONE, 0, 0, 0, 1, 7, 255, 255]);
    words[0] = 9;
  },
  "an object without names": ({ words, bytes }) => {
    bytes.set([DONE, 0, 0, 0, 1, 8, 5]);
    words[0] = 7;
  },
  "an object in an object": ({ words, bytes }) => {
    bytes.set([1, 0, 1, 6, 1, 97, DONE, 0, 0, 0, 1, 8, 0, 8, 0]);
    words[0] = 15;
  },
  "a list of names with a high number": ({ words, bytes }) => {
    bytes.set([1, 32, 0]);
    words[0] = 3;
  },
  "many names": ({ words, bytes }) => {
    bytes.set([1, 0, 200]);
    words[0] = 3;
  },
  "a name that is a number": ({ words, bytes }) => {
    bytes.set([1, 0, 1, 4, 0, 0, 0, 1]);
    words[0] = 8;
  },
  "the name __proto__": ({ words, bytes }) => {
    bytes.set([1, 0, 1, 6, 9, ...new TextEncoder().encode("__proto__")]);
    words[0] = 14;
  },
  "a wrap in the middle": ({ words }) => words[0] = 10,
};

for (const [what, lie] of Object.entries(lies)) {
  Deno.test(`RingReader throws for ${what}`, () => {
    const both = sides();
    lie(both);
    assertThrows(() => {
      if (both.reader.peek() !== undefined) both.reader.take();
    }, RangeError);
  });
}

Deno.test("RingReader reads from a copy what the worker changes meanwhile", () => {
  const { writer, reader, bytes } = sides();
  writer.write(DONE, 7, "honest");
  writer.publish();
  assertEquals([reader.peek(), reader.run], [DONE, 7]);
  bytes.fill(255);
  assertEquals(reader.take(), "honest");
});
