import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { readStream } from "../../../src/calls/stream.ts";
import { WINDOW } from "../../../src/wire/protocol.ts";
import { settled } from "../settled.ts";

/** A stream whose values come when the test says so. */
class FakeStream {
  readonly calls: string[] = [];
  readonly #end = Promise.withResolvers<void>();
  #onValue: ((value: number) => void) | undefined;

  read(signal?: AbortSignal): AsyncGenerator<number, void, undefined> {
    return readStream<number>((onValue) => {
      this.calls.push("open");
      this.#onValue = onValue;
      return {
        result: this.#end.promise,
        pull: (count) => this.calls.push(`pull ${count}`),
        close: () => this.calls.push("close"),
      };
    }, signal);
  }

  give(...values: number[]): void {
    for (const value of values) this.#onValue!(value);
  }

  end(): void {
    this.#end.resolve();
  }

  fail(message: string): void {
    this.#end.reject(new Error(message));
  }
}

Deno.test("readStream() opens when the first value is asked for, and closes at the end", async () => {
  const stream = new FakeStream();
  const values = stream.read();
  await settled();
  assertEquals(stream.calls, []);
  const all = Array.fromAsync(values);
  await settled();
  stream.give(1, 2);
  await settled();
  stream.give(3);
  stream.end();
  assertEquals(await all, [1, 2, 3]);
  assertEquals(stream.calls, ["open", "close"]);
});

Deno.test("readStream() pulls once for each half of the window", async () => {
  const stream = new FakeStream();
  const values = stream.read();
  const first = values.next();
  await settled();
  stream.give(...Array.from({ length: WINDOW }, (_, index) => index));
  await first;
  for (let taken = 1; taken < WINDOW; taken++) {
    assertEquals(stream.calls.length, taken < WINDOW / 2 ? 1 : 2);
    await values.next();
  }
  assertEquals(stream.calls, ["open", `pull ${WINDOW / 2}`, `pull ${WINDOW / 2}`]);
  await values.return();
});

Deno.test("readStream() throws an error after the values that came before", async () => {
  const stream = new FakeStream();
  const values = stream.read();
  const first = values.next();
  await settled();
  stream.give(1, 2);
  stream.fail("the task broke");
  assertEquals((await first).value, 1);
  assertEquals((await values.next()).value, 2);
  await assertRejects(() => values.next(), Error, "the task broke");
  assertEquals(stream.calls.at(-1), "close");
});

Deno.test("readStream() drops the values that have come when the signal aborts", async () => {
  const stream = new FakeStream();
  const controller = new AbortController();
  const values = stream.read(controller.signal);
  const first = values.next();
  await settled();
  stream.give(1, 2);
  await first;
  controller.abort();
  stream.fail("given up");
  await assertRejects(() => values.next(), Error, "given up");
});

Deno.test("readStream() closes when its loop is left", async () => {
  const stream = new FakeStream();
  for await (const _ of given(stream)) break;
  assertEquals(stream.calls, ["open", "close"]);
});

/** Reads a stream that has one value. */
function given(stream: FakeStream): AsyncGenerator<number, void, undefined> {
  const values = stream.read();
  settled().then(() => stream.give(1));
  return values;
}

/** What an async generator does, whatever is asked of it and when. */
Deno.test("readStream() answers several calls of next() in their order", async () => {
  const stream = new FakeStream();
  const values = stream.read();
  const answers = [values.next(), values.next(), values.next(), values.next()];
  await settled();
  stream.give(1);
  assertEquals(await answers[0], { value: 1, done: false });
  stream.give(2, 3);
  stream.end();
  assertEquals(await Promise.all(answers), [
    { value: 1, done: false },
    { value: 2, done: false },
    { value: 3, done: false },
    { value: undefined, done: true },
  ]);
  assertEquals(await values.next(), { value: undefined, done: true });
  assertEquals(stream.calls, ["open", "close"]);
});

