import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { mapItems, type MapResults, type MapSettings } from "../../../src/calls/map.ts";
import type { ItemCalls, Source } from "../../../src/calls/item_reader.ts";
import { settled } from "../settled.ts";

const SETTINGS: MapSettings = {
  limit: 2,
  grows: false,
  busy: 2,
  ordered: true,
  signal: undefined,
  context: undefined,
};

/** Tasks that end when the test says so. */
class Tasks implements ItemCalls<number, number> {
  readonly submitted: number[] = [];
  readonly withdrawn: number[] = [];
  /** The item that cannot be submitted. */
  refused: number | undefined;
  readonly #ends = new Map<number, (outcome: unknown) => void>();

  submit(item: number, settle: (outcome: unknown) => void): number {
    if (item === this.refused) throw new Error(`refused ${item}`);
    this.submitted.push(item);
    this.#ends.set(item, settle);
    return item;
  }

  withdraw(item: number): void {
    this.withdrawn.push(item);
  }

  /** How many items are worth reading ahead. */
  worth = 0;

  ahead(): number {
    return this.worth;
  }

  end(item: number): void {
    this.#ends.get(item)!(`result ${item}`);
  }

  fail(item: number): void {
    this.#ends.get(item)!(Promise.reject(new Error(`error ${item}`)));
  }
}

function mapOf(source: Source<number>, settings: MapSettings, tasks: Tasks): Results {
  return mapItems(source, settings, tasks);
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
  const results = mapOf(numbers(), SETTINGS, tasks);
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
  const results = mapOf(numbers(), { ...SETTINGS, limit: 3 }, tasks);
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
    const results = mapOf([1, 2], { ...SETTINGS, ordered }, tasks);
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
  const results = mapOf(numbers(ends), SETTINGS, tasks);
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
  const results = mapOf(source, SETTINGS, tasks);
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
  const first = mapOf(numbers(ends), settings, tasks).next();
  await settled();
  controller.abort(new Error("given up"));
  await assertRejects(() => first, Error, "given up");
  assertEquals([tasks.withdrawn, ends], [[1, 2], ["closed"]]);
});

Deno.test("mapItems() tells the error of the source's end to a loop that is left", async () => {
  const tasks = new Tasks();
  const results = mapOf(numbers([], new Error("closing failed")), SETTINGS, tasks);
  const first = results.next();
  await settled();
  tasks.end(1);
  await first;
  await assertRejects(() => results.return(), Error, "closing failed");
});

Deno.test("mapItems() does not tell the error of the source's end to a loop with another", async () => {
  const tasks = new Tasks();
  const first = mapOf(numbers([], new Error("closing failed")), SETTINGS, tasks).next();
  await settled();
  tasks.fail(1);
  await assertRejects(() => first, Error, "error 1");
});

for (const items of [undefined, null, 1, {}]) {
  Deno.test(`mapItems() refuses ${Deno.inspect(items)}`, () => {
    const map = () => mapOf(items as unknown as number[], SETTINGS, new Tasks());
    assertThrows(map, TypeError, "Cannot map what is not iterable");
  });
}

// The calls of an iterator: as those of an async generator.

/** What came of a call of an iterator: a value, the end, or the message of an error. */
async function outcomeOf(call: Promise<IteratorResult<string, unknown>>): Promise<string> {
  try {
    const { done, value } = await call;
    return done ? value === undefined ? "done" : `done: ${value}` : value as string;
  } catch (error) {
    return (error as Error).message;
  }
}

/** The outcomes of calls, in the order in which they came. */
function outcomesOf(...calls: Promise<IteratorResult<string, unknown>>[]): Promise<string[]> {
  const outcomes: string[] = [];
  return Promise.all(calls.map(async (call) => {
    outcomes.push(await outcomeOf(call));
  })).then(() => outcomes);
}

type Results = MapResults<string>;

/** A map of endless numbers, whose tasks end at once unless the test holds them. */
class Case {
  readonly tasks = new Tasks();
  readonly ends: string[] = [];
  readonly results: Results;
  opened = 0;

