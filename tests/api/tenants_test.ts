/** Who shares a worker with whom, whose turn it is, and how much one tenant may have. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  Executor,
  isolation,
  type PoolOptions,
  QueueFullError,
  type Runner,
  tasksFrom,
  testOfWorkers,
  transfer,
  WorkerCrashedError,
  WorkersStuckError,
} from "../support/isolation.ts";
import { transfersStreams } from "../support/features.ts";
import { block, newGate } from "../support/gate.ts";
import { until } from "../support/waiting.ts";

/** Notes in its worker for whom it was called, and returns all for whom that was done. */
function visit(visitor: string): string[] {
  const scope = globalThis as { visitors?: string[] };
  scope.visitors ??= [];
  if (!scope.visitors.includes(visitor)) scope.visitors.push(visitor);
  return scope.visitors;
}

/** The same for a task that yields. */
function* visits(visitor: string): Generator<string[]> {
  const scope = globalThis as { visitors?: string[] };
  scope.visitors ??= [];
  if (!scope.visitors.includes(visitor)) scope.visitors.push(visitor);
  yield scope.visitors;
}

/** Which worker it runs in. */
const place = () => (globalThis as { place?: number }).place ??= Math.random();

/** Takes so many ms. */
const take = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
/** The same; tells the worker. */
const takeIn = async (ms: number) => {
  const worker = globalThis as { id?: string };
  worker.id ??= crypto.randomUUID();
  await new Promise<void>((resolve) => setTimeout(resolve, ms));
  return worker.id;
};

/** Never returns by itself. */
function wait(this: { signal: AbortSignal }): Promise<void> {
  return new Promise((resolve) => this.signal.addEventListener("abort", () => resolve()));
}

/** Both pools with these options. */
function start(options: PoolOptions): Promise<Executor> {
  return Executor.start({ blocking: options, cpu: options });
}

/** Every way to call a task; each returns for whom it was called in the worker. */
const calls: Record<string, (runner: Runner, visitor: string) => Promise<string[]>> = {
  runCpu: (runner, visitor) => runner.runCpu(visit, visitor),
  runBlocking: (runner, visitor) => runner.runBlocking(visit, visitor),
  mapCpu: async (runner, visitor) =>
    (await Array.fromAsync(runner.mapCpu(visit, [visitor, visitor, visitor]))).flat(),
  mapBlocking: async (runner, visitor) =>
    (await Array.fromAsync(runner.mapBlocking(visit, [visitor, visitor, visitor]))).flat(),
  streamCpu: async (runner, visitor) =>
    (await Array.fromAsync(runner.streamCpu(visits, visitor))).flat(),
  streamBlocking: async (runner, visitor) =>
    (await Array.fromAsync(runner.streamBlocking(visits, visitor))).flat(),
};

for (const [name, call] of Object.entries(calls)) {
  for (const maxWorkers of [1, 3]) {
    Deno.test(`Runner.${name}() runs tasks of different tenants in different workers, of which there are ${maxWorkers}`, async () => {
      await using executor = await start({ maxWorkers });
      const visitors = ["ann", "bob", "the program"];
      const runners = [
        executor.with({ tenant: "ann" }),
        executor.with({ tenant: "bob" }),
        executor,
      ];
      const visitorsOf = async (i: number) => {
        const seen = await call(runners[i % 3]!, visitors[i % 3]!);
        assertEquals([...new Set(seen)], [visitors[i % 3]]);
      };
      await Promise.all(Array.from({ length: 12 }, (_, i) => visitorsOf(i)));
      for (let i = 0; i < 4; i++) await visitorsOf(i);
    });
  }
}

Deno.test("Runner.with() keeps a worker for a tenant as long as there is room", async () => {
  await using executor = await start({ maxWorkers: 3 });
  const ann = executor.with({ tenant: "ann" });
  const bob = executor.with({ tenant: "bob" });
  const places = [await ann.runCpu(place), await bob.runCpu(place), await executor.runCpu(place)];
  assertEquals(new Set(places).size, 3);
  for (let i = 0; i < 3; i++) {
    assertEquals(
      [await ann.runCpu(place), await bob.runCpu(place), await executor.runCpu(place)],
      places,
    );
  }
});

