/** When, where and how often the modules of tasks are loaded, and what a load that goes wrong costs. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Executor, type Runner, tasksFrom, WorkerStartError } from "../support/isolation.ts";
import { until } from "../support/waiting.ts";

/** The tasks of a module that nobody has loaded yet. */
function fresh<M>(source: string): ReturnType<typeof tasksFrom<M>> {
  const url = `data:text/javascript,${encodeURIComponent(source)}//${crypto.randomUUID()}`;
  return tasksFrom<M>(url);
}

interface Slow {
  quick(n: number): number;
  count(n: number): Generator<number>;
}

/** Modules that take long to load, as their workers compute, or as they wait. */
const slowModules = {
  "computes": "const end = performance.now() + 700; while (performance.now() < end);",
  "waits": "await new Promise((resolve) => setTimeout(resolve, 700));",
};
const exportsOfSlow = `
  export const quick = (n) => n * 2;
  export function* count(n) { for (let i = 0; i < n; i++) yield i; }
`;

/** Ways to call a task of a slow module with a runner. */
const calls: Record<string, (runner: Runner, tasks: ReturnType<typeof fresh<Slow>>) => unknown> = {
  runCpu: (runner, { quick }) => runner.runCpu(quick, 21),
  runBlocking: (runner, { quick }) => runner.runBlocking(quick, 21),
  mapCpu: (runner, { quick }) => Array.fromAsync(runner.mapCpu(quick, [1, 2])),
  mapBlocking: (runner, { quick }) => Array.fromAsync(runner.mapBlocking(quick, [1, 2])),
  streamCpu: (runner, { count }) => Array.fromAsync(runner.streamCpu(count, 3)),
  streamBlocking: (runner, { count }) => Array.fromAsync(runner.streamBlocking(count, 3)),
};

function started(options: { minWorkers?: number; maxWorkers: number }) {
  const pool = { permissions: "inherit", ...options } as const;
  return Executor.start({ cpu: pool, blocking: pool });
}

/** Waits until no worker loads a module: one that computes cannot be stopped, and would outlive its test. */
async function loaded(executor: Executor): Promise<void> {
  await until(() => {
    const { blocking, cpu } = executor.stats();
    return blocking.busy + cpu.busy === 0;
  });
}

/** Notes what happens to workers. */
function watch(executor: Executor): string[] {
  const seen: string[] = [];
  for (const type of ["workerstuck", "workercrash", "workererror", "workerretire"] as const) {
    executor.addEventListener(type, ({ type }) => seen.push(type));
  }
  return seen;
}

for (const [how, slow] of Object.entries(slowModules)) {
  for (const [name, call] of Object.entries(calls)) {
    Deno.test(`Runner.${name}() counts no loading as running time: the module ${how}`, async () => {
      const tasks = fresh<Slow>(slow + exportsOfSlow);
      await using executor = await started({ minWorkers: 2, maxWorkers: 2 });
      const seen = watch(executor);
      await call(executor.with({ timeout: 400 }), tasks);
      assertEquals(seen, []);
      await loaded(executor);
    });

    Deno.test(`Runner.${name}() that is aborted while its module loads rejects, and the load goes on: the module ${how}`, async () => {
      const tasks = fresh<Slow>(slow + exportsOfSlow);
      await using executor = await started({ minWorkers: 1, maxWorkers: 1 });
      const seen = watch(executor);
      const pool = name.endsWith("Cpu") ? "cpu" : "blocking";
      const controller = new AbortController();
      const left = Promise.resolve(call(executor.with({ signal: controller.signal }), tasks));
      const rejected = assertRejects(() => left, Error, "hung up");
      await until(() => executor.stats()[pool].busy === 1);
      controller.abort(new Error("hung up"));
      await rejected;
      // It still loads.
      assertEquals(executor.stats()[pool].busy, 1);
      await until(() => executor.stats()[pool].idle === 1);
      await call(executor.with({ timeout: 400 }), tasks);
      assertEquals(seen, []);
      assertEquals(executor.stats()[pool].crashed, 0);
    });
  }
}

