import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { mapItems, type MapSettings } from "../../../src/calls/map.ts";
import type { Source, Submitted } from "../../../src/calls/item_reader.ts";
import { settled } from "../settled.ts";

const SETTINGS: MapSettings = { limit: 2, ordered: true, signal: undefined, context: undefined };

/** Tasks that end when the test says so. */
class Tasks {
  readonly submitted: number[] = [];
  readonly withdrawn: number[] = [];
  readonly #ends = new Map<number, PromiseWithResolvers<string>>();

  readonly submit = (item: number): Submitted<string> => {
    this.submitted.push(item);
    const end = Promise.withResolvers<string>();
    this.#ends.set(item, end);
    return { result: end.promise, withdraw: () => this.withdrawn.push(item) };
  };

  end(item: number): void {
    this.#ends.get(item)!.resolve(`result ${item}`);
  }

  fail(item: number): void {
    this.#ends.get(item)!.reject(new Error(`error ${item}`));
  }
}

/** Endless numbers, whose end is written down, and may fail. */
function numbers(ends: string[] = [], error?: Error): Source<number> {
  let last = 0;
  return {
    [Symbol.iterator]: () => ({
      next: () => ({ done: false, value: ++last }),
      return() {
        ends.push("closed");
        if (error !== undefined) throw error;
        return { done: true, value: undefined };
      },
    }),
  };
}

Deno.test("mapItems() reads no source before the first result is asked for", async () => {
  const tasks = new Tasks();
  const results = mapItems(numbers(), SETTINGS, tasks.submit);
  await settled();
  assertEquals(tasks.submitted, []);
  const first = results.next();
  await settled();
  assertEquals(tasks.submitted, [1, 2]);
  tasks.end(1);
  assertEquals(await first, { done: false, value: "result 1" });
  await results.return();
});

Deno.test("mapItems() reads no further ahead than its limit", async () => {
  const tasks = new Tasks();
  const results = mapItems(numbers(), { ...SETTINGS, limit: 3 }, tasks.submit);
  const first = results.next();
  await settled();
  tasks.end(2);
  tasks.end(3);
  await settled();
  // Results that wait to be taken count.
  assertEquals(tasks.submitted, [1, 2, 3]);
  tasks.end(1);
  await first;
  await settled();
  // Nothing is read while nobody asks.
  assertEquals(tasks.submitted, [1, 2, 3]);
  assertEquals((await results.next()).value, "result 2");
  await results.next();
  await settled();
  assertEquals(tasks.submitted.length <= 6, true);
  await results.return();
});

for (
  const [ordered, expected] of [[true, ["result 1", "result 2"]], [false, [
    "result 2",
    "result 1",
  ]]] as const
) {
  Deno.test(`mapItems({ ordered: ${ordered} }) yields ${expected.join(", then ")}`, async () => {
    const tasks = new Tasks();
    const results = mapItems([1, 2], { ...SETTINGS, ordered }, tasks.submit);
    const all = Array.fromAsync(results);
    await settled();
    tasks.end(2);
    await settled();
    tasks.end(1);
    assertEquals(await all, [...expected]);
  });
}

Deno.test("mapItems() throws an error in its turn, takes back the rest, and closes the source", async () => {
  const tasks = new Tasks();
  const ends: string[] = [];
  const results = mapItems(numbers(ends), SETTINGS, tasks.submit);
  const first = results.next();
  await settled();
  tasks.fail(2);
  await settled();
  tasks.end(1);
  assertEquals((await first).value, "result 1");
  await assertRejects(() => results.next(), Error, "error 2");
  assertEquals(tasks.withdrawn.includes(2), false);
  assertEquals([tasks.withdrawn, ends], [tasks.submitted.slice(2), ["closed"]]);
});

Deno.test("mapItems() throws the source's error after the results before, and does not close", async () => {
  const tasks = new Tasks();
  let closed = false;
  const source: Source<number> = {
    [Symbol.asyncIterator]() {
      let last = 0;
      return {
        next: () =>
          ++last === 1
            ? Promise.resolve({ done: false, value: 1 })
            : Promise.reject(new Error("the source broke")),
        return() {
          closed = true;
          return Promise.resolve({ done: true, value: undefined });
        },
      };
    },
  };
  const results = mapItems(source, SETTINGS, tasks.submit);
  const first = results.next();
  await settled();
  tasks.end(1);
  assertEquals((await first).value, "result 1");
  await assertRejects(() => results.next(), Error, "the source broke");
  assertEquals(closed, false);
});

Deno.test("mapItems() ends with the signal while a task runs", async () => {
  const tasks = new Tasks();
  const controller = new AbortController();
  const settings = { ...SETTINGS, signal: controller.signal };
  const ends: string[] = [];
  const first = mapItems(numbers(ends), settings, tasks.submit).next();
  await settled();
  controller.abort(new Error("given up"));
  await assertRejects(() => first, Error, "given up");
  assertEquals([tasks.withdrawn, ends], [[1, 2], ["closed"]]);
});

Deno.test("mapItems() tells the error of the source's end to a loop that is left", async () => {
  const tasks = new Tasks();
  const results = mapItems(numbers([], new Error("closing failed")), SETTINGS, tasks.submit);
  const first = results.next();
  await settled();
  tasks.end(1);
  await first;
  await assertRejects(() => results.return(), Error, "closing failed");
});

Deno.test("mapItems() does not tell the error of the source's end to a loop with another", async () => {
  const tasks = new Tasks();
  const first = mapItems(numbers([], new Error("closing failed")), SETTINGS, tasks.submit).next();
  await settled();
  tasks.fail(1);
  await assertRejects(() => first, Error, "error 1");
});

for (const items of [undefined, null, 1, {}]) {
  Deno.test(`mapItems() refuses ${Deno.inspect(items)}`, () => {
    const map = () => mapItems(items as unknown as number[], SETTINGS, new Tasks().submit);
    assertThrows(map, TypeError, "Cannot map what is not iterable");
  });
}