Deno.test("Runner.with() ends the longest idle worker of another tenant for one that has none", async () => {
  await using executor = await start({ maxWorkers: 2 });
  const retired: number[] = [];
  executor.addEventListener("workerretire", ({ worker }) => retired.push(worker));
  await executor.with({ tenant: "ann" }).runCpu(place);
  const bob = executor.with({ tenant: "bob" });
  const bobs = await bob.runCpu(place);
  await executor.with({ tenant: "eve" }).runCpu(place);
  assertEquals(retired, [1]);
  assertEquals(await bob.runCpu(place), bobs);
  assertEquals(executor.stats().cpu.workers, 2);
});

Deno.test("Runner.with() finds no worker that had run anything of another tenant, whatever happens there", async () => {
  await using executor = await start({ maxWorkers: 3, spare: 1 });
  const names = ["ann", "bob", "eve", "joe", undefined];
  const runnerOf = (name: string | undefined, timeout: number) =>
    executor.with(name === undefined ? { timeout } : { tenant: name, timeout });
  const visited = (name: string | undefined) => async (seen: Promise<string[]>) => {
    assertEquals(await seen, [name ?? "the program"]);
  };
  const outcomes: Promise<unknown>[] = [];
  for (let i = 0; i < 60; i++) {
    const name = names[i * 7 % names.length];
    const runner = runnerOf(name, 20_000);
    switch (i % 6) {
      case 0:
        outcomes.push(runner.runCpu(() => Deno.exit()).catch(() => {}));
        break;
      case 1:
        outcomes.push(runner.runCpu(() => self.close()).catch(() => {}));
        break;
      case 2:
        outcomes.push(runnerOf(name, 30).runCpu(take, 60).catch(() => {}));
        break;
      default:
        outcomes.push(
          visited(name)(runner.runCpu(visit, name ?? "the program")).catch((error) => {
            // The task before it may have ended the worker.
            if (!(error instanceof WorkerCrashedError)) throw error;
          }),
        );
    }
    if (i % 10 === 9) await Promise.allSettled(outcomes);
  }
  await Promise.all(outcomes);
});

Deno.test("Runner.with() does not let the flood of one tenant starve another", async () => {
  await using executor = await start({ maxWorkers: 2 });
  const ann = executor.with({ tenant: "ann" });
  const done: string[] = [];
  const byWorker = new Map<string, number[]>();
  const flood = Array.from({ length: 120 }, async (_, i) => {
    const worker = await ann.runCpu(takeIn, 20);
    byWorker.set(worker, [...byWorker.get(worker) ?? [], i]);
    done.push(`ann ${i}`);
  });
  await until(() => executor.stats().cpu.busy === 2);
  const others = ["bob", "eve", undefined].map((tenant) =>
    (tenant === undefined ? executor : executor.with({ tenant })).runCpu(take, 1)
      .then(() => done.push(`${tenant}`))
  );
  await Promise.all(others);
  // Each waits until a worker has served somebody for as long as a start takes.
  assert(done.length < 120, `${done}`);
  await Promise.all(flood);
  // Those of one tenant begin in their order; a busy machine may hold a worker up.
  for (const numbers of byWorker.values()) {
    assertEquals(numbers, numbers.toSorted((one, other) => one - other));
  }
});

Deno.test("Runner.with() takes the tasks of more tenants than there are workers in turn", async () => {
  await using executor = await start({ maxWorkers: 2 });
  const firsts: string[] = [];
  const all: Promise<unknown>[] = [];
  for (let i = 0; i < 8; i++) {
    const runner = executor.with({ tenant: `tenant ${i}` });
    let first = true;
    for (let j = 0; j < 3; j++) {
      all.push(
        runner.runCpu(take, 1).then(() => {
          if (first) firsts.push(`tenant ${i}`);
          first = false;
        }),
      );
    }
  }
  await Promise.all(all);
  // Two at a time, so that neighbours may change places.
  firsts.forEach((name, i) => assert(Math.abs(+name.slice(-1) - i) <= 1, `${firsts}`));
});

