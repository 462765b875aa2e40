import { assertEquals } from "@std/assert";
import { listFiles } from "../support/copies.ts";
import { pathOf } from "../support/processes.ts";

Deno.test("deno task test:processes runs every file that imports isolation.ts", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(pathOf("deno.json")));
  const words: string[] = tasks["test:processes"].command.split(" ");
  const folder = words.at(-1)!;
  // Those choose the isolation themselves.
  const ignored = words.find((word) => word.startsWith("--ignore="))!.slice("--ignore=".length)
    .split(",");
  const left: string[] = [];
  for (const file of await listFiles()) {
    if (!file.endsWith("_test.ts") || file.startsWith(folder) && !ignored.includes(file)) continue;
    const source = await Deno.readTextFile(pathOf(file));
    if (/from "[./]+\/isolation\.ts"/.test(source)) left.push(file);
  }
  assertEquals(left, []);
});
