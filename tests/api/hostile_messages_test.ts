/** What a hostile task sends the host, once it has got hold of the channel, or of the ledger. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { hasLocks, takesAhead, transfersStreams } from "../support/features.ts";
import type { Raw } from "../fixtures/raw_worker.ts";
import { Executor, isolation, type TaskContext, WorkerCrashedError } from "../support/isolation.ts";
import { until } from "../support/waiting.ts";

const workerUrl = import.meta.resolve("../fixtures/raw_worker.ts");

/** A task that does this with the raw channel, and goes on until its worker ends. */
function hostile(code: string): () => Promise<never> {
  return new Function(`return async function hostile() {
    const { raw } = globalThis;
    const { run } = raw;
    ${code};
    await new Promise(() => {});
  }`)();
}

/** The code of a task that writes this to the ledger, of which there is one in a worker only. */
const inLedger = (code: string) =>
  `const words = new Int32Array(raw.memory, 8192 * 12 + 16, 5), slots = new Uint8Array(raw.memory, 8192 * 12 + 36, 8192);
  const ring = new Int32Array(raw.memory, 8192 * 13 + 36, 48), entries = new Uint8Array(raw.memory, 8192 * 13 + 36 + 192);
  const [ABORTED, CLAIMED, ENDED, LOADING] = [0, 1, 2, 3], at = (run) => run & 8191;
  ${code};
  raw.post(1);`;

/** An error as it travels. */
const record = `{ type: "Error", name: "Error", message: "m", stack: "s", properties: [] }`;