Deno.test("Runner.with() gives a tenant that has little the workers of one that has much", async () => {
  await using executor = await start({ maxWorkers: 4 });
  const ann = executor.with({ tenant: "ann" });
  const bob = executor.with({ tenant: "bob" });
  const controller = new AbortController();
  const flood = (runner: Runner) => {
    const places = new Set<number>();
    const loop = async () => {
      while (!controller.signal.aborted) {
        places.add(
          await runner.runCpu(async () => {
            await new Promise((resolve) => setTimeout(resolve, 20));
            return (globalThis as { place?: number }).place ??= Math.random();
          }),
        );
      }
    };
    return { places, ended: Promise.all(Array.from({ length: 60 }, loop)) };
  };
  const first = flood(ann);
  await until(() => first.places.size === 4);
  const second = flood(bob);
  await until(() => second.places.size === 2);
  controller.abort();
  await Promise.all([first.ended, second.ended]);
});

Deno.test("PoolOptions.spare keeps fresh workers ready, beyond those that serve", async () => {
  await using executor = await start({ maxWorkers: 1, spare: 1, idleTimeout: 50 });
  const started: number[] = [];
  executor.addEventListener("workerstart", ({ pool, worker }) => {
    if (pool === "cpu") started.push(worker);
  });
  assertEquals(executor.stats().cpu.workers, 1);
  await executor.with({ tenant: "ann" }).runCpu(place);
  await until(() => started.length === 1);
  // The spare one is there already; the worker of the other tenant makes room for it.
  const before = performance.timeOrigin + performance.now();
  const born = await executor.with({ tenant: "bob" }).runCpu(() => performance.timeOrigin);
  assert(born < before, `${born} ${before}`);
  await until(() => started.length === 2);
  // An idle time ends workers that have served, and no spare one.
  await until(() => executor.stats().cpu.workers === 1);
  assertEquals(executor.stats().cpu.idle, 1);
  assert(await executor.with({ tenant: "eve" }).runCpu(() => performance.timeOrigin) > before);
});

Deno.test("PoolOptions.spare never has more workers serve than maxWorkers", async () => {
  await using executor = await start({ maxWorkers: 1, spare: 2 });
  let running = 0;
  const file = await Deno.makeTempFile();
  try {
    await using inheriting = await start({ maxWorkers: 1, spare: 2, permissions: "inherit" });
    const note = async (file: string) => {
      Deno.writeTextFileSync(file, "+", { append: true });
      await new Promise((resolve) => setTimeout(resolve, 5));
      Deno.writeTextFileSync(file, "-", { append: true });
    };
    await Promise.all(
      Array.from(
        { length: 12 },
        (_, i) => inheriting.with({ tenant: `tenant ${i % 4}` }).runBlocking(note, file),
      ),
    );
    for (const sign of await Deno.readTextFile(file)) {
      running += sign === "+" ? 1 : -1;
      assert(running <= 1);
    }
  } finally {
    await Deno.remove(file);
  }
  assertEquals(executor.stats().cpu.idle, 2);
});

Deno.test("PoolOptions.maxWorkersPerTenant leaves workers to other tenants", async () => {
  await using executor = await start({ maxWorkers: 3, maxWorkersPerTenant: 2 });
  const stop = new AbortController();
  const busy = Array.from(
    { length: 5 },
    () => executor.with({ tenant: "ann", signal: stop.signal }).runCpu(wait).catch(() => {}),
  );
  await until(() => executor.stats().cpu.busy === 2);
  assertEquals(await executor.with({ tenant: "bob" }).runCpu(visit, "bob"), ["bob"]);
  assertEquals(await executor.runCpu(visit, "the program"), ["the program"]);
  assertEquals(executor.stats().cpu.queued, 3);
  stop.abort();
  await Promise.all(busy);
});

Deno.test("PoolOptions.maxWorkersPerTenant limits the program's own tasks, too", async () => {
  await using executor = await start({ maxWorkers: 3, maxWorkersPerTenant: 1 });
  const places = new Set(
    await Promise.all(Array.from({ length: 6 }, () =>
      executor.runCpu(async () => {
        await new Promise((resolve) => setTimeout(resolve, 30));
        return (globalThis as { place?: number }).place ??= Math.random();
      }))),
  );
  assertEquals(places.size, 1);
});

