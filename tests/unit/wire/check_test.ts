import { assert, assertEquals } from "@std/assert";
import {
  BEGUN,
  BUFFER,
  DONE,
  DYING,
  FAILED,
  KEPT,
  LIVES,
  LOADED,
  OUTLIVES,
  PROGRESS,
  READY,
  SHARED,
  STREAM_STATE,
  UNLOADABLE,
  YIELDED,
} from "../../../src/wire/protocol.ts";
import { decodeThrown, encodeThrown, type Slot, type Thrown } from "../../../src/wire/thrown.ts";
import { describeMessage, isThrown, isWellFormed } from "../../../src/wire/check.ts";
import {
  endOfMessage,
  MAX_CARRIED_ERRORS,
  MAX_ERRORS,
  MAX_FRAMES_CHARACTERS,
  MAX_MESSAGE_CHARACTERS,
} from "../../../src/wire/thrown_limits.ts";
import { putErrors, takeErrors } from "../../../src/wire/values/carried_errors.ts";

const thrown = encodeThrown(new TypeError("text", { cause: [new Error("inner"), 1] }));
const record = thrown.errors[0]!;
const port = new MessageChannel().port1;
const locked = new ReadableStream();
locked.getReader();
/** A list without anything in it. */
const gaps = (length: number) => Object.assign([], { length });
const cycle: Slot[] = [];
cycle.push({ list: cycle });
/** Small, and endless to follow: each list has the same one in it twice. */
let doubling: Slot = { value: 0 };
for (let i = 0; i < 50; i++) doubling = { list: [doubling, doubling] };
const deep = (depth: number): Slot => {
  let slot: Slot = { value: 0 };
  for (let i = 0; i < depth; i++) slot = { list: [slot] };
  return slot;
};
const withRecord = (fields: object): Thrown => ({
  root: { error: 0 },
  errors: [{ ...record, properties: [], ...fields }],
});
const carried = takeErrors([Object.assign(new Error("1"), { code: 1 })]);

const wellFormed: unknown[] = [
  READY,
  KEPT,
  LIVES,
  OUTLIVES,
  [DONE, 1, undefined],
  [DONE, -(2 ** 31), { a: 1 }],
  [DONE, 1, new Uint8Array(1), BUFFER],
  [DONE, 1, port, [{ id: -1, end: port }]],
  [DONE, 1, {}, [{ id: -1, end: new ReadableStream(), transform: {} }]],
  [DONE, 1, carried.value, carried.errors],
  [PROGRESS, 1, 1],
  [YIELDED, 1, 1],
  [FAILED, 1, "threw", thrown],
  [FAILED, 1, "load", encodeThrown(42)],
  [SHARED, 1],
  [STREAM_STATE, -1, 2],
  [LOADED, "file:///a.ts"],
  [UNLOADABLE, "file:///a.ts", thrown],
  [DYING, encodeThrown({ toString: 1, valueOf: 1 })],
  [BEGUN, 1],
  [BEGUN, "file:///a.ts"],
];

const malformed: Record<string, unknown> = {
  "nothing": undefined,
  "null": null,
  "a number that is no message": 99,
  "no number": NaN,
  "text": "abc",
  "an object": { 0: DONE, 1: 1, 2: 1, length: 3 },
  "bytes": new Uint8Array([DONE, 1, 1]),
  "an empty list": [],
  "a list with a gap": gaps(3),
  "an unknown kind": [99, 1],
  "a kind as text": [String(DONE), 1, 1],
  "DONE without a value": [DONE, 1],
  "DONE with more": [DONE, 1, 1, BUFFER, 1],
  "DONE of no number": [DONE, NaN, 1],
  "DONE of a fraction": [DONE, 1.5, 1],
  "DONE of a large number": [DONE, 2 ** 31, 1],
  "DONE of an object": [DONE, { valueOf: 1 }, 1],
  "DONE with a Buffer that is none": [DONE, 1, {}, BUFFER],
  "DONE with a Buffer that is a DataView": [DONE, 1, new DataView(new ArrayBuffer(1)), BUFFER],
  "DONE with a Buffer of null": [DONE, 1, null, BUFFER],
  "DONE with a null extra": [DONE, 1, 1, null],
  "DONE with an unknown extra": [DONE, 1, 1, 5],
  "DONE with a moved null": [DONE, 1, {}, [null]],
  "DONE with a moved gap": [DONE, 1, {}, gaps(1)],
  "DONE with a moved object": [DONE, 1, {}, [{ id: -1, end: {} }]],
  "DONE with an end of the host's": [DONE, 1, {}, [{ id: 1, end: port }]],
  "DONE with a locked stream": [DONE, 1, {}, [{ id: -1, end: locked }]],
  "DONE with an end twice": [DONE, 1, {}, [{ id: -1, end: port }, { id: -2, end: port }]],
  "DONE with an id twice": [DONE, 1, {}, [
    { id: -1, end: new ReadableStream() },
    { id: -1, end: new WritableStream() },
  ]],
  "DONE with holes that are none": [DONE, 1, {}, { holes: 1, errors: encodeThrown([]) }],
  "DONE with a hole that is a gap": [DONE, 1, {}, { ...carried.errors, holes: gaps(1) }],
  "DONE with too many holes": [DONE, 1, {}, { ...carried.errors, holes: gaps(2 ** 32 - 1) }],
  "DONE with fewer errors": [DONE, 1, {}, { ...carried.errors, holes: [{}, {}] }],
  "DONE with an error that is no list": [DONE, 1, {}, { holes: [{}], errors: thrown }],
  "PROGRESS without a value": [PROGRESS, 1],
  "FAILED of an unknown kind": [FAILED, 1, "tired", thrown],
  "FAILED without a reason": [FAILED, 1, "threw"],
  "SHARED of an object": [SHARED, {}],
  "STREAM_STATE of an unknown state": [STREAM_STATE, -1, 3],
  "STREAM_STATE of an object": [STREAM_STATE, {}, 1],
  "LOADED of a number": [LOADED, 1],
  "UNLOADABLE without a reason": [UNLOADABLE, "file:///a.ts", {}],
  "DYING of a number": [DYING, 5],
  "BEGUN of an object": [BEGUN, {}],
};

