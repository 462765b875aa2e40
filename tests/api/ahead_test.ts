import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  Executor,
  isolation,
  NotCloneableError,
  ShutdownError,
  tasksFrom,
  testOfWorkers,
  transfer,
  WorkerCrashedError,
} from "../support/isolation.ts";
import { SentCalls } from "../support/sent_calls.ts";

const steps = () => tasksFrom(import.meta, () => import("../fixtures/steps.ts"));
const { echo, haveOne, isFresh, note, noteOr, share, uncloneable } = steps();
const { countCalls } = tasksFrom(import.meta, () => import("../fixtures/tasks.ts"));

const range = (count: number) => Array.from({ length: count }, (_, i) => i);

/**
 * What a test of short tasks looks at. Each test also asserts that the tasks have travelled as short
 * ones do: without that, it would pass where each task is sent alone.
 */
interface Short extends AsyncDisposable {
  readonly executor: Executor;
  readonly file: string;
  /** What workers were sent since the tasks were known to be short. */
  readonly sent: SentCalls;
  /** The steps that ran, in order of their numbers. */
  ran(): Promise<number[]>;
}

/** An executor with this many workers and a file, where `call` has shown that it is short. */
async function withShort(
  workers: number,
  call: (executor: Executor, step: number, file: string) => Promise<unknown>,
): Promise<Short> {
  const executor = await Executor.start({
    cpu: { minWorkers: workers, maxWorkers: workers, permissions: "inherit" },
  });
  const file = await Deno.makeTempFile();
  await Promise.all(range(300).map((i) => call(executor, -1 - i, file)));
  await Deno.writeTextFile(file, "");
  const sent = new SentCalls();
  return {
    executor,
    file,
    sent,
    ran: async () =>
      (await Deno.readTextFile(file)).trim().split("\n").map(Number).sort((a, b) => a - b),
    async [Symbol.asyncDispose]() {
      sent[Symbol.dispose]();
      await executor.shutdown();
      await Deno.remove(file);
    },
  };
}

/** Several of the calls have travelled in one message. A process is sent one at a time. */
function assertTogether({ sent: { calls, messages } }: Short): void {
  if (isolation === "process") return;
  assert(messages < calls, `${calls} calls have travelled in ${messages} messages`);
}

/** Several calls with objects have travelled in one message. */
function assertObjectsTogether({ sent: { calls, together } }: Short): void {
  if (isolation === "process") return;
  assert(together > 0, `none of ${calls} calls has travelled with another one`);
}

/** Calls were sent ahead, taken back, and sent again or dropped: only so many have ended. */
function assertTakenBack({ sent: { calls } }: Short, ended: number): void {
  if (isolation === "process") return;
  assert(calls > ended, `${calls} calls were sent, and ${ended} have ended`);
}

Deno.test("Executor gives each of many short tasks an argument of its own", async () => {
  const object = { runs: 0 };
  const call = (executor: Executor, argument: typeof object) => executor.runCpu(isFresh, argument);
  await using short = await withShort(1, (executor) => call(executor, { runs: 0 }));
  const fresh = await Promise.all(range(500).map(() => call(short.executor, object)));
  assertEquals(fresh.filter((is) => !is).length, 0);
  assertObjectsTogether(short);
  assertEquals(object.runs, 0);
});

const one = { n: 1 };
const bytes = new Uint8Array(8);
const moment = new Date(0);
/** Arguments that have something in common, each time they are made. */
const related: Record<string, () => unknown> = {
  "an object deep inside": () => ({ a: [{ b: [, one] }] }),
  "an array": ((list) => () => [list])([1]),
  "a date": () => ({ moment }),
  "a regular expression": ((pattern) => () => [pattern])(/x/g),
  "a map": ((map) => () => ({ map }))(new Map([[1, 2]])),
  "a key of a map": () => new Map([[one, 1]]),
  "a value in a map": () => [new Map([[1, [one]]])],
  "a member of a set": () => ({ set: new Set([one]) }),
  "the cause of an error": () => ({ error: new Error("its", { cause: one }) }),
  "a buffer": () => ({ buffer: bytes.buffer }),
  "a typed array": () => [bytes],
  "the buffer of typed arrays": () => ({ view: new Uint16Array(bytes.buffer, 2) }),
  "the buffer of a view": () => [new DataView(bytes.buffer, 1)],
  "one of these, next to others": () => [new Date(0), /y/, new Set([new Map()]), [{ one }]],
};

