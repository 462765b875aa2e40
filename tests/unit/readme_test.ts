/** The figures of README.md and docs/benchmarks.md. */

import { assert, assertEquals } from "@std/assert";
import { draw } from "../../bench/report/draw.ts";
import { fill } from "../../bench/report/pages.ts";
import type { Results } from "../../bench/report/results.ts";
import { groups } from "../../bench/rows/groups.ts";

const PAGES = ["README.md", "docs/benchmarks.md"];

const read = (path: string) => Deno.readTextFile(new URL(`../../${path}`, import.meta.url));

/** All results that are in the repository, by path; of a group that was not measured there are none. */
const all = new Map<string, Results>();
for (const { file } of Object.values(groups)) {
  const path = `bench/${file}.json`;
  const text = await read(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  if (text !== undefined) all.set(path, JSON.parse(text));
}

/** A page without what the formatter adds: the padding of tables, and empty lines. */
function plain(page: string): string[] {
  return page.replace(/ +/g, " ").replace(/-+/g, "-").split("\n").filter((line) => line !== "");
}

for (const page of PAGES) {
  Deno.test(`${page} shows the results of bench/*.json: else run deno task bench:docs`, async () => {
    const text = await read(page);
    assert(text.includes(" of bench/results.json -->"), "there is a table");
    assertEquals(plain(text), plain(fill(text, (path) => all.get(path))));
  });
}

Deno.test("The charts are drawn from the results: else run deno task bench:docs", async () => {
  for (const results of all.values()) {
    const svg = draw(results);
    if (svg !== undefined) assertEquals(await read(`bench/${results.file}.svg`), svg);
  }
});

Deno.test("README shows some rows of the summary", async () => {
  const [, place] = /<!-- rows of bench\/results.json -->([^]*)<!-- end of rows -->/.exec(
    await read("README.md"),
  ) ?? [];
  const rows = place!.split("\n").filter((line) => line.startsWith("|"));
  assert(rows.length > 2, "a head, a line and at least one row");
});

Deno.test("README and docs/benchmarks.md name the commit of the results", async () => {
  const { commit } = all.get("bench/results.json")!.on;
  for (const page of PAGES) {
    const found = (await read(page)).matchAll(/\bcommit\s+([0-9a-f]{7})\b/g);
    assertEquals([...new Set(Array.from(found, ([, commit]) => commit))], [commit]);
  }
});