Deno.test("PoolOptions.maxQueuePerTenant refuses the tasks of one tenant, and of no other", async () => {
  await using executor = await start({
    maxWorkers: 2,
    maxWorkersPerTenant: 1,
    maxQueuePerTenant: 2,
  });
  let full = 0;
  executor.addEventListener("queuefull", () => full++);
  const stop = new AbortController();
  const ann = executor.with({ tenant: "ann", signal: stop.signal });
  const busy = ann.runCpu(wait).catch(() => {});
  await until(() => executor.stats().cpu.busy === 1);
  const accepted = [ann.runCpu(visit, "ann"), ann.runCpu(visit, "ann")];
  accepted.forEach((task) => task.catch(() => {}));
  for (let i = 0; i < 3; i++) {
    const error = await assertRejects(() => ann.runCpu(visit, "ann"), QueueFullError);
    assertStringIncludes(error.message, 'of tenant "ann" already wait');
    assertStringIncludes(error.message, "maxQueuePerTenant");
    assertEquals([error.option, error.status], ["maxQueuePerTenant", 429]);
  }
  assertEquals(full, 1);
  assertEquals(await executor.with({ tenant: "bob" }).runCpu(visit, "bob"), ["bob"]);
  stop.abort();
  await Promise.allSettled([busy, ...accepted]);
  // Who has left the queue has left room.
  assertEquals(await executor.with({ tenant: "ann" }).runCpu(visit, "ann"), ["ann"]);
});

Deno.test("PoolOptions.maxQueue counts the tasks of all tenants", async () => {
  await using executor = await start({ maxWorkers: 1, maxQueue: 3 });
  const stop = new AbortController();
  const busy = executor.with({ signal: stop.signal }).runCpu(wait).catch(() => {});
  await until(() => executor.stats().cpu.busy === 1);
  const waiting = ["ann", "bob", "eve"].map((tenant) => executor.with({ tenant }).runCpu(place));
  const error = await assertRejects(
    () => executor.with({ tenant: "joe" }).runCpu(place),
    QueueFullError,
    "maxQueue;",
  );
  assertEquals([error.option, error.status], ["maxQueue", 503]);
  stop.abort();
  await busy;
  assertEquals(new Set(await Promise.all(waiting)).size, 3);
});

testOfWorkers(
  "PoolOptions.maxWorkersPerTenant bounds what the stuck workers of a tenant can take",
  async () => {
    await using executor = await start({ maxWorkers: 3, maxWorkersPerTenant: 1 });
    const { gate, open } = newGate();
    const ann = executor.with({ tenant: "ann" });
    const hasty = ann.with({ timeout: 10 });
    // Twice as many as it may have are stuck.
    for (let i = 0; i < 2; i++) {
      await assertRejects(() => hasty.runCpu(block, gate), DOMException);
      await until(() => executor.stats().cpu.stuck === i + 1);
    }
    const refused = await assertRejects(() => ann.runCpu(place), WorkersStuckError);
    assertStringIncludes(refused.message, 'workers of tenant "ann", twice maxWorkersPerTenant');
    assertEquals(await executor.with({ tenant: "bob" }).runCpu(visit, "bob"), ["bob"]);
    assertEquals(await executor.runCpu(visit, "the program"), ["the program"]);
    open();
    await until(() => executor.stats().cpu.stuck === 0);
    const patient = executor.with({ tenant: "ann" });
    assertEquals(await patient.runCpu(visit, "ann"), ["ann"]);
  },
);

Deno.test("Runner.with() rejects no tenant's tasks as a module failed in the worker of another", async () => {
  const source = `
    if (globalThis.poisoned) throw new Error("poisoned");
    export const f = () => "loaded";
    //${crypto.randomUUID()}
  `;
  const { f } = tasksFrom<{ f: () => string }>(
    `data:text/javascript,${encodeURIComponent(source)}`,
  );
  await using executor = await start({ maxWorkers: 4, maxWorkersPerTenant: 1 });
  const ann = executor.with({ tenant: "ann" });
  await ann.runCpu(() => (globalThis as { poisoned?: boolean }).poisoned = true);
  const outcomes = await Promise.allSettled([
    ann.runCpu(f),
    ann.runCpu(f),
    executor.with({ tenant: "bob" }).runCpu(f),
    executor.runCpu(f),
  ]);
  assertEquals(outcomes.slice(2).map((outcome) => outcome.status), ["fulfilled", "fulfilled"]);
  assertEquals(outcomes[0]!.status, "rejected");
  // A fresh worker of the same tenant loads it.
  await until(() => executor.stats().cpu.busy === 0);
  assertEquals(await ann.runCpu(f), "loaded");
});

