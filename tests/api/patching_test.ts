import { assert, assertEquals, assertRejects } from "@std/assert";
import { Executor, type Task, type TaskContext, tasksFrom } from "../isolation.ts";

const libraries: Record<string, Task<() => unknown>> = tasksFrom(
  import.meta,
  () => import("../fixtures/patching.ts"),
);
const { add, later } = tasksFrom(import.meta, () => import("../fixtures/tasks.ts"));

for (const name of Object.keys(await import("../fixtures/patching.ts"))) {
  Deno.test(`Executor.runCpu() goes on in a worker where ${name}() has patched globals`, async () => {
    // They read variables.
    const permissions = "inherit";
    await using executor = await Executor.start({ cpu: { maxWorkers: 1, permissions } });
    await executor.runCpu(() => {
      (globalThis as { isMarked?: boolean }).isMarked = true;
    });
    assert(await executor.runCpu(libraries[name]!), "it has patched");

    assertEquals(await executor.runCpu(add, 1, 2), 3);
    assertEquals(await executor.runCpu(later, "later", 5), "later");
    assertEquals(await executor.runCpu((n: number) => Promise.resolve({ n }), 7), { n: 7 });
    const many = Array.from({ length: 300 }, (_, n) => executor.runCpu(add, n, 1));
    assertEquals(await Promise.all(many), Array.from({ length: 300 }, (_, n) => n + 1));
    assertEquals(
      await Array.fromAsync(executor.mapCpu(({ n }: { n: number }) => ({ n: n + 1 }), [
        { n: 1 },
        { n: 2 },
      ])),
      [{ n: 2 }, { n: 3 }],
    );
    function* count() {
      for (let n = 0; n < 40; n++) yield n;
    }
    assertEquals(
      await Array.fromAsync(executor.streamCpu(count)),
      Array.from({ length: 40 }, (_, n) => n),
    );
    async function* countSlowly() {
      for (let n = 0; n < 3; n++) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        yield { n };
      }
    }
    assertEquals(await Array.fromAsync(executor.streamCpu(countSlowly)), [
      { n: 0 },
      { n: 1 },
      { n: 2 },
    ]);
    const steps: unknown[] = [];
    await executor.with({ onProgress: (step) => steps.push(step) }).runCpu(
      async function (this: TaskContext) {
        this.progress(1);
        await null;
        this.progress({ two: 2 });
      },
    );
    assertEquals(steps, [1, { two: 2 }]);
    const thrown = await assertRejects(
      () =>
        executor.runCpu(() => {
          throw Object.assign(new RangeError("as thrown", { cause: new TypeError("why") }), {
            code: 7,
          });
        }),
      RangeError,
      "as thrown",
    );
    assertEquals((thrown as RangeError & { code: number }).code, 7);
    assert(thrown.cause instanceof TypeError);
    assert(typeof thrown.stack === "string");
    await assertRejects(
      () => executor.runCpu(() => Promise.reject(new SyntaxError("rejected"))),
      SyntaxError,
      "rejected",
    );
    const controller = new AbortController();
    const aborted = executor.with({
      signal: controller.signal,
      onProgress: () => controller.abort(new Error("enough")),
    }).runCpu(async function (this: TaskContext) {
      this.progress("listens");
      await new Promise((resolve) => this.signal.addEventListener("abort", resolve));
    });
    await assertRejects(() => aborted, Error, "enough");
    const marked = await executor.runCpu(() => "isMarked" in globalThis);
    assertEquals(marked, true, "it is the same worker");
    await assertRejects(
      () => executor.with({ timeout: 20 }).runCpu(() => new Promise(() => {})),
      DOMException,
      "timed out",
    );
    assertEquals(executor.stats().cpu.crashed, 0);
  });
}
