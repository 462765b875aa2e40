import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { Executor, NotStartedError, tasksFrom, testOfWorkers } from "../support/isolation.ts";
import { until } from "../support/waiting.ts";

const { later } = tasksFrom(import.meta, () => import("../fixtures/tasks.ts"));

const double = (n: number) => n * 2;

Deno.test("Executor.map*() yield the results in the order of the items", async () => {
  await using executor = await Executor.start();
  const slowFirst = (ms: number) => new Promise<number>((resolve) => setTimeout(resolve, ms, ms));
  const items = [60, 5, 30, 1, 10];
  assertEquals(await Array.fromAsync(executor.mapBlocking(slowFirst, items)), items);
  assertEquals(await Array.fromAsync(executor.mapCpu(double, new Set([1, 2, 3]))), [2, 4, 6]);
});

Deno.test("Executor.map*() take async sources", async () => {
  await using executor = await Executor.start();
  async function* numbers() {
    for (let i = 0; i < 20; i++) yield await Promise.resolve(i);
  }
  const doubled = await Array.fromAsync(executor.mapCpu(double, numbers()));
  assertEquals(doubled, Array.from({ length: 20 }, (_, i) => i * 2));
  assertEquals(await Array.fromAsync(executor.mapCpu(double, [])), []);
});

Deno.test("Executor.map*() yield a result while the source is still waited for", async () => {
  await using executor = await Executor.start();
  const more = Promise.withResolvers<void>();
  async function* slow() {
    yield 1;
    await more.promise;
    yield 2;
  }
  const results = executor.mapCpu(double, slow());
  assertEquals(await results.next(), { done: false, value: 2 });
  more.resolve();
  assertEquals(await results.next(), { done: false, value: 4 });
  assertEquals((await results.next()).done, true);
});

/** Endless numbers, and how far they were read and taken. */
class Counted {
  read = 0;
  taken = 0;

  *[Symbol.iterator](): Generator<number, void, undefined> {
    while (true) yield this.read++;
  }

  /** How many numbers were read and not taken. */
  get ahead(): number {
    return this.read - this.taken;
  }
}

Deno.test("Executor.map*() read the source no further ahead than twice maxWorkers", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 2 } });
  const numbers = new Counted();
  const sleep = (n: number) => new Promise<number>((resolve) => setTimeout(resolve, 10, n));
  for await (const _ of executor.mapCpu(sleep, numbers)) {
    numbers.taken++;
    assert(numbers.ahead <= 4, `${numbers.ahead} read ahead`);
    if (numbers.taken === 30) break;
  }
  // Time in which nobody takes anything.
  await executor.runCpu(later, "later", 20);
  assert(numbers.ahead <= 4, `${numbers.ahead} read ahead`);
});

for (const ordered of [true, false]) {
  testOfWorkers(
    `Executor.map*({ ordered: ${ordered} }) read further ahead while tasks are short, and the loop waits`,
    async () => {
      await using executor = await Executor.start({ cpu: { maxWorkers: 2 } });
      const numbers = new Counted();
      let hasGrown = false;
      for await (const _ of executor.mapCpu(double, numbers, { ordered })) {
        numbers.taken++;
        hasGrown ||= numbers.ahead > 64;
        if (!hasGrown) continue;
        // The loop is slow from now on.
        await new Promise((resolve) => setTimeout(resolve, numbers.ahead > 5 ? 0 : 5));
        if (numbers.ahead <= 4) break;
      }
      assertEquals(hasGrown, true);
      assertEquals(executor.stats().cpu.queued, 0);
      const { completed, cancelled } = executor.stats().cpu;
      assertEquals(completed + cancelled, numbers.read);
    },
  );
}

for (const options of [{}, { buffer: 4_096 }, { ordered: false }] as const) {
  Deno.test(`Executor.map*(${Deno.inspect(options)}) let other events come while they go on`, async () => {
    await using executor = await Executor.start({ cpu: { maxWorkers: 2 } });
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    for await (const _ of executor.mapCpu(double, new Counted(), options)) if (ticks >= 50) break;
    clearInterval(timer);
  });
}