for (const [what, make] of Object.entries(related)) {
  Deno.test(`Executor gives each of many short tasks its own, where they share ${what}`, async () => {
    // Named anew: the calls of a task that once shared an object travel one by one from then on.
    const { wasMarked } = steps();
    const call = (executor: Executor, argument: unknown) => executor.runCpu(wasMarked, argument);
    await using short = await withShort(1, (executor) => call(executor, []));
    const before = await Promise.all(range(100).map(() => call(short.executor, make())));
    assertEquals(before, range(100).map(() => false));
    assertObjectsTogether(short);
  });
}

Deno.test("Executor begins short tasks that share an object in the order of their calls", async () => {
  const count = (_: unknown) => {
    const { counted = 0 } = globalThis as { counted?: number };
    return Object.assign(globalThis, { counted: counted + 1 }).counted;
  };
  await using short = await withShort(1, (executor, step) => executor.runCpu(count, { step }));
  const results = await Promise.all(
    range(1_000).map((step) => {
      const argument = step > 500 && step < 510 ? { one } : { step };
      return short.executor.runCpu(count, step % 100 === 0 ? step : argument);
    }),
  );
  assertEquals(results, range(1_000).map((step) => results[0]! + step));
  assertObjectsTogether(short);
});

Deno.test("Short tasks that share an object lose nothing that was moved behind them", async () => {
  const { echo } = steps();
  await using short = await withShort(1, async (executor, step) => {
    const bytes = new Uint8Array(8);
    await executor.runCpu(echo, { step });
    await executor.runCpu(echo, transfer(bytes, [bytes.buffer]));
  });
  const results = await Promise.all(
    range(400).map((step) => {
      const bytes = new Uint8Array(8).fill(step);
      const moves = step % 40 > 20;
      return short.executor.runCpu(echo, moves ? transfer(bytes, [bytes.buffer]) : { step, one });
    }),
  );
  const expected = (step: number) => step % 40 > 20 ? new Uint8Array(8).fill(step) : { step, one };
  assertEquals(results, range(400).map(expected));
  assertObjectsTogether(short);
});

Deno.test("Executor keeps together what the arguments of one short task share", async () => {
  const call = (executor: Executor, inside = { runs: 0 }) =>
    executor.runCpu(haveOne, { inside }, { inside });
  await using short = await withShort(1, (executor) => call(executor));
  const kept = await Promise.all(range(100).map(() => call(short.executor)));
  assertEquals(kept, range(100).map(() => true));
  assertObjectsTogether(short);
  // Nor where all share it.
  const one = { runs: 0 };
  assertEquals(await Promise.all(range(100).map(() => call(short.executor, one))), kept);
});

testOfWorkers("Executor runs short tasks with deep arguments, shared or not", async () => {
  const { depthOf } = steps();
  await using short = await withShort(1, (executor, step) => executor.runCpu(depthOf, [step]));
  let deep: unknown[] = [one];
  // Deno clones 3,500 levels on Linux, and 1,800 on Windows, where its frames are larger.
  for (let depth = 1; depth < 1_000; depth++) deep = [deep];
  // The first ones are not: a message with deep arguments may take too long to have others with it.
  const isDeep = (i: number) => i > 20 && i % 2 === 0;
  const results = await Promise.all(
    range(120).map((i) => short.executor.runCpu(depthOf, isDeep(i) ? deep : [i])),
  );
  assertEquals(results, range(120).map((i) => isDeep(i) ? 1_000 : 1));
  assertObjectsTogether(short);
});