  constructor(settings: Partial<MapSettings> = {}, source?: Source<number>, error?: Error) {
    const inner = source ?? numbers(this.ends, error);
    const opening: Source<number> = {
      [Symbol.iterator]: () => {
        this.opened++;
        return Symbol.asyncIterator in inner
          ? inner[Symbol.asyncIterator]() as unknown as Iterator<number>
          : inner[Symbol.iterator]();
      },
    };
    this.results = mapOf(opening, { ...SETTINGS, ...settings }, this.tasks);
  }

  /** Ends the tasks that were submitted, and those that are submitted meanwhile. */
  async endAll(): Promise<void> {
    for (let ended = 0; ended < this.tasks.submitted.length;) {
      this.tasks.end(this.tasks.submitted[ended++]!);
      await settled();
    }
  }
}

const calls: Record<string, (given: Case) => Promise<string[]>> = {
  "return() before the first next() opens nothing": async ({ results }) => [
    await outcomeOf(results.return("left")),
    await outcomeOf(results.next()),
    await outcomeOf(results.return("again")),
  ],
  "throw() before the first next() opens nothing": async ({ results }) => [
    await outcomeOf(results.throw(new Error("thrown"))),
    await outcomeOf(results.next()),
    await outcomeOf(results.throw(new Error("again"))),
  ],
  "calls of next() without waiting have the results in order": async (given) => {
    const { results } = given;
    const outcomes = outcomesOf(results.next(), results.next(), results.next());
    await settled();
    await given.endAll();
    return await outcomes;
  },
  "return() waits for the calls of next() before": async (given) => {
    const { results } = given;
    const outcomes = outcomesOf(
      results.next(),
      results.return("left"),
      results.next(),
      results.return("again"),
    );
    await settled();
    await given.endAll();
    return await outcomes;
  },
  "return() waits for a promise": async (given) => {
    const { results } = given;
    const first = results.next();
    await settled();
    await given.endAll();
    return [
      await outcomeOf(first),
      await outcomeOf(results.return(Promise.resolve("left"))),
      await outcomeOf(results.return(Promise.reject(new Error("no value")))),
    ];
  },
  "throw() ends the loop, and closes the source": async (given) => {
    const { results } = given;
    const first = results.next();
    await settled();
    await given.endAll();
    return [
      await outcomeOf(first),
      await outcomeOf(results.throw(new Error("thrown"))),
      await outcomeOf(results.next()),
    ];
  },
  "an error ends the loop for the calls behind": async ({ results, tasks }) => {
    const outcomes = outcomesOf(results.next(), results.next(), results.next());
    await settled();
    tasks.fail(1);
    return await outcomes;
  },
  "the loop is closed once": async (given) => {
    const { results } = given;
    const first = results.next();
    await settled();
    await given.endAll();
    const outcomes = [await outcomeOf(first)];
    for (let times = 0; times < 2; times++) outcomes.push(await outcomeOf(results.return("left")));
    await results[Symbol.asyncDispose]();
    return outcomes;
  },
};
const expectations: Record<string, [outcomes: string[], opened: number, ends: string[]]> = {
  "return() before the first next() opens nothing": [["done: left", "done", "done: again"], 0, []],
  "throw() before the first next() opens nothing": [["thrown", "done", "again"], 0, []],
  "calls of next() without waiting have the results in order": [
    ["result 1", "result 2", "result 3"],
    1,
    [],
  ],
  "return() waits for the calls of next() before": [
    ["result 1", "done: left", "done", "done: again"],
    1,
    ["closed"],
  ],
  "return() waits for a promise": [["result 1", "done: left", "no value"], 1, ["closed"]],
  "throw() ends the loop, and closes the source": [["result 1", "thrown", "done"], 1, ["closed"]],
  "an error ends the loop for the calls behind": [["error 1", "done", "done"], 1, ["closed"]],
  "the loop is closed once": [["result 1", "done: left", "done: left"], 1, ["closed"]],
};
for (const [name, call] of Object.entries(calls)) {
  for (const ordered of [true, false]) {
    Deno.test(`mapItems({ ordered: ${ordered} }): ${name}`, async () => {
      const given = new Case({ ordered });
      const [outcomes, opened, ends] = expectations[name]!;
      assertEquals(await call(given), outcomes);
      assertEquals([given.opened, given.ends], [opened, ends]);
      await given.results.return(undefined);
    });
  }
}

