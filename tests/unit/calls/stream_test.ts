import { assertEquals, assertRejects } from "@std/assert";
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