Deno.test("Executor gives each caller of many short tasks a result of its own", async () => {
  const call = (executor: Executor) => executor.runCpu(share);
  await using short = await withShort(1, call);
  const results = await Promise.all(range(500).map(() => call(short.executor)));
  assertEquals(new Set(results).size, 500);
  assertTogether(short);
});

Deno.test("Executor returns every kind of value from many short tasks", async () => {
  const values = [1, -0, NaN, -Infinity, 2 ** 60, undefined, null, true, false, "text", "", 10n];
  const objects = [{ a: [1] }, [undefined], new Map([[1, 2]]), new Error("returned")];
  await using short = await withShort(2, (executor, step) => executor.runCpu(echo, step));
  const sent = range(900).map((i) => [...values, ...objects][i % 16]);
  const results = await Promise.all(sent.map((value) => short.executor.runCpu(echo, value)));
  assertEquals(results, sent);
  assert(results.every((value, i) => typeof sent[i] === "object" || Object.is(value, sent[i])));
  assertTogether(short);
});

Deno.test("Executor gives each of many short tasks all its arguments, and no others", async () => {
  const list = (...args: unknown[]) => args.join();
  const count = (...args: unknown[]) => args.length;
  await using short = await withShort(2, async (executor, step) => {
    await executor.runCpu(list, step);
    await executor.runCpu(count, step);
  });
  // In stretches of the same task with as many arguments, and of others.
  const calls = range(3_000).map((i) => {
    const task = i % 50 < 40 ? list : count;
    return { task, args: range(i >> 3 & 3).map((n) => i + n) };
  });
  const results = await Promise.all(
    calls.map(({ task, args }) => short.executor.runCpu<typeof list | typeof count>(task, ...args)),
  );
  assertEquals(results, calls.map(({ task, args }) => task(...args)));
  assertTogether(short);
});

Deno.test("Executor begins short tasks in the order of their calls", async () => {
  await using short = await withShort(1, (executor) => executor.runCpu(countCalls));
  const { executor } = short;
  const calls = await Promise.all(
    range(2_000).map((i) =>
      executor.with(i % 7 === 0 ? { timeout: 5_000 } : {}).runCpu(countCalls)
    ),
  );
  assertEquals(calls, range(2_000).map((i) => 301 + i));
  assertTogether(short);
});

testOfWorkers(
  "Executor gives all workers a task of a kind that was short, and is long now",
  async () => {
    await using executor = await Executor.start({ cpu: { minWorkers: 4, maxWorkers: 4 } });
    const flag = new Int32Array(new SharedArrayBuffer(8));
    const wait = (flag: Int32Array | undefined) => {
      if (flag === undefined) return;
      Atomics.add(flag, 1, 1);
      Atomics.notify(flag, 1);
      Atomics.wait(flag, 0, 0);
    };
    await Promise.all(range(2_000).map(() => executor.runCpu(wait, undefined)));
    const long = range(4).map(() => executor.runCpu(wait, flag));
    // All four run at the same time, or this would wait for ever.
    for (let begun = 0; begun < 4; begun = Atomics.load(flag, 1)) {
      await Atomics.waitAsync(flag, 1, begun).value;
    }
    Atomics.store(flag, 0, 1);
    Atomics.notify(flag, 0);
    await Promise.all(long);
  },
);

testOfWorkers("Executor runs short tasks while the loop that submits them goes on", async () => {
  const call = (executor: Executor, n: number) => executor.runCpu(echo, n);
  await using short = await withShort(1, call);
  const { executor } = short;
  const before = executor.stats().cpu.completed;
  const results: Promise<unknown>[] = [];
  // Nothing is awaited, so nothing the worker says is heard.
  for (let i = 0; i < 2_000 && executor.stats().cpu.completed < before + 1_000; i++) {
    for (let n = 0; n < 256; n++) results.push(call(executor, results.length));
    const end = performance.now() + 1;
    while (performance.now() < end);
  }
  assert(executor.stats().cpu.completed >= before + 1_000);
  assertEquals(await Promise.all(results), range(results.length));
});