Deno.test("Executor.map*() leave most of a bounded queue to others", async () => {
  let full = 0;
  await using executor = await Executor.start({ cpu: { maxWorkers: 2, maxQueue: 100 } });
  executor.addEventListener("queuefull", () => full++);
  async function* numbers(counted: Counted) {
    for (const n of counted) yield await Promise.resolve(n);
  }
  for (const isAsync of [false, true]) {
    const counted = new Counted();
    let most = 0;
    for await (const _ of executor.mapCpu(double, isAsync ? numbers(counted) : counted)) {
      most = Math.max(most, executor.stats().cpu.queued);
      if (counted.taken++ === 5_000) break;
    }
    assert(most <= 25, `${most} queued`);
  }
  assertEquals(full, 0);
});

Deno.test("Executor.map*() end at the position of a failure", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 2 } });
  const failAt3 = (n: number) => {
    if (n === 3) throw new RangeError("three");
    return n;
  };
  const taken: number[] = [];
  await assertRejects(
    async () => {
      for await (const n of executor.mapCpu(failAt3, [0, 1, 2, 3, 4, 5])) taken.push(n);
    },
    RangeError,
    "three",
  );
  assertEquals(taken, [0, 1, 2]);
});

Deno.test("Executor.map*() end at the position of the source's failure", async () => {
  await using executor = await Executor.start();
  function* numbers() {
    yield 1;
    yield 2;
    throw new RangeError("no more");
  }
  const taken: number[] = [];
  await assertRejects(
    async () => {
      for await (const n of executor.mapCpu(double, numbers())) taken.push(n);
    },
    RangeError,
    "no more",
  );
  assertEquals(taken, [2, 4]);
});

testOfWorkers("Executor.map*() take back what has not begun when the loop is left", async () => {
  await using executor = await Executor.start({ blocking: { minWorkers: 2, maxWorkers: 2 } });
  const flag = new Int32Array(new SharedArrayBuffer(4));
  // The first returns at once, the others keep their workers until the flag is set.
  const task = ([n, flag]: [number, Int32Array]) => {
    if (n > 0) Atomics.wait(flag, 0, 0);
    return n;
  };
  let closed = false;
  function* items(): Generator<[number, Int32Array]> {
    try {
      for (let n = 0;; n++) yield [n, flag];
    } finally {
      closed = true;
    }
  }
  for await (const n of executor.mapBlocking(task, items())) {
    assertEquals(n, 0);
    await until(() => executor.stats().blocking.busy === 2);
    assertEquals(executor.stats().blocking.queued, 1);
    break;
  }
  assertEquals(closed, true);
  assertEquals(executor.stats().blocking.queued, 0);
  Atomics.store(flag, 0, 1);
  Atomics.notify(flag, 0);
  await until(() => executor.stats().blocking.busy === 0);
  const { completed, cancelled, stuck } = executor.stats().blocking;
  assertEquals({ completed, cancelled, stuck }, { completed: 3, cancelled: 1, stuck: 0 });
});

Deno.test("Executor.map*() can be left while the source is waited for", async () => {
  await using executor = await Executor.start();
  async function* stalls() {
    yield 1;
    await new Promise(() => {});
  }
  for await (const _ of executor.mapCpu(double, stalls())) break;
});

Deno.test("Executor.with() binds its options to map*()", async () => {
  await using executor = await Executor.start();
  const controller = new AbortController();
  const bound = executor.with({ signal: controller.signal });
  await assertRejects(
    async () => {
      for await (const n of bound.mapCpu(double, [1, 2, 3])) {
        assertEquals(n, 2);
        // Whether or not the others have been there for long.
        await executor.runBlocking(later, "", 10);
        controller.abort(new Error("enough"));
      }
    },
    Error,
    "enough",
  );
  async function* stalls() {
    yield 1;
    await new Promise(() => {});
  }
  const another = new AbortController();
  await assertRejects(
    async () => {
      const bound = executor.with({ signal: another.signal });
      for await (const _ of bound.mapCpu(double, stalls())) {
        setTimeout(() => another.abort(new Error("waited enough")));
      }
    },
    Error,
    "waited enough",
  );
});

