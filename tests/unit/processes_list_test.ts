import { assertEquals } from "@std/assert";
import { pathOf } from "../support/processes.ts";

/** The files of tests in a folder, and in the folders of it. */
async function* testsIn(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(pathOf(folder))) {
    if (isDirectory) yield* testsIn(`${folder}${name}/`);
    else if (name.endsWith("_test.ts")) yield `${folder}${name}`;
  }
}

Deno.test("deno task test:processes runs every file that imports isolation.ts", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(pathOf("deno.json")));
  const words: string[] = tasks["test:processes"].command.split(" ");
  const folder = words.at(-1)!;
  // Those choose the isolation themselves.
  const ignored = words.find((word) => word.startsWith("--ignore="))!.slice("--ignore=".length)
    .split(",");
  const left: string[] = [];
  let run = 0;
  for await (const file of testsIn("tests/")) {
    const source = await Deno.readTextFile(pathOf(file));
    if (!/from "[./]+\/support\/isolation\.ts"/.test(source)) continue;
    if (file.startsWith(folder) && !ignored.includes(file)) run++;
    else left.push(file);
  }
  assertEquals([left, run > 20], [[], true]);
});