Deno.test("mapItems() throws what opening its source throws, and has ended", async () => {
  const source: Source<number> = {
    [Symbol.iterator]() {
      throw new Error("cannot be opened");
    },
  };
  const { results } = new Case({}, source);
  assertEquals(await outcomeOf(results.next()), "cannot be opened");
  assertEquals(await outcomeOf(results.next()), "done");
});

Deno.test("mapItems() throws an error of return() once, and has ended", async () => {
  const given = new Case({}, undefined, new Error("closing failed"));
  const first = given.results.next();
  await settled();
  await given.endAll();
  assertEquals(await outcomeOf(first), "result 1");
  assertEquals(await outcomeOf(given.results.return("left")), "closing failed");
  assertEquals(await outcomeOf(given.results.return("left")), "done: left");
  assertEquals(given.ends, ["closed"]);
});

Deno.test("mapItems() drops results that are there when the signal aborts", async () => {
  const controller = new AbortController();
  const given = new Case({ signal: controller.signal });
  const first = given.results.next();
  await settled();
  await given.endAll();
  assertEquals(await outcomeOf(first), "result 1");
  controller.abort(new Error("given up"));
  assertEquals(await outcomeOf(given.results.next()), "given up");
  assertEquals(await outcomeOf(given.results.next()), "done");
  assertEquals(given.ends, ["closed"]);
});

Deno.test("mapItems() opens its source at the first next() though the signal has aborted", async () => {
  const given = new Case({ signal: AbortSignal.abort(new Error("given up")) });
  assertEquals(await outcomeOf(given.results.next()), "given up");
  assertEquals([given.opened, given.tasks.submitted, given.ends], [1, [], ["closed"]]);
});

for (const kind of ["items", "steps"] as const) {
  Deno.test(`mapItems() asks for one item at a time while the ${kind} of a source are promises`, async () => {
    const asked: PromiseWithResolvers<number>[] = [];
    const ends: string[] = [];
    const source = {
      [Symbol.iterator]: () => ({
        next() {
          const item = Promise.withResolvers<number>();
          asked.push(item);
          const { promise } = item;
          return kind === "items"
            ? { done: false, value: promise }
            : promise.then((value) => ({ done: false, value }));
        },
        return() {
          ends.push("closed");
          return { done: true };
        },
      }),
    } as unknown as Source<number>;
    const { results, tasks } = new Case({ limit: 3 }, source);
    const first = results.next();
    for (const item of [1, 2, 3]) {
      await settled();
      assertEquals([asked.length, tasks.submitted.length], [item, item - 1]);
      asked.at(-1)!.resolve(item);
    }
    await settled();
    assertEquals([asked.length, tasks.submitted], [3, [1, 2, 3]]);
    tasks.end(1);
    assertEquals(await outcomeOf(first), "result 1");
    await settled();
    assertEquals(asked.length, 3);
    // The source is asked again, and fails while a result waits.
    const second = results.next();
    await settled();
    assertEquals(asked.length, 4);
    asked.at(-1)!.reject(new Error("no item"));
    tasks.end(2);
    tasks.end(3);
    assertEquals(await outcomeOf(second), "result 2");
    assertEquals(await outcomeOf(results.next()), "result 3");
    assertEquals(await outcomeOf(results.next()), "no item");
    // A source whose step fails has ended; a source whose item fails has not.
    assertEquals(ends, kind === "items" ? ["closed"] : []);
  });
}

Deno.test("mapItems() submits no item that comes after the loop was left", async () => {
  const late = Promise.withResolvers<IteratorResult<number>>();
  let asked = 0;
  const source = {
    [Symbol.asyncIterator]: () => ({
      next: () => asked++ === 0 ? Promise.resolve({ done: false, value: 1 }) : late.promise,
    }),
  } as Source<number>;
  const { results, tasks } = new Case({}, source);
  const first = results.next();
  await settled();
  tasks.end(1);
  await first;
  assertEquals(await outcomeOf(results.return("left")), "done: left");
  late.resolve({ done: false, value: 2 });
  await settled();
  assertEquals([asked, tasks.submitted], [2, [1]]);
});

Deno.test("mapItems() throws in its turn why an item cannot be submitted, and closes the source", async () => {
  const ends: string[] = [];
  const tasks = new Tasks();
  tasks.refused = 2;
  const results = mapOf(numbers(ends), SETTINGS, tasks);
  const first = results.next();
  await settled();
  tasks.end(1);
  assertEquals(await outcomeOf(first), "result 1");
  assertEquals(await outcomeOf(results.next()), "refused 2");
  assertEquals(ends, ["closed"]);
});