Deno.test("Runner.with() settles every task of every tenant when the executor ends", async () => {
  for (const how of ["shutdown", "cancelQueued", "timeout", "terminate"] as const) {
    const executor = await start({ maxWorkers: 2, spare: 1 });
    const tasks = Array.from(
      { length: 30 },
      (_, i) => executor.with({ tenant: `tenant ${i % 5}` }).runCpu(take, 10),
    );
    const settled = Promise.allSettled(tasks);
    if (how === "terminate") executor.terminate();
    await executor.shutdown({
      cancelQueued: how === "cancelQueued",
      timeout: how === "timeout" ? 1 : undefined,
    });
    const done = (await settled).filter(({ status }) => status === "fulfilled").length;
    if (how === "shutdown") assertEquals(done, 30);
    const { busy, queued, workers } = executor.stats().cpu;
    assertEquals([busy, queued, workers], [0, 0, 0]);
  }
});

Deno.test("Runner.with() takes back the tasks of a tenant that gives up, waiting or running", async () => {
  await using executor = await start({ maxWorkers: 1 });
  const stop = new AbortController();
  const busy = executor.with({ tenant: "ann", signal: stop.signal }).runCpu(wait);
  await until(() => executor.stats().cpu.busy === 1);
  const leave = new AbortController();
  const left = ["bob", "eve", "bob"].map((tenant) =>
    executor.with({ tenant, signal: leave.signal }).runCpu(place)
  );
  const seen = Promise.allSettled(left);
  leave.abort();
  assertEquals((await seen).map(({ status }) => status), ["rejected", "rejected", "rejected"]);
  assertEquals(executor.stats().cpu.queued, 0);
  stop.abort();
  await busy.catch(() => {});
  assertEquals(await executor.with({ tenant: "bob" }).runCpu(visit, "bob"), ["bob"]);
});

Deno.test("PoolOptions.idleTimeout ends the workers of a tenant, and keeps minWorkers", async () => {
  await using executor = await start({ minWorkers: 1, maxWorkers: 4, idleTimeout: 30 });
  for (const tenant of ["ann", "bob", "eve"]) await executor.with({ tenant }).runCpu(place);
  await until(() => executor.stats().cpu.workers === 1);
  assertEquals(await executor.with({ tenant: "joe" }).runCpu(visit, "joe"), ["joe"]);
});

const testOfStreams = transfersStreams ? testOfWorkers : Deno.test.ignore;

testOfStreams("Runner.with() leaves a worker to a tenant whose stream goes on in it", async () => {
  await using executor = await start({ maxWorkers: 1 });
  const ann = executor.with({ tenant: "ann" });
  const stream = await ann.runCpu(
    function (this: { transfer<T>(value: T, list: Transferable[]): T }) {
      let n = 0;
      const stream = new ReadableStream<number>({
        pull(controller) {
          controller.enqueue(n++);
          if (n > 40) controller.close();
        },
      });
      return this.transfer(stream, [stream as unknown as Transferable]);
    },
  );
  const bobs = executor.with({ tenant: "bob" }).runCpu(visit, "bob");
  let chunks = 0;
  for await (const _ of stream) chunks++;
  assertEquals(chunks, 41);
  assertEquals(await bobs, ["bob"]);
});

Deno.test("Runner.with() moves what a tenant transfers, as without one", async () => {
  await using executor = await start({ maxWorkers: 2 });
  const bytes = new Uint8Array([1, 2, 3]);
  const sum = (bytes: Uint8Array) => bytes.reduce((sum, n) => sum + n, 0);
  const ann = executor.with({ tenant: "ann" });
  assertEquals(await ann.runCpu(sum, transfer(bytes, [bytes.buffer])), 6);
  if (isolation === "worker") assertEquals(bytes.length, 0);
});