/** What no worker of this package sends, and what the error shows of it. */
const messages: Record<string, [code: string, shown: string]> = {
  "null": ["raw.post(null)", "null"],
  "text": ['raw.post("text")', '"text"'],
  "a number": ["raw.post(99)", "99"],
  "an empty list": ["raw.post([])", "[]"],
  "an object": ["raw.post({ 0: 2, 1: run, 2: 1, length: 3 })", "an object"],
  "an unknown kind": ["raw.post([99, run])", "[99, "],
  "READY again": ["raw.post(0)", "0"],
  "OUTLIVES": ["raw.post(13)", "13"],
  "a reason to die that is none": ["raw.post([4, 5])", "[4, 5]"],
  "a failure without a reason": ['raw.post([3, run, "threw", {}])', "[3, "],
  "a failure with a list in itself": [
    'const list = []; list.push({ list }); raw.post([3, run, "threw", { root: { list }, errors: [] }])',
    "[3, ",
  ],
  "a failure with lists that double": [
    `let slot = { value: 1 }; for (let i = 0; i < 60; i++) slot = { list: [slot, slot] };
    raw.post([3, run, "threw", { root: slot, errors: [] }])`,
    "[3, ",
  ],
  "a failure with an error that is not there": [
    'raw.post([3, run, "threw", { root: { error: 7 }, errors: [] }])',
    "[3, ",
  ],
  "a failure with too many errors": [
    `const errors = Array.from({ length: 1001 }, () => (${record}));
    raw.post([3, run, "threw", { root: { error: 0 }, errors }])`,
    "[3, ",
  ],
  "a failure with a stack that throws": [
    `const properties = [["stack", { value: { toString: 1 } }, true]];
    raw.post([3, run, "threw", { root: { error: 0 }, errors: [{ ...${record}, properties }] }])`,
    "[3, ",
  ],
  "a yield of what does not stream": ["raw.post([7, run, 1])", "[7, "],
  "the result of a later run": ["raw.post([2, run + 1, 1])", "[2, "],
  "the result of an earlier run": ["raw.post([2, run - 1, 1])", "[2, "],
  "the result of no run": ["raw.post([2, NaN, 1])", "[2, NaN, 1]"],
  "the failure of a later run": [
    `raw.post([3, run + 1, "threw", { root: { value: 1 }, errors: [] }])`,
    "[3, ",
  ],
  "the progress of a later run": ["raw.post([6, run + 1, 1])", "[6, "],
  "a Buffer that is none": ["raw.post([2, run, 1, 1])", "[2, "],
  "an extra that is none": ["raw.post([2, run, 1, null])", "[2, "],
  "errors that are none": ["raw.post([2, run, {}, { holes: 5, errors: 5 }])", "[2, "],
  "streams that are none": ["raw.post([2, run, {}, [{ id: -1, end: {} }]])", "[2, "],
  "a module that was not asked for": ['raw.post([9, "file:///a.ts"])', "[9, "],
  "a module that was not asked for, and fails": [
    'raw.post([10, "file:///a.ts", { root: { value: 1 }, errors: [] }])',
    "[10, ",
  ],
  "a task that shares, when none were sent together": ["raw.post([8, 1])", "[8, 1]"],
  "a flood of results in the ledger": ["for (let i = 0; i < 1e5; i++) raw.post(1)", "1"],
  "a flood of states": ["for (let i = 0; i < 1e5; i++) raw.post([11, -9, 1])", "[11, -9, 1]"],
  ...isolation === "worker" && hasLocks && {
    // A process has no way to know when to wait. Before 2.9 Deno delivers few messages in one turn.
    "a flood of progress": ["for (let i = 0; i < 1e5; i++) raw.post([6, run, i])", "[6, "],
    "more progress than is allowed, of objects": [
      "for (let i = 0; i < 2_000; i++) raw.post([6, run, {}])",
      "[6, ",
    ],
  } satisfies Record<string, [string, string]>,
  "the state of a stream that was not lent": ["raw.post([11, 5, 2])", "[11, 5, 2]"],
  "the state of a stream that is none": ["raw.post([11, {}, {}])", "[11, "],
  "the begin of a run that was not sent": ["raw.post([5, run + 1])", "[5, "],
  "the begin of a run again": ["raw.post([5, run])", "[5, "],
  ...isolation === "worker"
    ? {
      "a ledger with claims that were not sent": [
        inLedger("words[CLAIMED] = words[ENDED] = run + 1000"),
        "a ledger",
      ],
      "a ledger with ends that were not sent": [inLedger("words[ENDED] = run + 1"), "a ledger"],
      "a ledger with an end that has not begun": [
        inLedger("slots[at(run)] = 0; words[ENDED] = run"),
        "a ledger",
      ],
      "a ledger with a result in the ring that is not there": [
        inLedger("slots[at(run)] = 8; words[ENDED] = run"),
        "a ledger",
      ],
      "a ledger with a ring of more bytes than there are": [
        inLedger("ring[0] = 1e9; slots[at(run)] = 8; words[ENDED] = run"),
        "a ledger",
      ],
      "a ledger with a ring of noise": [
        inLedger("entries.fill(255); ring[0] += 1_000; slots[at(run)] = 8; words[ENDED] = run"),
        "a ledger",
      ],
      "a ledger with an end of no kind": [
        inLedger("slots[at(run)] = 99; words[ENDED] = run"),
        "a ledger",
      ],
      ...transfersStreams && {
        "two streams of one id": [
          `const send = (stream) => raw.post([6, run, stream, [{ id: -7, end: stream }]], [stream]);
        send(new ReadableStream());
        send(new ReadableStream())`,
          "[6, ",
        ],
        "a stream with one half twice": [
          `const one = new ReadableStream(), two = new ReadableStream(), transform = {};
        const moved = [{ id: -7, end: one, transform }, { id: -8, end: two, transform }];
        raw.post([2, run, [transform], moved], [one, two])`,
          "[2, ",
        ],
      } satisfies Record<string, [string, string]>,
    } satisfies Record<string, [string, string]>
    : {
      "a word of Node's": ['raw.send({ cmd: "NODE_X" })', '"an internal message"'],
      ...takesAhead && {
        "the begin of a run again, beside the pipe": ["raw.send([5, run])", "[5, "],
        "a record of no kind": ["raw.record(99, run)", '"a record of kind 99"'],
        "the record of the begin of a run that was not sent": ["raw.record(1, run + 1)", "[5, "],
        "the record of the begin of a run again": ["raw.record(1, run)", "[5, "],
        "the record of the begin of no run": ["raw.record(1, -(2 ** 31))", "[5, "],
        "the record of a later result": ["raw.record(6, run + 1, 5)", "[2, "],
        "the record of an earlier result": ["raw.record(7, run - 1)", "[2, "],
        "the record of a run that was passed over, and has begun": ["raw.record(2, run)", "[5, "],
        "a record that the process is there, again": ["raw.record(0, 0)", "0"],
        "a record of a message that cannot be read": [
          "raw.record(4, 16); raw.record(4, 16)",
          '"what cannot be read: ',
        ],
        "a record of bytes of no size": ["raw.record(5, run, NaN)", '"a record of NaN bytes"'],
        "a flood of records": [
          "for (let i = 0; i < 1e5; i++) raw.record(3, run, i); raw.record(99, run)",
          '"a record of kind 99"',
        ],
      } satisfies Record<string, [string, string]>,
    } satisfies Record<string, [string, string]>,
};