Deno.test("Executor.map*() reject when the executor is not started", async () => {
  const executor = new Executor();
  await assertRejects(() => Array.fromAsync(executor.mapCpu(double, [1])), NotStartedError);
});

Deno.test("Executor.map*({ ordered: false }) yield each result when it is there", async () => {
  await using executor = await Executor.start({ blocking: { minWorkers: 3 } });
  const sleep = (ms: number) => new Promise<number>((resolve) => setTimeout(resolve, ms, ms));
  const results = executor.mapBlocking(sleep, [300, 5, 100], { ordered: false });
  assertEquals(await Array.fromAsync(results), [5, 100, 300]);
});

Deno.test("Executor.map*({ ordered: false }) end at the first failure", async () => {
  await using executor = await Executor.start({ blocking: { minWorkers: 2 } });
  const task = (n: number) => {
    if (n === 1) throw new RangeError("one");
    return new Promise<number>((resolve) => setTimeout(resolve, 100, n));
  };
  const taken: number[] = [];
  await assertRejects(
    async () => {
      for await (const n of executor.mapBlocking(task, [0, 1], { ordered: false })) taken.push(n);
    },
    RangeError,
    "one",
  );
  assertEquals(taken, []);
});

for (const ordered of [true, false]) {
  Deno.test(`Executor.map*({ ordered: ${ordered} }) read no further ahead than buffer`, async () => {
    await using executor = await Executor.start({ cpu: { maxWorkers: 2 } });
    const numbers = new Counted();
    for await (const _ of executor.mapCpu(double, numbers, { ordered, buffer: 3 })) {
      numbers.taken++;
      assert(numbers.ahead <= 3, `${numbers.ahead} read ahead`);
      if (numbers.taken === 30) break;
    }
    // Time in which nobody takes anything.
    await executor.runCpu(later, "later", 20);
    assert(numbers.ahead <= 3, `${numbers.ahead} read ahead`);
    assertEquals(executor.stats().cpu.queued, 0);
  });
}

Deno.test("Executor.map*() refuse options that make no sense", async () => {
  await using executor = await Executor.start();
  for (const buffer of [0, -1, 1.5, NaN]) {
    assertThrows(() => executor.mapCpu(double, [1], { buffer }), RangeError, `received ${buffer}`);
  }
  assertThrows(
    () => executor.mapCpu(double, [1], { ordered: 1 as unknown as boolean }),
    TypeError,
    "expected true or false",
  );
});

for (const map of ["mapBlocking", "mapCpu"] as const) {
  Deno.test(`Executor.${map}() takes any iterable`, async () => {
    await using executor = await Executor.start({ blocking: { maxWorkers: 1 } });
    const upper = (text: string) => text.toUpperCase();
    const sources: [Iterable<string> | AsyncIterable<string>, string[]][] = [
      ["abc", ["A", "B", "C"]],
      ["👍é", ["👍", "É"]],
      ["", []],
      [new String("ab") as Iterable<string>, ["A", "B"]],
      [new Map([["a", 1]]).keys(), ["A"]],
      [ReadableStream.from(["a", "b"]), ["A", "B"]],
      [Iterator.from(["a", "b"]).drop(1), ["B"]],
      [{ [Symbol.asyncIterator]: undefined, ...{ [Symbol.iterator]: () => ["a"].values() } }, [
        "A",
      ]],
    ];
    for (const [source, expected] of sources) {
      assertEquals(await Array.fromAsync(executor[map](upper, source)), expected);
    }
    const runner = executor.with({ timeout: 10_000 });
    assertEquals(await Array.fromAsync(runner[map](upper, "ab")), ["A", "B"]);
  });

  Deno.test(`Executor.${map}() refuses what is not iterable`, async () => {
    await using executor = await Executor.start();
    const sources: [unknown, string][] = [
      [undefined, "undefined"],
      [null, "null"],
      [5, "5"],
      [true, "true"],
      [{}, "{}"],
      [{ length: 1, 0: "a" }, "length: 1"],
      [() => ["a"], "[Function"],
      [Promise.resolve(["a"]), "Promise"],
      [{ [Symbol.iterator]: "a" }, "Symbol.iterator"],
      [Symbol("a"), "Symbol(a)"],
    ];
    for (const { [map]: run } of [executor, executor.with({ timeout: 1_000 })]) {
      for (const [source, shown] of sources) {
        const error = assertThrows(
          () => run.call(executor, double, source as number[]),
          TypeError,
          "Cannot map what is not iterable",
        );
        assertStringIncludes(error.message, shown);
      }
    }
    assertEquals(await Array.fromAsync(executor[map](double, [1])), [2]);
  });
}

