import { assertEquals, assertThrows } from "@std/assert";
import {
  assertCloneable,
  assertNotLost,
  assertReadable,
  isPlain,
  isRefusal,
  isUnmarked,
} from "../../../../src/wire/values/cloneable.ts";
import { MAX_LEVELS } from "../../../../src/wire/values/depth.ts";
import { testUnless, transfersStreams } from "../../../support/features.ts";
import { withSeeds } from "../../../support/random.ts";
import { randomValue } from "../../../support/values.ts";

Deno.test("assertNotLost() refuses what would arrive as an empty object, and nothing of a program's", () => {
  const lost: Record<string, object> = {
    URL: new URL("http://localhost/"),
    Headers: new Headers(),
    Request: new Request("http://localhost/"),
    AbortSignal: new AbortController().signal,
    FormData: new FormData(),
    TextDecoder: new TextDecoder(),
  };
  for (const [name, value] of Object.entries(lost)) {
    const error = assertThrows(() => assertNotLost(value), DOMException, name);
    assertEquals([error.name, isRefusal(error)], ["DataCloneError", false]);
    // Where it is not the value itself, structured clone has its way.
    assertNotLost([value]);
  }
  class URLOfMine extends URL {}
  // By another name in the source, or the compiler would give it one.
  const OwnHeaders = class {};
  Object.defineProperty(OwnHeaders, "name", { value: "Headers" });
  for (
    const value of [new URLOfMine("http://a/"), new OwnHeaders(), {}, [], new Map(), new Date()]
  ) {
    assertNotLost(value);
  }
  for (const value of [1, null, undefined, "text", new Uint8Array(1), Object.create(null)]) {
    assertNotLost(value);
  }
});

Deno.test("assertReadable() refuses a value that is nested too deep, and no other", () => {
  let deep: object = {};
  for (let level = 1; level < MAX_LEVELS; level++) deep = { deep };
  assertReadable(deep);
  for (const check of [assertReadable, assertCloneable]) {
    const error = assertThrows(() => check([deep]), DOMException, `than ${MAX_LEVELS} levels`);
    assertEquals([error.name, isRefusal(error)], ["DataCloneError", true]);
  }
  withSeeds(100, (random) => assertCloneable(randomValue(random)));
});

Deno.test("isRefusal() is about what assertReadable() has thrown, and nothing else", () => {
  for (const error of [undefined, null, "text", new DOMException("text", "DataCloneError")]) {
    assertEquals(isRefusal(error), false);
  }
});

Deno.test("isPlain() tells a primitive that can be cloned", () => {
  for (const value of [1, "text", true, 1n, null, undefined, NaN]) {
    assertEquals(isPlain(value), true, String(value));
  }
  for (const value of [{}, [], () => {}, Symbol("s"), new Date()]) {
    assertEquals(isPlain(value), false);
  }
});

const testOfStreams = testUnless(!transfersStreams && "this Deno cannot transfer a stream");

testOfStreams("isUnmarked() knows what Deno says of a stream or a port that does not move", () => {
  const { port1, port2 } = new MessageChannel();
  // The value itself is always inside of a message.
  for (const value of [[port1], [new ReadableStream()], [1, { a: new WritableStream() }]]) {
    const { message } = assertThrows(() => structuredClone(value), Error);
    assertEquals(isUnmarked(message), true, message);
  }
  for (const value of [() => {}, [Symbol("s")]]) {
    const { message } = assertThrows(() => structuredClone(value), Error);
    assertEquals(isUnmarked(message), false, message);
  }
  port1.close();
  port2.close();
});
