/**
 * Puts the results of bench/*.json into the tables of the documentation, and draws the charts anew.
 *
 *     deno task bench:docs
 */

import { draw } from "./report/draw.ts";
import { fill } from "./report/pages.ts";
import type { Results } from "./report/results.ts";
import { groups } from "./rows/groups.ts";

const root = new URL("../", import.meta.url);
const all = new Map<string, Results>();
for (const { file } of Object.values(groups)) {
  try {
    all.set(`bench/${file}.json`, JSON.parse(await read(`bench/${file}.json`)));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

for (const results of all.values()) {
  const svg = draw(results);
  if (svg !== undefined) await Deno.writeTextFile(new URL(`bench/${results.file}.svg`, root), svg);
}
for (const page of ["README.md", "docs/benchmarks.md"]) {
  const text = fill(await read(page), (path) => all.get(path));
  await Deno.writeTextFile(new URL(page, root), await formatted(text));
}

function read(path: string): Promise<string> {
  return Deno.readTextFile(new URL(path, root));
}

/** The text as `deno fmt` wants it. */
async function formatted(text: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext=md", `--config=${new URL("deno.json", root).pathname}`, "-"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { success, stdout } = await child.output();
  if (!success) throw new Error("deno fmt refuses the page");
  return new TextDecoder().decode(stdout);
}
