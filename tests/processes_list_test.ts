import { assertEquals } from "@std/assert";
import { pathOf } from "./processes.ts";

Deno.test("deno task test:processes runs every file of tests/ that imports isolation.ts", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(pathOf("deno.json")));
  const listed = tasks["test:processes"].command.match(/tests\/\w+_test\.ts/g);
  const importing: string[] = [];
  for await (const { name } of Deno.readDir(pathOf("tests"))) {
    if (!name.endsWith("_test.ts")) continue;
    const source = await Deno.readTextFile(pathOf(`tests/${name}`));
    if (/from "\.\/isolation\.ts"/.test(source)) importing.push(`tests/${name}`);
  }
  assertEquals(listed, importing.sort());
});
