import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Executor, isolation, tasksFrom } from "../support/isolation.ts";
import { until } from "../support/waiting.ts";

const { add, countCalls } = tasksFrom(import.meta, () => import("../fixtures/tasks.ts"));

/** Every way to end, as code; what follows it never runs, or never ends. */
const ways: Record<string, string> = {
  "a throw": `throw new RangeError("on purpose");`,
  "an unhandled rejection": `Promise.reject(new RangeError("on purpose"));`,
  "a throw in a timer": `setTimeout(() => { throw new RangeError("on purpose"); });`,
  "Deno.exit()": `Deno.exit(3);`,
  "process.exit()": `process.exit(3);`,
  "self.close()": `self.close();`,
};
const forever = `await new Promise(() => {});`;

/** What names an end; nothing, if the task has returned before. */
type ErrorName = string | undefined;

/** Every moment, as a task that ends in this way then, and the error, or one of those, that names it. */
const moments: Record<string, {
  task(way: string): Parameters<Executor["runCpu"]>[0];
  error(way: string): ErrorName | ErrorName[];
}> = {
  "while its module loads": {
    task: (way) => {
      const source = `${way} ${forever} export function never() {}`;
      return tasksFrom<{ never(): void }>(
        `data:text/javascript,${encodeURIComponent(source)}//${crypto.randomUUID()}`,
      ).never;
    },
    error: (way) => way === "a throw" ? "WorkerStartError" : "WorkerCrashedError",
  },
  "while it runs": {
    task: (way) => new Function(`return async () => { ${way} ${forever} }`)(),
    error: (way) => way === "a throw" ? "RangeError" : "WorkerCrashedError",
  },
  "while its result is sent": {
    task: (way) => new Function(`return () => ({ get value() { ${way} return 1; } })`)(),
    error: (way) =>
      way === "a throw"
        ? "NotCloneableError"
        // The getter is read before anything is sent. In a worker Deno may still go on for a moment.
        : way.endsWith("()")
        ? isolation === "process" ? "WorkerCrashedError" : [undefined, "WorkerCrashedError"]
        : undefined,
  },
};

for (const [moment, { task, error }] of Object.entries(moments)) {
  for (const [way, code] of Object.entries(ways)) {
    Deno.test(`A task that ends by ${way} ${moment} fails alone`, async () => {
      await using executor = await Executor.start({
        cpu: { minWorkers: 2, maxWorkers: 2, permissions: "inherit" },
      });
      await Promise.all(Array.from({ length: 300 }, () => executor.runCpu(countCalls)));
      const others: Promise<number>[] = [];
      const call = (n: number) => others.push(executor.runCpu(add, n, n));
      for (let n = 0; n < 200; n++) call(n);
      const hit = executor.runCpu(task(code)).then(() => undefined, (error) => error);
      for (let n = 200; n < 400; n++) call(n);
      const found = await hit;
      assert([error(way)].flat().includes(found?.name), String(found));
      if (found?.name === "WorkerCrashedError") assert(found.message.includes("The worker died"));
      assertEquals(await Promise.all(others), Array.from({ length: 400 }, (_, n) => 2 * n));
      const crashes = way === "a throw" ? 0 : 1;
      await until(() => {
        const { crashed, idle } = executor.stats().cpu;
        return crashed === crashes && idle === 2;
      });
      const { completed, failed, queued } = executor.stats().cpu;
      const failures = found === undefined ? 0 : 1;
      assertEquals({ completed, failed, queued }, {
        completed: 701 - failures,
        failed: failures,
        queued: 0,
      });
    });
  }
}

for (const [way, code] of Object.entries(ways)) {
  Deno.test(`Executor.shutdown() ends when a task ends by ${way}`, async () => {
    const executor = await Executor.start({ cpu: { maxWorkers: 2, permissions: "inherit" } });
    const hit = executor.runCpu(new Function(`return async () => { ${code} ${forever} }`)());
    const others = Array.from({ length: 20 }, (_, n) => executor.runCpu(add, n, n));
    const [outcome] = await Promise.all([
      hit.then(() => undefined, ({ name }) => name),
      executor.shutdown(),
    ]);
    assertEquals(outcome, way === "a throw" ? "RangeError" : "WorkerCrashedError");
    assertEquals(await Promise.all(others), Array.from({ length: 20 }, (_, n) => 2 * n));
    assertEquals(executor.stats().cpu.workers, 0);
  });
}

