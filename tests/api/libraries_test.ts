import { assert } from "@std/assert";
import { Executor, type Task, tasksFrom } from "../support/isolation.ts";
import { assertServes } from "../support/honest_calls.ts";

const libraries: Record<string, Task<() => unknown>> = tasksFrom(
  import.meta,
  () => import("../fixtures/libraries.ts"),
);

for (const name of Object.keys(await import("../fixtures/libraries.ts"))) {
  Deno.test(`Executor goes on in a worker that has loaded the library ${name}`, async () => {
    // Libraries read variables and files.
    const cpu = { maxWorkers: 1, permissions: "inherit" } as const;
    await using executor = await Executor.start({ cpu });
    await assertServes(executor, async () => {
      assert(await executor.runCpu(libraries[name]!), "it has changed something");
    });
  });
}