for (const [name, [code, shown]] of Object.entries(messages)) {
  Deno.test(`Executor ends a worker that sends ${name}, and goes on`, async () => {
    await using executor = await Executor.start({ cpu: { maxWorkers: 2 }, workerUrl });
    const crashes: unknown[] = [];
    executor.addEventListener("workercrash", ({ cause }) => crashes.push(cause));
    assertEquals(await executor.runCpu((n: number) => n + 1, 1), 2);
    const crash = executor.runCpu(hostile(code));
    const honest = Array.from({ length: 20 }, (_, n) => executor.runCpu((n: number) => n * 2, n));
    const error = await assertRejects(() => crash, WorkerCrashedError, "while it ran");
    assertStringIncludes(error.message, `sent what no worker of this package sends: ${shown}`);
    assertEquals(await Promise.all(honest), Array.from({ length: 20 }, (_, n) => n * 2));
    assertEquals(crashes, [error.cause]);
    await until(() => executor.stats().cpu.stuck === 0);
    const { crashed, failed, queued, completed } = executor.stats().cpu;
    assertEquals({ crashed, failed, queued, completed }, {
      crashed: 1,
      failed: 1,
      queued: 0,
      completed: 21,
    });
  });
}

/** What leaves the worker as good as it was, or ends it in a way of its own: the program goes on. */
const harmless: Record<string, string> = {
  "a timer that goes on to tell": `const { post } = raw;
    setTimeout(() => { for (let i = 0; i < 10; i++) post([6, run, i]); }, 1)`,
  "signals": "for (let i = 0; i < 1_000; i++) raw.post(1); raw.post(12)",
  "the state of a stream that never arrived": "raw.post([11, -1000, 2])",
  ...isolation === "worker" && {
    "times that are none": `const times = new Float32Array(raw.memory, 8192 * 8 + 16, 8192);
      for (const [i, time] of [NaN, -1, Infinity, 1e38, 0].entries()) times[run + i & 8191] = time`,
    "another abort": "new Int32Array(raw.memory, 8192 * 12 + 16, 5)[0] = run + 1",
    "a load that has begun": "new Int32Array(raw.memory, 8192 * 12 + 16, 5)[3] = 7",
  },
};

for (const [name, code] of Object.entries(harmless)) {
  Deno.test(`Executor takes ${name} from a worker, and goes on with it`, async () => {
    await using executor = await Executor.start({ cpu: { maxWorkers: 1 }, workerUrl });
    const task = new Function(`return async function () {
      const { raw } = globalThis;
      const { run } = raw;
      ${code};
      await new Promise((resolve) => setTimeout(resolve, 5));
      return "ended";
    }`)();
    assertEquals(await executor.runCpu(task), "ended");
    const values = Array.from({ length: 100 }, (_, n) => n);
    const double = (n: number) => n * 2;
    const results = await Promise.all(values.map((n) => executor.runCpu(double, n)));
    assertEquals(results, values.map(double));
    assertEquals(executor.stats().cpu.crashed, 0);
    const { p50, p99 } = executor.stats().cpu.runTime;
    assert(p50 >= 0 && p99 < 60_000, `${p50} ${p99}`);
  });
}

Deno.test("Executor ends a worker that yields more than its reader has room for", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 }, workerUrl });
  async function* task() {
    const { raw } = globalThis as unknown as { raw: Raw };
    for (let i = 0; i < 1_000; i++) raw.post([7, raw.run, i]);
    await new Promise(() => {});
    yield 0;
  }
  const crash = Promise.withResolvers<void>();
  executor.addEventListener("workercrash", () => crash.resolve());
  const stream = executor.streamCpu(task);
  assertEquals(await stream.next(), { done: false, value: 0 });
  await crash.promise;
  // What had arrived is still there, and no more than there was room for.
  const read: number[] = [];
  await assertRejects(
    async () => {
      for await (const value of stream) read.push(value);
    },
    WorkerCrashedError,
    "sends: [7, ",
  );
  assert(read.length <= 32, `${read.length}`);
});

Deno.test("Executor runs no task twice whose worker denies that it has begun", async () => {
  if (isolation !== "worker") return;
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 }, workerUrl });
  await executor.runCpu(() => 1);
  const runs = new Int32Array(new SharedArrayBuffer(4));
  function task(runs: Int32Array) {
    Atomics.add(runs, 0, 1);
    const { raw } = globalThis as unknown as { raw: Raw };
    // So far back that following the runs one by one would take a minute.
    const words = new Int32Array(raw.memory!, 8192 * 12 + 16, 5);
    Atomics.store(words, 1, raw.run - 2_000_000_000 | 0);
    self.close();
    return new Promise(() => {});
  }
  await assertRejects(() => executor.runCpu(task, runs), WorkerCrashedError, "while it ran");
  assertEquals(await executor.runCpu(() => 42), 42);
  assertEquals(runs[0], 1);
});

