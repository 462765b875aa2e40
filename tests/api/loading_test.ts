import { assertEquals } from "@std/assert";
import { Executor, tasksFrom } from "../isolation.ts";

Deno.test("Executor.runCpu() loads a task's module once in each worker", async () => {
  const { loads } = tasksFrom<{ loads(): number }>(
    `data:text/javascript,let n=0;n++;export const loads=()=>n;//${crypto.randomUUID()}`,
  );
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  assertEquals(await executor.runCpu(loads), 1);
  assertEquals(await executor.runCpu(loads), 1);
});
