/** docs/architecture.md names files and what is in them: both have to be there. */

import { assert, assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url);
const page = await Deno.readTextFile(new URL("docs/architecture.md", root));

/** The text of a file that the page names, in src/ or at the top. */
async function read(path: string): Promise<string | undefined> {
  for (const folder of ["src/", ""]) {
    try {
      return await Deno.readTextFile(new URL(folder + path, root));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

Deno.test("docs/architecture.md names files that are there, and what is in them", async () => {
  const named = [...page.matchAll(/`([\w/]+\.ts)`(?:,(?:\s+then)?\s+`(#?\w+)`(?!\.))?/g)];
  assert(named.length > 50);
  const missing: string[] = [];
  for (const [, path, symbol] of named) {
    const text = await read(path!);
    if (text === undefined) missing.push(path!);
    else if (symbol !== undefined && !text.includes(symbol)) missing.push(`${path}, ${symbol}`);
  }
  assertEquals(missing, []);
});

Deno.test("docs/architecture.md leads from runCpu to the function and back in at most 20 steps", () => {
  const [, way] = /^## A task's way$(.*?)^## /ms.exec(page)!;
  const steps = way!.match(/^\d+\. /gm)!.length;
  assert(steps <= 20, `${steps} steps`);
});

Deno.test("docs/architecture.md describes each room of src/", async () => {
  const rooms = [];
  for await (const { name } of Deno.readDir(new URL("src/", root))) rooms.push(name);
  const [, table] = /^## Rooms$(.*?)^## /ms.exec(page)!;
  assertEquals(
    Array.from(table!.matchAll(/^\| `(\w+)`/gm), ([, room]) => room).toSorted(),
    rooms.toSorted(),
  );
});