Deno.test("Executor takes short tasks that an argument submits while it is sent", async () => {
  const call = (executor: Executor, n: unknown) => executor.runCpu(echo, n);
  await using short = await withShort(1, call);
  const { executor } = short;
  const inner: Promise<unknown>[] = [];
  const argument = {
    get own() {
      for (let n = 0; n < 1_000; n++) {
        inner.push(call(executor, n));
        if (n % 256 > 0) continue;
        const end = performance.now() + 2;
        while (performance.now() < end);
      }
      return true;
    },
  };
  const outer = [...range(50), argument, ...range(50)].map((n) => call(executor, n));
  const results = await Promise.all(outer);
  assertEquals(results, [...range(50), { own: true }, ...range(50)]);
  assertEquals(await Promise.all(inner), range(inner.length));
  assertTogether(short);
});

Deno.test("A task that takes long holds up no short one, before or behind it", async () => {
  /** Notes its step; the step 200 goes on only when all others are noted, or after 20 s. */
  const noteLast = (step: number, file: string) => {
    const pause = new Int32Array(new SharedArrayBuffer(4));
    for (let waits = 0; step === 200 && waits < 2_000; waits++) {
      if (Deno.readTextFileSync(file).split("\n").length === 600) break;
      Atomics.wait(pause, 0, 0, 10);
    }
    Deno.writeTextFileSync(file, `${step}\n`, { append: true });
    return step;
  };
  await using short = await withShort(
    2,
    (executor, step, file) => executor.runCpu(noteLast, step, file),
  );
  const { executor, file } = short;
  const settled: number[] = [];
  await Promise.all(
    range(600).map(async (step) => {
      settled.push(await executor.runCpu(noteLast, step, file));
    }),
  );
  assertEquals(settled.at(-1), 200);
  assertEquals(await short.ran(), range(600));
  assertTakenBack(short, 600);
});

Deno.test("Executor begins what it has taken back from a worker in the order of the calls", async () => {
  const count = (step: number, at: number) => {
    const { calls = 0 } = globalThis as { calls?: number };
    if (step === at) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    return Object.assign(globalThis, { calls: calls + 1 }).calls;
  };
  await using short = await withShort(1, (executor, step) => executor.runCpu(count, step, 0));
  let ended = 0;
  for (const calls of [300, 1_500]) {
    const results = await Promise.all(
      range(calls).map((step) => short.executor.runCpu(count, step, 100)),
    );
    assertEquals(results, range(calls).map((step) => results[0]! + step));
    ended += calls;
    assertTakenBack(short, ended);
  }
});

Deno.test("Executor runs what was moved to a worker behind what it has taken back from it", async () => {
  const size = (value: number | Uint8Array, at: number) => {
    if (value === at) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    return typeof value === "number" ? value : value.length;
  };
  await using short = await withShort(1, (executor, step) => executor.runCpu(size, step, 0));
  const results = await Promise.all(
    range(200).map((step) => {
      const value = step < 100 ? step : new Uint8Array(step);
      return short.executor.runCpu(
        size,
        typeof value === "number" ? value : transfer(value, [value.buffer]),
        20,
      );
    }),
  );
  assertEquals(results, range(200));
  assertTakenBack(short, 200);
});