const malformedThrown: Record<string, unknown> = {
  "no object": 1,
  "nothing in it": {},
  "no errors": { root: { value: 1 } },
  "errors that are none": { root: { value: 1 }, errors: {} },
  "a gap for an error": { root: { error: 0 }, errors: gaps(1) },
  "no end of gaps": { root: { value: 1 }, errors: gaps(2 ** 32 - 1) },
  "a root that is none": { root: 1, errors: [] },
  "an empty slot": { root: {}, errors: [] },
  "an error that is not there": { root: { error: 1 }, errors: [record] },
  "an error by a fraction": { root: { error: 0.5 }, errors: [record, record] },
  "an error before the first": { root: { error: -1 }, errors: [record] },
  "a list that is none": { root: { list: 1 }, errors: [] },
  "a list with a gap": { root: { list: gaps(1) }, errors: [] },
  "a list in itself": { root: cycle[0], errors: [] },
  "lists that double": { root: doubling, errors: [] },
  "lists that are nested too deep": { root: deep(1_000), errors: [] },
  "too many errors": { root: { error: 0 }, errors: Array(MAX_ERRORS + 1).fill(record) },
  "a type that is no text": withRecord({ type: 1 }),
  "a name that is no text": withRecord({ name: {} }),
  "a message that is no text": withRecord({ message: null }),
  "a stack that is no text": withRecord({ stack: 5 }),
  "a long name": withRecord({ name: "x".repeat(1e5) }),
  "a long message": withRecord({ message: "x".repeat(MAX_MESSAGE_CHARACTERS + 1) }),
  "a long stack": withRecord({ stack: "x".repeat(2 * MAX_FRAMES_CHARACTERS + 1) }),
  "long stacks together": {
    root: { error: 0 },
    errors: Array(100).fill({
      ...record,
      properties: [],
      stack: "\n".repeat(MAX_FRAMES_CHARACTERS),
    }),
  },
  "properties that are none": withRecord({ properties: {} }),
  "a property that is none": withRecord({ properties: [1] }),
  "a gap for a property": withRecord({ properties: gaps(1) }),
  "a property of its own field": withRecord({
    properties: [["stack", { value: { toString: 1 } }, true]],
  }),
  "a property without a name": withRecord({ properties: [[1, { value: 1 }, true]] }),
  "a property that is enumerable in part": withRecord({ properties: [["a", { value: 1 }, 1]] }),
  "too many properties": withRecord({ properties: Array(1e5).fill(["a", { value: 1 }, true]) }),
};

Deno.test("isWellFormed() accepts each message that a worker sends", () => {
  for (const message of wellFormed) {
    assert(isWellFormed(message), describeMessage(message));
  }
});

Deno.test("isWellFormed() refuses what no worker sends", () => {
  for (const [name, message] of Object.entries(malformed)) {
    assertEquals(isWellFormed(message), false, name);
  }
  for (const [name, reason] of Object.entries(malformedThrown)) {
    assertEquals(isWellFormed([FAILED, 1, "threw", reason]), false, name);
  }
});

Deno.test("describeMessage() shows any message in short", () => {
  const all = [...Object.values(malformed), ...Object.values(malformedThrown), 2n ** 100_000n];
  for (const message of all) assert(describeMessage(message).length < 300);
  assertEquals(describeMessage([99, "text", null, {}, 1]), `[99, "text", null, an object, …]`);
});

