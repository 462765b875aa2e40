import { assert, assertEquals } from "@std/assert";
import { Executor, type Task, tasksFrom } from "../support/isolation.ts";
import { assertServes } from "../support/honest_calls.ts";

const changes: Record<string, Task<() => unknown>> = tasksFrom(
  import.meta,
  () => import("../fixtures/patching.ts"),
);
const { countHeard } = tasksFrom(import.meta, () => import("../fixtures/patching.ts"));

for (const name of Object.keys(await import("../fixtures/patching.ts"))) {
  if (name === "countHeard") continue;
  Deno.test(`Executor goes on in a worker in which ${name}() was called`, async () => {
    // Some read variables.
    const cpu = { maxWorkers: 1, permissions: "inherit" } as const;
    await using executor = await Executor.start({ cpu });
    await assertServes(executor, async () => {
      assert(await executor.runCpu(changes[name]!), "it has changed something");
    }, async () => {
      assertEquals(await executor.runCpu(countHeard), 0);
    });
  });
}