Deno.test("Executor gives up a task that denies that it has begun, once it is aborted", async () => {
  if (isolation !== "worker") return;
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 }, workerUrl });
  await executor.runCpu(() => 1);
  function task(_argument: object) {
    const { raw } = globalThis as unknown as { raw: Raw };
    const words = new Int32Array(raw.memory!, 8192 * 12 + 16, 5);
    const run = raw.run;
    // Whoever looks sees mostly that the run has not begun, and sometimes that it has.
    const end = performance.now() + 1_000;
    for (let i = 0; i % 1_000 !== 0 || performance.now() < end; i++) {
      Atomics.store(words, 1, i % 100 === 0 ? run : run - 1 | 0);
    }
  }
  const signal = AbortSignal.timeout(20);
  await assertRejects(() => executor.with({ signal }).runCpu(task, {}), DOMException);
  assertEquals(await executor.runCpu(() => 42), 42);
  await until(() => executor.stats().cpu.stuck === 0);
});

Deno.test("TaskContext.progress() leaves the event loop to others, however much a task tells", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  await executor.runCpu(() => 1);
  const tasks: Record<string, (this: TaskContext) => void> = {
    "a number": function () {
      for (;; this.throwIfAborted()) this.progress(1);
    },
    "a long list": function () {
      const list = Array.from({ length: 50_000 }, (_, i) => ({ i }));
      for (;; this.throwIfAborted()) this.progress(list);
    },
    "what cannot be cloned": function () {
      for (;; this.throwIfAborted()) {
        try {
          this.progress(() => {});
        } catch { /* As it says. */ }
      }
    },
  };
  for (const [name, task] of Object.entries(tasks)) {
    let told = 0;
    let turns = 0;
    const runner = executor.with({ timeout: 500, onProgress: () => void told++ });
    const timer = setInterval(() => turns++, 5);
    await assertRejects(() => runner.runCpu(task), DOMException, "timed out");
    clearInterval(timer);
    // With two cores for all, few; each turn once took half a second.
    // Before 2.9 Deno delivers few messages in a turn.
    if (hasLocks) assert(turns >= 5, `${turns} turns while a task tells ${name}`);
    if (name === "a number") assert(told > 100, `${told}`);
    assertEquals(await executor.runCpu(() => 42), 42);
    await until(() => executor.stats().cpu.stuck === 0);
  }
});

for (const told of ["a number", "a long list"]) {
  Deno.test(`TaskContext.progress() goes on telling ${told} to a program that hears nothing for a while`, async () => {
    await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
    function task(this: TaskContext, told: string) {
      const value = told === "a number" ? 1 : Array.from({ length: 20_000 }, (_, i) => ({ i }));
      const end = performance.now() + 1_500;
      let times = 0;
      for (; performance.now() < end; times++) this.progress(value);
      return times;
    }
    let heard = 0;
    const onProgress = () => {
      if (++heard !== 10) return;
      for (const end = performance.now() + 1_000; performance.now() < end;);
    };
    const times = await executor.with({ onProgress }).runCpu(task, told);
    assertEquals(heard, times);
    assertEquals(executor.stats().cpu.crashed, 0);
  });
}

Deno.test("Executor keeps a worker whose task handles errors of its own for long", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  async function task() {
    const ignore = (event: Event) => event.preventDefault();
    addEventListener("unhandledrejection", ignore);
    // Two messages each, and more than are free in a second.
    for (let i = 0; i < 1_000; i++) {
      Promise.reject(new Error("handled"));
      if (i % 10 === 9) await new Promise((resolve) => setTimeout(resolve, 25));
    }
    removeEventListener("unhandledrejection", ignore);
    return "done";
  }
  assertEquals(await executor.runCpu(task), "done");
  assertEquals(executor.stats().cpu.crashed, 0);
});

Deno.test("TaskContext.progress() keeps no worker from its end that is given up", async () => {
  if (isolation !== "worker") return;
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const runner = executor.with({ timeout: 50 });
  // Its worker waits when it is given up, and must go on to come to its end.
  function task(this: TaskContext) {
    const end = performance.now() + 400;
    while (performance.now() < end) this.progress(Array.from({ length: 10_000 }, () => ({})));
  }
  await assertRejects(() => runner.runCpu(task), DOMException, "timed out");
  await until(() => executor.stats().cpu.stuck === 1);
  await until(() => executor.stats().cpu.stuck === 0);
});

