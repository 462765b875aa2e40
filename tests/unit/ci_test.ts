import { assertEquals } from "@std/assert";
import { pathOf } from "../support/processes.ts";

/** The tasks that a file of commands names. */
async function tasksIn(file: string): Promise<string[]> {
  const text = await Deno.readTextFile(pathOf(file));
  return [...new Set(Array.from(text.matchAll(/deno task ([\w:]+)/g), ([, task]) => task!))].sort();
}

Deno.test(".ci/run and the workflow on GitHub run the same tasks of deno.json", async () => {
  const tasks = await tasksIn(".ci/run");
  assertEquals(tasks, await tasksIn(".github/workflows/ci.yml"));
  const { tasks: known } = JSON.parse(await Deno.readTextFile(pathOf("deno.json")));
  assertEquals(tasks.filter((task) => !(task in known)), []);
  assertEquals(tasks.includes("test") && tasks.includes("coverage"), true);
});