/** Has one of many tasks end its worker. Returns how many tasks the worker had not begun. */
async function endOneOfMany(death: string): Promise<number> {
  await using short = await withShort(
    2,
    (executor, step, file) => executor.runCpu(noteOr, step, file, 0, death),
  );
  const { executor, file, sent } = short;
  const results = await Promise.allSettled(
    range(600).map((step) => executor.runCpu(noteOr, step, file, 200, death)),
  );
  const failed = results.flatMap((result, step) => result.status === "rejected" ? [step] : []);
  assertEquals(failed, [200]);
  await assertRejects(
    () => Promise.reject((results[200] as PromiseRejectedResult).reason),
    WorkerCrashedError,
    "while it ran noteOr",
  );
  // Each ran once: what had ended was not run again, and what had not begun was.
  const ran = (await short.ran()).filter((step) => step !== 200);
  assertEquals(ran, range(600).filter((step) => step !== 200));
  assertEquals(executor.stats().cpu.crashed, 1);
  return sent.calls - 600;
}

for (const death of ["exit", "close"]) {
  Deno.test(`A short task that ends its worker by ${death} fails alone`, async () => {
    // Again: on a busy machine tasks are short at times, and the worker may have had no other task.
    while (await endOneOfMany(death) === 0 && isolation === "worker");
  });
}

Deno.test("Short tasks that fail, or cannot be sent, fail alone", async () => {
  await using short = await withShort(
    2,
    (executor, step, file) => executor.runCpu(noteOr, step, file, 0, "throw"),
  );
  const { executor, file } = short;
  const call = (step: number): Promise<unknown> =>
    step === 100
      ? executor.runCpu(echo, Symbol("no"))
      : step === 150
      ? executor.runCpu(echo, () => {})
      : step === 250
      ? executor.runCpu(uncloneable, step)
      : executor.runCpu(noteOr, step, file, 200, "throw");
  const results = await Promise.allSettled(range(400).map(call));
  const reasons = results.flatMap((result, step) =>
    result.status === "rejected" ? [[step, result.reason.constructor]] : []
  );
  assertEquals(reasons, [
    [100, NotCloneableError],
    [150, NotCloneableError],
    [200, RangeError],
    [250, NotCloneableError],
  ]);
  assertTogether(short);
});

Deno.test("Of many short tasks with objects, only those fail whose objects cannot be sent", async () => {
  await using short = await withShort(1, (executor, step) => executor.runCpu(echo, { step }));
  const { executor } = short;
  const hostile: Record<number, unknown> = {
    30: { deep: [() => {}] },
    31: { deep: [() => {}] },
    50: new URL("http://localhost/"),
    70: {
      get trap() {
        throw new Error("from a getter");
      },
    },
  };
  const { failed } = executor.stats().cpu;
  const results = await Promise.allSettled(
    range(100).map((step) => executor.runCpu(echo, hostile[step] ?? { step })),
  );
  for (const [step, result] of results.entries()) {
    if (result.status === "fulfilled") assertEquals(result.value, { step });
    else {
      assert(step in hostile && result.reason instanceof NotCloneableError);
      assert(result.reason.message.startsWith("Cannot send argument 1 of echo"));
    }
  }
  assertEquals(results.filter(({ status }) => status === "rejected").length, 4);
  assertEquals(executor.stats().cpu.failed, failed + 4);
  assertObjectsTogether(short);
});

for (const fails of [false, true]) {
  const what = fails ? "in vain" : "with others";
  testOfWorkers(
    `Short tasks that are cancelled while they are sent ${what} never run`,
    async () => {
      const run = ({ step, file }: { step: number; file: string }) =>
        Deno.writeTextFileSync(file, `${step}\n`, { append: true });
      await using short = await withShort(
        1,
        (executor, step, file) => executor.runCpu(run, { step, file }),
      );
      const { executor, file } = short;
      const controller = new AbortController();
      const trap = {
        get own() {
          controller.abort("never mind");
          if (fails) {
            throw new Error("from a getter");
          }
          return true;
        },
      };
      const results = await Promise.allSettled(
        range(100).map((step) => {
          const runner = step % 2 === 0 ? executor.with({ signal: controller.signal }) : executor;
          return runner.runCpu(run, step === 51 ? { step, file, trap } as never : { step, file });
        }),
      );
      const ran = await short.ran();
      for (const [step, { status }] of results.entries()) {
        const cancelled = step > 51 && step % 2 === 0;
        const failed = fails && step === 51;
        const runs = ran.filter((one) => one === step).length;
        if (cancelled || failed) assertEquals([status, runs], ["rejected", 0], `${step}`);
        else if (step % 2 === 1) assertEquals([status, runs], ["fulfilled", 1], `${step}`);
      }
      assertObjectsTogether(short);
    },
  );
}

