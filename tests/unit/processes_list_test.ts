import { assertEquals } from "@std/assert";
import { listFiles } from "../support/copies.ts";
import { pathOf } from "../support/processes.ts";

Deno.test("deno task test:processes runs every file that imports isolation.ts", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(pathOf("deno.json")));
  const folder = tasks["test:processes"].command.split(" ").at(-1);
  const left: string[] = [];
  for (const file of await listFiles()) {
    if (!file.endsWith("_test.ts") || file.startsWith(folder)) continue;
    const source = await Deno.readTextFile(pathOf(file));
    if (/from "[./]+\/isolation\.ts"/.test(source)) left.push(file);
  }
  assertEquals(left, []);
});