Deno.test("mapItems() yields to whom asked first when its source asks, too", async () => {
  const tasks = new Tasks();
  const inner: Promise<string>[] = [];
  let last = 0;
  const source: Source<number> = {
    [Symbol.iterator]: () => ({
      next() {
        if (++last === 2) inner.push(outcomeOf(results.next()));
        return { done: false, value: last };
      },
    }),
  };
  const results: Results = mapOf(source, SETTINGS, tasks);
  const outer = results.next();
  await settled();
  tasks.end(1);
  tasks.end(2);
  assertEquals([await outcomeOf(outer), await inner[0]], ["result 1", "result 2"]);
  await results.return(undefined);
});

// How far the source is read ahead.

/** A loop that takes all results that are there, waits, and has all its tasks end at once. */
class Waiting {
  readonly tasks = new Tasks();
  readonly results: MapResults<string>;
  #taken = 0;

  constructor(settings: Partial<MapSettings> = {}) {
    this.results = mapOf(numbers(), { ...SETTINGS, grows: true, ...settings }, this.tasks);
  }

  /** How many items are in flight when the loop waits; then all tasks end, and their results are taken. */
  async wait(): Promise<number> {
    const next = this.results.next();
    const inFlight = this.tasks.submitted.slice(this.#taken);
    for (const item of inFlight) this.tasks.end(item);
    await next;
    for (let i = 1; i < inFlight.length; i++) await this.results.next();
    this.#taken += inFlight.length;
    // Items that were read while results were taken: the next time the loop waits for these, too.
    return inFlight.length;
  }

  async waits(times: number): Promise<number[]> {
    const found: number[] = [];
    for (let i = 0; i < times; i++) found.push(await this.wait());
    return found;
  }
}

/** A result that took less than LONG_WAIT_MS of item_reader.ts: a busy machine may need several tries. */
async function soon<R>(get: () => Promise<R>): Promise<R> {
  while (true) {
    const begun = performance.now();
    const result = await get();
    if (performance.now() - begun < 4) return result;
  }
}

Deno.test("mapItems() reads further ahead each time that the loop waits for short tasks", async () => {
  const found = await soon(async () => {
    const loop = new Waiting();
    loop.tasks.worth = 20;
    const growing = await loop.waits(7);
    // The tasks take longer from now on.
    loop.tasks.worth = 5;
    const longer = (await loop.waits(4)).slice(2);
    loop.tasks.worth = 0;
    const long = (await loop.waits(4)).slice(2);
    await loop.results.return();
    return { growing, longer, long };
  });
  // The first results tell how long the tasks take.
  assertEquals(found, { growing: [2, 2, 4, 8, 16, 20, 20], longer: [5, 5], long: [2, 2] });
});

Deno.test("mapItems() reads no further ahead than a limit that is fixed", async () => {
  const found = await soon(async () => {
    const loop = new Waiting({ grows: false });
    loop.tasks.worth = 20;
    const found = await loop.waits(5);
    await loop.results.return();
    return found;
  });
  assertEquals(found, [2, 2, 2, 2, 2]);
});

Deno.test("mapItems() takes back each item that was read ahead, once", async () => {
  const { left, withdrawn } = await soon(async () => {
    const loop = new Waiting();
    loop.tasks.worth = 20;
    await loop.waits(5);
    const next = loop.results.next();
    const left = loop.tasks.submitted.slice(-20);
    loop.tasks.end(left[0]!);
    await next;
    await loop.results.return();
    return { left, withdrawn: loop.tasks.withdrawn };
  });
  assertEquals(withdrawn, left.slice(1));
});

for (const settings of [{ grows: true }, { limit: 1_000 }]) {
  Deno.test(`mapItems(${JSON.stringify(settings)}) lets other events come though a result is always there`, async () => {
    const calls: ItemCalls<number, number> = {
      submit(item, settle) {
        settle(item);
        return item;
      },
      withdraw() {},
      ahead: () => Infinity,
    };
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    for await (const _ of mapItems(numbers(), { ...SETTINGS, ...settings }, calls)) {
      if (ticks >= 5) break;
    }
    clearInterval(timer);
  });
}