for (const order of ["first to last", "last to first"]) {
  Deno.test(`Executor.with() cancels short tasks that have not begun, from ${order}`, async () => {
    await using short = await withShort(
      1,
      (executor, step, file) => executor.runCpu(noteOr, step, file, 0, "block"),
    );
    const { executor, file } = short;
    const controllers = range(600).map(() => new AbortController());
    const reason = new Error("never mind");
    const results = await Promise.allSettled(
      controllers.map(async ({ signal }, step) => {
        // Every other one may be cancelled; 200 holds up those behind it until that happens.
        const runner = step > 200 && step % 2 === 1 ? executor.with({ signal }) : executor;
        const result = await runner.runCpu(noteOr, step, file, 200, "block");
        if (step !== 150) return;
        if (order === "last to first") controllers.reverse();
        for (const controller of controllers) controller.abort(reason);
        return result;
      }),
    );
    const cancelled = results.flatMap((result, step) => result.status === "rejected" ? [step] : []);
    const ran = await short.ran();
    assertEquals(ran, range(600).filter((step) => !cancelled.includes(step)));
    assert(cancelled.length > 100, `${cancelled.length} were cancelled`);
    assert(results.every((result) => result.status !== "rejected" || result.reason === reason));
    assertEquals(executor.stats().cpu.cancelled, cancelled.length);
    assertTakenBack(short, ran.length);
  });
}

Deno.test("Executor.with() counts a short task's time from its own beginning", async () => {
  await using short = await withShort(
    1,
    (executor, step, file) => executor.runCpu(noteOr, step, file, 0, "block"),
  );
  const { executor, file } = short;
  const hasty = executor.with({ timeout: 150 });
  const results = await Promise.allSettled(
    range(300).map((step) =>
      // The one before takes twice the time that these have.
      (step === 100 ? executor : hasty).runCpu(noteOr, step, file, 100, "block")
    ),
  );
  assertEquals(results.filter(({ status }) => status === "rejected").length, 0);
});

Deno.test("Executor.shutdown({ cancelQueued }) loses no short task", async () => {
  await using short = await withShort(
    2,
    (executor, step, file) => executor.runCpu(note, step, file),
  );
  const { executor, file } = short;
  let stopped: Promise<void> | undefined;
  const results = await Promise.allSettled(
    range(3_000).map(async (step) => {
      const result = await executor.runCpu(note, step, file);
      if (step === 700) stopped = executor.shutdown({ cancelQueued: true });
      return result;
    }),
  );
  await stopped;
  const done = results.flatMap((result, step) => result.status === "fulfilled" ? [step] : []);
  assert(done.length < 3_000, "some were cancelled");
  assertEquals(await short.ran(), done);
  const reasons = results.flatMap((result) => result.status === "rejected" ? [result.reason] : []);
  assert(reasons.every((reason) => reason instanceof ShutdownError));
  assertTakenBack(short, done.length);
});

Deno.test("Executor moves the arguments of many short tasks, and back", async () => {
  const call = (executor: Executor, step: number) => {
    const bytes = new Uint8Array(8).fill(step);
    return executor.runCpu(echo, transfer(bytes, [bytes.buffer]));
  };
  await using short = await withShort(2, call);
  const results = await Promise.all(
    range(400).map((step) =>
      step % 3 === 0 ? short.executor.runCpu(echo, step) : call(short.executor, step)
    ),
  );
  assertEquals(results, range(400).map((i) => i % 3 === 0 ? i : new Uint8Array(8).fill(i)));
  assertTogether(short);
});