Deno.test("Executor.runCpu() of callers without patience finds a slow module loaded in the end", async () => {
  const { quick } = fresh<Slow>(slowModules.computes + exportsOfSlow);
  await using executor = await started({ minWorkers: 2, maxWorkers: 2 });
  const seen = watch(executor);
  const outcomes: unknown[] = [];
  while (outcomes.at(-1) !== 42) {
    const impatient = executor.with({ signal: AbortSignal.timeout(200) });
    outcomes.push(await impatient.runCpu(quick, 21).catch(({ name }) => name));
  }
  assert(outcomes.length <= 12, `${outcomes}`);
  assertEquals(seen, []);
  await loaded(executor);
});

Deno.test("Executor.runCpu() runs a task where its module is, while another worker loads it", async () => {
  // The second worker that loads the module never gets there.
  const lock = await Deno.makeTempFile();
  const { quick } = fresh<Slow>(`
    if (Deno.readTextFileSync(${JSON.stringify(lock)}) !== "") await new Promise(() => {});
    Deno.writeTextFileSync(${JSON.stringify(lock)}, "taken");
    ${slowModules.computes} ${exportsOfSlow}`);
  await using executor = await started({ minWorkers: 2, maxWorkers: 2 });
  try {
    assertEquals(await Promise.all([executor.runCpu(quick, 1), executor.runCpu(quick, 2)]), [2, 4]);
    assertEquals(await executor.runCpu(quick, 3), 6);
    executor.terminate();
  } finally {
    await Deno.remove(lock);
  }
});

Deno.test("Executor.shutdown() does not wait for a load whose caller has given up", async () => {
  const { quick } = fresh<Slow>("await new Promise(() => {});" + exportsOfSlow);
  const executor = await started({ maxWorkers: 1 });
  const controller = new AbortController();
  const left = executor.with({ signal: controller.signal }).runCpu(quick, 1);
  const rejected = assertRejects(() => left);
  await until(() => executor.stats().cpu.busy === 1);
  controller.abort();
  await rejected;
  await executor.shutdown();
  assertEquals(executor.stats().cpu.workers, 0);
});

Deno.test("Executor.terminate() rejects a task whose module loads", async () => {
  const { quick } = fresh<Slow>("await new Promise(() => {});" + exportsOfSlow);
  const executor = await started({ maxWorkers: 1 });
  const running = executor.runCpu(quick, 1);
  const rejected = assertRejects(() => running, Error, "terminated while");
  await until(() => executor.stats().cpu.busy === 1);
  executor.terminate();
  await rejected;
  await executor.shutdown();
});

/** A module that loads when a file is there, and how it does not load before. */
class Gate implements AsyncDisposable {
  readonly #path: string;
  readonly tasks: ReturnType<typeof fresh<Slow>>;

  constructor(path: string, failure: string) {
    this.#path = path;
    this.tasks = fresh<Slow>(`
      let open = true;
      try { Deno.statSync(${JSON.stringify(path)}); } catch { open = false; }
      if (!open) { ${failure} }
      ${exportsOfSlow}`);
  }

  static async make(failure: string): Promise<Gate> {
    return new Gate(`${await Deno.makeTempDir()}/open`, failure);
  }