/** What an encoder of anything must give: within the limits, and the same kind of thing again. */
function roundTrip(value: unknown): unknown {
  const encoded = encodeThrown(value);
  assert(isThrown(encoded));
  assert(isThrown(structuredClone(encoded)));
  return decodeThrown(structuredClone(encoded));
}

Deno.test("encodeThrown() sends a thousand errors, and says that more were left out", () => {
  let chain = new Error("0");
  for (let i = 1; i < 5_000; i++) chain = new Error(String(i), { cause: chain });
  let length = 1;
  let last = roundTrip(chain) as Error;
  for (; last.cause !== undefined; last = last.cause as Error) length++;
  assertEquals(length, MAX_ERRORS);
  assertEquals(last.message, "more was left out: at most 1000 errors are sent");

  const list = Array.from({ length: 5_000 }, (_, i) => new RangeError(String(i)));
  const { errors } = roundTrip(new AggregateError(list, "many")) as AggregateError;
  assertEquals(errors.length, MAX_ERRORS - 1);
  assertEquals(errors[0].message, "0");
  assertEquals(errors.at(-1).message, last.message);

  const nested = (depth: number): Error =>
    depth === 0
      ? new Error("leaf")
      : new AggregateError(Array.from({ length: 5 }, () => nested(depth - 1)));
  assert(roundTrip(nested(6)) instanceof AggregateError);
  // Few errors among very many other things.
  const mixed: unknown[] = Array.from({ length: 100_000 }, (_, i) => i);
  mixed[0] = new Error("one");
  assertEquals(((roundTrip(mixed) as unknown[])[0] as Error).message, "one");
  const wide = Object.assign(
    new Error("wide"),
    Object.fromEntries(mixed.map((_, i) => [`k${i}`, i])),
  );
  assertEquals((roundTrip(wide) as Error & { k0: number }).k0, 0);
  const named = Object.assign(new Error("named"), {
    ["k".repeat(5_000)]: 1,
    short: 1,
    name: "N".repeat(1e6),
  });
  assertEquals(Object.keys(roundTrip(named) as Error), ["short"]);
});

Deno.test("encodeThrown() keeps a long message, and cuts a longer one and a long stack", () => {
  const long = new Error("x".repeat(1e6));
  assertEquals((roundTrip(long) as Error).message, long.message);
  const longer = roundTrip(new Error("x".repeat(1e7))) as Error;
  assertEquals(longer.message.length, MAX_MESSAGE_CHARACTERS);
  assert(longer.message.endsWith("x…"));
  assert(longer.stack!.startsWith(`Error: ${longer.message}\n    at `));

  const deep = new Error("deep");
  deep.stack = `Error: deep\n${"    at task (file:///a.ts:1:1)\n".repeat(1e5)}`;
  const { stack } = roundTrip(deep) as Error;
  assert(stack!.length <= MAX_FRAMES_CHARACTERS + 20);
  assert(/ … \d+ more characters of the stack are left out$/.test(stack!), stack!.slice(-200));
  // Lines of a message are no frames.
  const lines = roundTrip(new Error("a\n".repeat(1e6))) as Error;
  assertEquals(lines.message.length, 2e6);
  const many = Array.from({ length: 900 }, () => new Error("y".repeat(20_000)));
  assert(roundTrip(new AggregateError(many)) instanceof AggregateError);
});

Deno.test("putErrors() puts back as many errors as travel beside a value", () => {
  const all = Array.from(
    { length: 2_000 },
    (_, i) => Object.assign(new TypeError(`${i}`), { code: i }),
  );
  const { value, errors } = takeErrors(all);
  const message = structuredClone([DONE, 1, value, errors]);
  assert(isWellFormed(message));
  const [, , rest, extra] = message as [number, number, unknown, NonNullable<typeof errors>];
  const found = putErrors(rest, extra) as (TypeError & { code?: number })[];
  assertEquals(found.length, 2_000);
  for (const [i, error] of found.entries()) {
    assertEquals([error.message, error.code], [`${i}`, i < MAX_CARRIED_ERRORS ? i : undefined]);
  }
});

Deno.test("endOfMessage() finds where the frames of a stack begin", () => {
  const cases: [stack: string, message: string, rest: string][] = [
    ["Error: text\n    at a", "text", "\n    at a"],
    ["Error [A: B]: text\n    at a", "text", "\n    at a"],
    ["text\n    at a", "text", "\n    at a"],
    ["Error\n    at a", "", "Error\n    at a"],
    ["Error: other\n    at a", "text", "Error: other\n    at a"],
    ["Error: a: b\nc\n    at a", "a: b\nc", "\n    at a"],
    ["", "text", ""],
  ];
  for (const [stack, message, rest] of cases) {
    assertEquals(stack.slice(endOfMessage(stack, message)), rest, stack);
  }
});