/** Every way in which a library can handle what nobody caught, as code. */
const handlers: Record<string, string> = {
  "addEventListener()": `
    for (const type of ["error", "unhandledrejection"]) {
      addEventListener(type, (event) => event.preventDefault());
    }`,
  "onerror and onunhandledrejection": `
    // What it is given, and whether true handles it, depends on the scope.
    globalThis.onerror = (event) => event.preventDefault?.() ?? true;
    globalThis.onunhandledrejection = (event) => event.preventDefault();`,
  "process.on()": `
    process.on("uncaughtException", () => {});
    process.on("unhandledRejection", () => {});`,
  'process.on("uncaughtException") alone': `process.on("uncaughtException", () => {});`,
};
const handledErrors: Record<string, string> = {
  "a rejection": `Promise.reject(new RangeError("handled"));`,
  "a rejection without an error": `Promise.reject("handled");`,
  "a throw in a timer": `setTimeout(() => { throw new RangeError("handled"); });`,
  "reportError()": `reportError(new RangeError("handled"));`,
};
const pause = `await new Promise((resolve) => setTimeout(resolve, 20));`;

for (const [handler, handle] of Object.entries(handlers)) {
  for (const [name, error] of Object.entries(handledErrors)) {
    const pool = { maxWorkers: 1, permissions: "inherit" } as const;
    const run = (executor: Executor, code: string) =>
      executor.runCpu(new Function(`return async () => { ${code} return "done"; }`)());

    Deno.test(`A task's worker lives on after ${name} that ${handler} handles`, async () => {
      await using executor = await Executor.start({ cpu: pool });
      const source = `${handle} ${error} ${pause} export const loaded = () => "loaded";`;
      const { loaded } = tasksFrom<{ loaded(): string }>(
        `data:text/javascript,${encodeURIComponent(source)}//${crypto.randomUUID()}`,
      );
      assertEquals(await executor.runCpu(loaded), "loaded");
      assertEquals(await run(executor, `${error} ${pause}`), "done");
      // Between two tasks.
      assertEquals(await run(executor, error), "done");
      await run(executor, pause);
      assertEquals(executor.stats().cpu.crashed, 0);
      // Of another death it is not to blame.
      const death = await run(executor, `self.close(); ${forever}`).catch((error) => error);
      assertEquals(death.name, "WorkerCrashedError");
      assert(!death.message.includes("handled"), death.message);
      assertEquals(death.message.includes(isolation === "worker" ? "by itself" : "code 0"), true);
    });
  }
}

for (const [name, error] of Object.entries(handledErrors)) {
  Deno.test(`A task's worker lives on after 1,500 times ${name} that a listener handles, and dies of the next`, async () => {
    await using executor = await Executor.start({ cpu: { maxWorkers: 1, permissions: "inherit" } });
    const run = (code: string) =>
      executor.runCpu(new Function(`return async () => { ${code} return "done"; }`)());
    const handle = handlers["addEventListener()"]!.replaceAll("event.", "self.isOver || event.");
    const task = `${handle} for (let i = 0; i < 1_500; i++) { ${error} } ${pause}`;
    assertEquals(await run(task), "done");
    assertEquals(executor.stats().cpu.crashed, 0);
    const death = await run(`self.isOver = true; reportError(new TypeError("why")); ${forever}`)
      .catch((error) => error);
    assertEquals(death.name, "WorkerCrashedError");
    assertStringIncludes(death.message, "why");
  });
}

Deno.test("A worker dies of an error that a listener has heard but not handled", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1, permissions: "inherit" } });
  for (const code of [`Promise.reject(new RangeError("why"));`, handledErrors["reportError()"]!]) {
    const task = new Function(`return async () => {
      addEventListener("error", () => {});
      addEventListener("unhandledrejection", () => {});
      ${code} ${forever}
    }`);
    const error = await executor.runCpu(task()).then(() => undefined, (error) => error);
    assertEquals([error?.name, error?.cause?.name], ["WorkerCrashedError", "RangeError"]);
  }
});

Deno.test("Pool replaces a worker that does not end to copy the result of a task that was given up", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  await executor.runCpu(add, 1, 2);
  // A process is killed; a worker comes back when its loop ends.
  const end = isolation === "worker" ? new Int32Array(new SharedArrayBuffer(4)) : undefined;
  const endless = (end?: Int32Array) => ({
    get value() {
      while (end === undefined || Atomics.load(end, 0) === 0);
      return 1;
    },
  });
  const limited = executor.with({ timeout: 100 }).runCpu(endless, end);
  await assertRejects(() => limited, DOMException, "timed out");
  assertEquals(await executor.runCpu(add, 1, 2), 3);
  if (end === undefined) return;
  Atomics.store(end, 0, 1);
  await until(() => executor.stats().cpu.stuck === 0);
});