  async open(): Promise<void> {
    await Deno.writeTextFile(this.#path, "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#path.replace(/\/open$/, ""), { recursive: true });
  }
}

/** Ways of a module not to load, and the error of its first caller. */
const failures: Record<string, { source: string; error: string }> = {
  "throws": {
    source: `throw new Error("the database is not up");`,
    error: "WorkerStartError",
  },
  "rejects": {
    source: `await Promise.reject(new Error("the database is not up"));`,
    error: "WorkerStartError",
  },
  "exits": {
    source: `Deno.exit(7); await new Promise(() => {});`,
    error: "WorkerCrashedError",
  },
  "leaves a rejection": {
    source: `Promise.reject(new Error("the database is not up")); await new Promise(() => {});`,
    error: "WorkerCrashedError",
  },
};

for (const [how, { source, error }] of Object.entries(failures)) {
  Deno.test(`Executor.runCpu() succeeds when the cause of a failed load is gone: the module ${how}`, async () => {
    await using gate = await Gate.make(source);
    await using executor = await started({ minWorkers: 2, maxWorkers: 2 });
    const { quick } = gate.tasks;
    for (let i = 0; i < 3; i++) {
      const reason = await assertRejects(() => executor.runCpu(quick, 21), Error);
      assertEquals(reason.name, error);
      if (how === "throws") {
        assertEquals((reason.cause as Error).message, "the database is not up");
        assert(reason.message.startsWith("Cannot load the module of quick"), reason.message);
      }
    }
    await gate.open();
    assertEquals(await executor.runCpu(quick, 21), 42);
    assertEquals(await executor.runCpu(quick, 1), 2);
  });

  Deno.test(`Executor.runCpu() starts few workers for a module that never loads: the module ${how}`, async () => {
    const { quick } = fresh<Slow>(source + exportsOfSlow);
    await using executor = await started({ minWorkers: 2, maxWorkers: 2 });
    let starts = 0;
    executor.addEventListener("workerstart", () => starts++);
    const begun = performance.now();
    const bad: Promise<unknown>[] = [];
    const good: Promise<unknown>[] = [];
    while (performance.now() - begun < 2_000) {
      bad.push(executor.runCpu(quick, 1).then(() => "?", ({ name }) => name));
      good.push(executor.runCpu((n: number) => n, good.length));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const asked = bad.length;
    // Twice 30 ms, 60, 120, … at most; with each its own there were as many as calls.
    assert(starts <= 14, `${starts} starts for ${asked} calls`);
    // None of the others had to wait for it.
    assertEquals(await Promise.all(good), good.map((_, i) => i));
    const names = new Set(await Promise.all(bad));
    assert(names.isSubsetOf(new Set(["WorkerStartError", "WorkerCrashedError"])), `${[...names]}`);
  });
}

Deno.test("Executor.runCpu() rejects at once when it is aborted while its module is not tried again", async () => {
  const { quick } = fresh<Slow>(failures.throws!.source);
  await using executor = await started({ maxWorkers: 1 });
  for (let i = 0; i < 4; i++) await assertRejects(() => executor.runCpu(quick, 1));
  const controller = new AbortController();
  const waiting = executor.with({ signal: controller.signal }).runCpu(quick, 1);
  const rejected = assertRejects(() => waiting, Error, "left");
  assertEquals(executor.stats().cpu.queued, 1);
  controller.abort(new Error("left"));
  await rejected;
  assertEquals(executor.stats().cpu.queued, 0);
});

for (const end of ["shutdown", "terminate", "cancelQueued"] as const) {
  Deno.test(`Executor settles the tasks of a module that is not tried again: ${end}`, async () => {
    const { quick } = fresh<Slow>(failures.throws!.source);
    const executor = await started({ maxWorkers: 1 });
    for (let i = 0; i < 3; i++) await assertRejects(() => executor.runCpu(quick, 1));
    const waiting = executor.runCpu(quick, 1);
    const rejected = assertRejects(() => waiting, Error);
    if (end === "terminate") executor.terminate();
    await executor.shutdown({ cancelQueued: end === "cancelQueued" });
    const { name } = await rejected;
    assertEquals(name, end === "shutdown" ? "WorkerStartError" : "ShutdownError");
  });
}

Deno.test("Executor.runCpu() inline rejects with the cause of a failed load, each time", async () => {
  const { quick } = fresh<Slow>(failures.throws!.source);
  await using executor = await Executor.start({ inline: true });
  for (let i = 0; i < 3; i++) {
    const reason = await assertRejects(() => executor.runCpu(quick, 1), WorkerStartError);
    assertEquals((reason.cause as Error).message, "the database is not up");
  }
  assertEquals(await executor.runCpu(() => 42), 42);
});

const LOADED_AT = `const at = Date.now(); export const loadedAt = () => at;`;

for (const pool of ["cpu", "blocking"] as const) {
  Deno.test(`PoolOptions.preload has each worker load modules before it is ready: ${pool}`, async () => {
    const slow = fresh<{ loadedAt(): number }>(slowModules.computes + LOADED_AT);
    const other = fresh<{ loadedAt(): number }>(LOADED_AT);
    await using executor = await Executor.start({
      [pool]: { minWorkers: 2, maxWorkers: 2, preload: [slow, other.loadedAt] },
    });
    const readyAt = Date.now();
    const run = (task: typeof slow.loadedAt) =>
      pool === "cpu" ? executor.runCpu(task) : executor.runBlocking(task);
    const times = await Promise.all(
      [slow, slow, other, other].map(({ loadedAt }) => run(loadedAt)),
    );
    assert(times.every((time) => time <= readyAt), `${times} after ${readyAt}`);
  });
}

Deno.test("PoolOptions.preload without minWorkers starts one worker, which grows to more that load it", async () => {
  const { loadedAt } = fresh<{ loadedAt(): number }>(LOADED_AT);
  await using executor = await Executor.start({
    blocking: { maxWorkers: 3, preload: [loadedAt] },
  });
  assertEquals(executor.stats().blocking.workers, 1);
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  await Promise.all(Array.from({ length: 12 }, () => executor.runBlocking(pause, 100)));
  const { workers } = executor.stats().blocking;
  assert(workers > 1);
  const called = Date.now();
  const times = await Promise.all(
    Array.from({ length: workers }, () => executor.runBlocking(loadedAt)),
  );
  assert(times.every((time) => time <= called));
});

for (const [how, { source }] of Object.entries(failures)) {
  Deno.test(`Executor.startup() rejects when a module of preload does not load: the module ${how}`, async () => {
    await using gate = await Gate.make(source);
    const executor = new Executor({
      cpu: { permissions: "inherit", preload: [gate.tasks], minWorkers: 2, maxWorkers: 2 },
    });
    await assertRejects(() => executor.startup(), WorkerStartError, "Cannot start a cpu worker");
    assertEquals(executor.isRunning, false);
    assertEquals(executor.stats().cpu.workers, 0);
    await gate.open();
    await executor.startup();
    assertEquals(await executor.runCpu(gate.tasks.quick, 21), 42);
    await executor.shutdown();
  });
}

Deno.test("PoolOptions.preload works inline", async () => {
  const { loadedAt } = fresh<{ loadedAt(): number }>(LOADED_AT);
  await using executor = await Executor.start({ inline: true, cpu: { preload: [loadedAt] } });
  const readyAt = Date.now();
  assert(await executor.runCpu(loadedAt) <= readyAt);
});

Deno.test("PoolOptions.preload is refused if it is no list of modules", () => {
  const { quick } = fresh<Slow>(exportsOfSlow);
  for (const preload of ["./tasks.ts", quick, [() => 1], ["./tasks.ts"], [null], [{}], {}, 5]) {
    assertThrows(
      () => new Executor({ cpu: { preload: preload as unknown as object[] } }),
      TypeError,
      "Cannot use cpu.preload: expected an array of what tasksFrom() returned",
    );
  }
});

Deno.test("Executor.startup() says which permissions count for a module of preload", async () => {
  const { quick } = fresh<Slow>(`Deno.env.get("HOME");` + exportsOfSlow);
  await using executor = new Executor({ cpu: { preload: [quick] } });
  await assertRejects(
    () => executor.startup(),
    WorkerStartError,
    "tasks of the cpu pool have what cpu: { permissions } grants",
  );
});