Deno.test("Runner.with() narrows what the calls are bound to", async () => {
  await using executor = await start({ maxWorkers: 2 });
  const ann = executor.with({ tenant: "ann" });
  assertEquals(await ann.runCpu(visit, "ann"), ["ann"]);
  // The tenant stays.
  assertEquals(await ann.with({ timeout: 10_000 }).runCpu(visit, "ann"), ["ann"]);
  assertEquals(await ann.with({ tenant: "ann" }).runCpu(visit, "ann"), ["ann"]);
  const error = assertThrows(() => ann.with({ tenant: "bob" }), TypeError);
  assertEquals(
    error.message,
    'Cannot use tenant: these calls are those of tenant "ann", received "bob"',
  );
  // The shorter time counts, whichever was first.
  for (const [outer, inner] of [[20, 10_000], [10_000, 20]] as const) {
    await assertRejects(
      () => executor.with({ timeout: outer }).with({ timeout: inner }).runCpu(wait),
      DOMException,
      "ran for 20 ms",
    );
  }
  // Either signal aborts.
  for (const which of [0, 1]) {
    const controllers = [new AbortController(), new AbortController()];
    const [outer, inner] = controllers.map(({ signal }) => signal);
    const result = executor.with({ signal: outer! }).with({ signal: inner! }).runCpu(wait);
    controllers[which]!.abort(new Error(`signal ${which}`));
    await assertRejects(() => result, Error, `signal ${which}`);
  }
  // The listener that was given last hears.
  const heard: unknown[] = [];
  const listening = executor.with({ onProgress: (value) => heard.push(["outer", value]) });
  const tell = function (this: { progress(value: unknown): void }) {
    this.progress(1);
  };
  await listening.with({ timeout: 10_000 }).runCpu(tell);
  await listening.with({ onProgress: (value) => heard.push(["inner", value]) }).runCpu(tell);
  assertEquals(heard, [["outer", 1], ["inner", 1]]);
});

Deno.test("Executor.with() refuses a tenant that is no name", () => {
  const executor = new Executor();
  // deno-lint-ignore no-explicit-any -- what a program in JavaScript may pass
  const wrong: any[] = [undefined, null, 42, true, {}, ["ann"], Symbol("ann")];
  for (const tenant of wrong) {
    const error = assertThrows(() => executor.with({ tenant }), TypeError);
    assertStringIncludes(error.message, "Cannot use tenant: expected a name that is not empty");
  }
  assertThrows(() => executor.with({ tenant: "" }), RangeError, 'received ""');
});

Deno.test("Executor.with() takes any name for a tenant", async () => {
  await using executor = await start({ maxWorkers: 2 });
  const names = [
    "__proto__",
    "constructor",
    "toString",
    "\0",
    "😀",
    "a".repeat(100_000),
    "undefined",
  ];
  for (const tenant of names) {
    assertEquals(await executor.with({ tenant }).runCpu(visit, "me"), ["me"]);
  }
});

Deno.test("Executor.with() refuses a tenant where tasks run inline", async () => {
  await using executor = await Executor.start({ inline: true });
  const error = assertThrows(() => executor.with({ tenant: "ann" }), TypeError);
  assertStringIncludes(error.message, "tasks run inline, in this thread");
  assertThrows(() => executor.with({ timeout: 5 }).with({ tenant: "ann" }), TypeError);
});

Deno.test("PoolOptions refuses wrong numbers for tenants", () => {
  for (const cpu of [{ spare: -1 }, { maxWorkersPerTenant: 0 }, { maxQueuePerTenant: 0.5 }]) {
    assertThrows(() => new Executor({ cpu }), RangeError, "Cannot use cpu.");
  }
});

for (
  const options of [{}, { maxQueue: 100_000 }, { maxWorkersPerTenant: 1 }, { spare: 1 }] as const
) {
  Deno.test(`Runner.with() takes a task of each of 20,000 tenants in time that grows with their number, with ${JSON.stringify(options)}`, async () => {
    await using executor = await start({ maxWorkers: 2, ...options });
    // Idle workers of others, which each of the tenants might use.
    for (const tenant of ["ann", "bob"]) await executor.with({ tenant }).runCpu(place);
    const controller = new AbortController();
    const submit = (count: number) => {
      const begun = performance.now();
      const results = Array.from({ length: count }, (_, i) => {
        const runner = executor.with({ tenant: `tenant ${i}`, signal: controller.signal });
        return runner.runCpu(place).catch(() => {});
      });
      return { results, took: performance.now() - begun };
    };
    // It took more than 20 s when each task was tried for all tenants.
    const { results, took } = submit(20_000);
    assert(took < 5_000, `${took} ms`);
    assert(executor.stats().cpu.queued >= 19_000);
    controller.abort();
    await Promise.all(results);
    assertEquals(executor.stats().cpu.queued, 0);
  });
}