Deno.test("Executor.map*() submit nothing once the loop was left", async () => {
  await using executor = await Executor.start();
  const more = Promise.withResolvers<void>();
  async function* late() {
    yield 1;
    await more.promise;
    yield 2;
  }
  for await (const _ of executor.mapCpu(double, late())) break;
  more.resolve();
  await executor.runCpu(later, "later", 10);
  const { completed, cancelled, queued } = executor.stats().cpu;
  assertEquals({ completed, cancelled, queued }, { completed: 2, cancelled: 0, queued: 0 });
});

const closeFailures: Record<string, () => unknown> = {
  "throws": () => {
    throw new RangeError("of the source");
  },
  "rejects": () => Promise.reject(new RangeError("of the source")),
  "rejects later": async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    throw new RangeError("of the source");
  },
};
for (const [way, close] of Object.entries(closeFailures)) {
  Deno.test(`Executor.map*() whose source's return() ${way}`, async () => {
    await using executor = await Executor.start();
    const sourceThat = (next: () => unknown) =>
      ({
        [Symbol.asyncIterator]: () => ({ next, return: close }),
      }) as unknown as AsyncIterable<number>;
    const one = { done: false, value: 1 };

    // Left while nothing is read: its consumer hears of it, as in any loop.
    const quick = sourceThat(() => Promise.resolve(one));
    await assertRejects(
      async () => {
        for await (const _ of executor.mapCpu(double, quick, { buffer: 1 })) {
          // Time to read the next.
          await executor.runCpu(later, "", 10);
          break;
        }
      },
      RangeError,
      "of the source",
    );

    // Left while something is read: nobody waits for the source, and the program goes on.
    let first = true;
    const stalls = sourceThat(() => {
      const step = first ? Promise.resolve(one) : new Promise(() => {});
      first = false;
      return step;
    });
    for await (const _ of executor.mapCpu(double, stalls)) break;

    // Ended by a task: that is the reason, and not what came after.
    const fail = () => {
      throw new TypeError("of the task");
    };
    await assertRejects(
      () => Array.fromAsync(executor.mapCpu(fail as (n: number) => number, quick, { buffer: 1 })),
      TypeError,
      "of the task",
    );
    await executor.runCpu(later, "", 20);
  });
}

Deno.test("Executor.map*() close a source whose item cannot be submitted", async () => {
  const executor = await Executor.start();
  let closed = 0;
  function* numbers() {
    try {
      for (let n = 1;; n++) yield n === 2 ? Promise.reject(new RangeError("two")) : n;
    } finally {
      closed++;
    }
  }
  const items = numbers as unknown as () => Iterable<number>;
  await assertRejects(() => Array.fromAsync(executor.mapCpu(double, items())), RangeError, "two");
  await executor.shutdown();
  await assertRejects(() => Array.fromAsync(executor.mapCpu(double, items())), NotStartedError);
  assertEquals(closed, 2);
});

Deno.test("Executor.map*() is left at an abort from within its source", async () => {
  await using executor = await Executor.start();
  const reason = new Error("left");
  async function* source(controller: AbortController) {
    controller.abort(reason);
    // The source never has an item.
    await new Promise(() => {});
    yield 1;
  }
  for (const ordered of [true, false]) {
    const controller = new AbortController();
    const bound = executor.with({ signal: controller.signal });
    const map = bound.mapCpu(double, source(controller), { ordered });
    assertEquals(await assertRejects(() => Array.fromAsync(map)), reason);
  }
});