Deno.test("TaskContext.progress() fills no memory once the task's worker is given up", async () => {
  if (isolation !== "worker") return;
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  function task(this: TaskContext) {
    const text = "x".repeat(1_000);
    const end = performance.now() + 1_000;
    while (performance.now() < end) this.progress(text);
  }
  await assertRejects(() => executor.with({ timeout: 50 }).runCpu(task), DOMException, "timed out");
  await until(() => executor.stats().cpu.stuck === 1);
  const before = Deno.memoryUsage().rss;
  await new Promise((resolve) => setTimeout(resolve, 600));
  const grown = (Deno.memoryUsage().rss - before) / 2 ** 20;
  assert(grown < 60, `${grown} MB`);
  await until(() => executor.stats().cpu.stuck === 0);
});

Deno.test("TaskContext.progress() tells all, in order, though a task tells faster than is heard", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const told: number[] = [];
  const runner = executor.with({ onProgress: (n: number) => void told.push(n) });
  function task(this: TaskContext, end: number) {
    for (let n = 0; n < end; n++) {
      // What fails was not told, and takes no room.
      if (n % 10 === 0) {
        try {
          this.progress(() => {});
        } catch { /* As it says. */ }
      }
      this.progress(n);
    }
    return "all";
  }
  assertEquals(await runner.runCpu(task, 30_000), "all");
  assertEquals(told, Array.from({ length: 30_000 }, (_, n) => n));
});

/** Whatever a worker may die of: each is a reason to show, and none that the program dies of. */
const deaths: Record<string, [thrown: string, shown: string]> = {
  "what cannot be converted": ["{ toString: 1, valueOf: 1 }", "an object that is no error"],
  "an object without a prototype": ["Object.create(null)", "an object that is no error"],
  "a list": ["[[[1]]]", "an array that is no error"],
  "null": ["null", "null"],
  "undefined": ["undefined", "it ended by itself"],
  "a long bigint": ["2n ** 10_000_000n", "a long bigint"],
  "an error with a long message": ['new Error("Requires ".repeat(1e5))', "Requires Requires"],
};

for (const [name, [thrown, shown]] of Object.entries(deaths)) {
  for (const when of ["while it runs", "while its module loads"]) {
    Deno.test(`Executor survives a worker that dies of ${name} ${when}`, async () => {
      await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
      const code = `Promise.reject(${thrown}); await new Promise(() => {});`;
      const url = `data:text/javascript,${encodeURIComponent(`${code} export const f = 1`)}`;
      const { tasksFrom } = await import("@genro/executor");
      const task = when === "while it runs"
        ? new Function(`return async () => { ${code} }`)()
        : tasksFrom<{ f(): void }>(`${url}//${crypto.randomUUID()}`).f;
      const error = await assertRejects(() => executor.runCpu(task), WorkerCrashedError);
      assertStringIncludes(error.message, shown);
      assert(error.message.length < 12_000);
      assertEquals(await executor.runCpu(() => 42), 42);
    });
  }
}

Deno.test("Executor keeps the event loop free of what it decodes", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  await executor.runCpu(() => 1);
  const tasks: Record<string, () => unknown> = {
    "a message": () => {
      throw new Error("Invalid number: " + "Requires ".repeat(200_000));
    },
    "a message with entries": () => {
      throw new Error(' from "data:text/javascript,'.repeat(100_000));
    },
    "a message that is not in its stack": () => {
      const error = new ReferenceError(`b${"a".repeat(30_000)} is not defined`);
      error.stack = "a".repeat(65_000);
      throw error;
    },
    "a stack": () => {
      const error = new Error("x");
      error.stack = `Error: x\n${"    at x (file:///x:1:1)\n".repeat(300_000)}`;
      throw error;
    },
    "causes": () => {
      let error = new Error("0");
      for (let i = 0; i < 20_000; i++) error = new Error("x", { cause: error });
      throw error;
    },
    "a list of errors": () => {
      throw new AggregateError(Array.from({ length: 20_000 }, () => new Error("x")));
    },
    "properties": () => {
      const names = Array.from({ length: 100_000 }, (_, i) => [`name${i}`, i]);
      throw Object.assign(new Error("x"), Object.fromEntries(names));
    },
  };
  for (const [name, task] of Object.entries(tasks)) {
    let most = 0;
    let last = performance.now();
    const look = () => {
      most = Math.max(most, performance.now() - last);
      last = performance.now();
    };
    const timer = setInterval(look, 5);
    await assertRejects(() => executor.runCpu(task));
    look();
    clearInterval(timer);
    // Generous: some of these took 17 s and more.
    assert(most < 2_000, `${name} held up the event loop for ${most} ms`);
  }
});