Deno.test("readStream() rejects one of several calls of next(), and ends the rest", async () => {
  const stream = new FakeStream();
  const values = stream.read();
  const answers = [values.next(), values.next(), values.next()];
  await settled();
  stream.give(1);
  stream.fail("the task broke");
  const [first, second, third] = await Promise.allSettled(answers);
  assertEquals(first, { status: "fulfilled", value: { value: 1, done: false } });
  assertEquals(second!.status, "rejected");
  assertEquals(third, { status: "fulfilled", value: { value: undefined, done: true } });
  assertEquals(await values.next(), { value: undefined, done: true });
});

Deno.test("readStream() answers return() after the calls of next() before, and drops the rest", async () => {
  const stream = new FakeStream();
  const values = stream.read();
  const answers: unknown[] = [];
  const note = (answer: unknown) => answers.push(answer);
  values.next().then(note);
  values.return().then(note);
  values.next().then(note);
  await settled();
  assertEquals([answers, stream.calls], [[], ["open"]]);
  stream.give(1, 2);
  await settled();
  assertEquals(answers, [
    { value: 1, done: false },
    { value: undefined, done: true },
    { value: undefined, done: true },
  ]);
  assertEquals(stream.calls, ["open", "close"]);
});

Deno.test("readStream() opens nothing that is left before it begins", async () => {
  for (const leave of ["return", "throw"] as const) {
    const stream = new FakeStream();
    const values = stream.read();
    const error = new Error("left");
    if (leave === "return") assertEquals(await values.return(), { value: undefined, done: true });
    else assertStrictEquals(await values.throw(error).catch((error) => error), error);
    assertEquals(await values.next(), { value: undefined, done: true });
    assertEquals(stream.calls, []);
  }
});

Deno.test("readStream() throws what throw() is given, and closes", async () => {
  const stream = new FakeStream();
  const values = stream.read();
  const first = values.next();
  await settled();
  stream.give(1, 2);
  await first;
  const error = new Error("left");
  assertStrictEquals(await values.throw(error).catch((error) => error), error);
  assertEquals(stream.calls, ["open", "close"]);
  assertEquals(await values.next(), { value: undefined, done: true });
  assertStrictEquals(await values.throw(error).catch((error) => error), error);
  assertEquals(await values.return(), { value: undefined, done: true });
  assertEquals(stream.calls, ["open", "close"]);
});

Deno.test("readStream() rejects what cannot be opened, and is at its end", async () => {
  const values = readStream<number>(() => {
    throw new RangeError("not started");
  }, undefined);
  await assertRejects(() => values.next(), RangeError, "not started");
  assertEquals(await values.next(), { value: undefined, done: true });
});

Deno.test("readStream() is an async iterator that can be iterated once, and disposed of", async () => {
  const stream = new FakeStream();
  {
    await using values = stream.read();
    assertStrictEquals(values[Symbol.asyncIterator](), values);
    assertEquals(Object.prototype.toString.call(values), "[object AsyncGenerator]");
    const first = values.next();
    await settled();
    stream.give(1, 2);
    await first;
  }
  assertEquals(stream.calls, ["open", "close"]);
});

Deno.test("readStream() gives what comes while values are taken", async () => {
  const stream = new FakeStream();
  const values = stream.read();
  const all: number[] = [];
  const reading = (async () => {
    for await (const value of values) {
      all.push(value);
      if (value < 100) stream.give(value + 1);
      else stream.end();
    }
  })();
  await settled();
  stream.give(1);
  await reading;
  assertEquals(all, Array.from({ length: 100 }, (_, index) => index + 1));
});

Deno.test("readStream() discards streams that were not taken", async () => {
  const cancelled: unknown[] = [];
  const body = () => new ReadableStream({ cancel: (reason) => void cancelled.push(reason) });
  const stream = new FakeStream();
  const values = stream.read() as unknown as AsyncGenerator<ReadableStream>;
  const first = values.next();
  await settled();
  stream.give(...[body(), body(), body()] as unknown as number[]);
  await first;
  await values.return(undefined);
  await settled();
  assertEquals(stream.calls, ["open", "close"]);
});
