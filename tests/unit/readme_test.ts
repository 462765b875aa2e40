/** The figures of README.md and docs/benchmarks.md. */

import { assert, assertEquals } from "@std/assert";
import { chart } from "../../bench/chart.ts";
import type { Results } from "../../bench/results.ts";
import { summary } from "../../bench/table.ts";

const read = (path: string) => Deno.readTextFile(new URL(`../../${path}`, import.meta.url));
const results: Results = JSON.parse(await read("bench/results.json"));
const expected = rowsOf(summary(results));

/** The rows of a table, without the padding of the formatter. */
function rowsOf(table: string): string[] {
  return table.trim().replace(/ +/g, " ").replace(/-+/g, "-").split("\n");
}

/** The rows of the table between two HTML comments of a page. */
async function shown(page: string, begin: string, end: string): Promise<string[]> {
  const text = await read(page);
  const from = text.indexOf(`<!-- ${begin} -->`);
  const to = text.indexOf(`<!-- ${end} -->`);
  assert(from >= 0 && from < to, `${page} has a table between "${begin}" and "${end}"`);
  return rowsOf(text.slice(text.indexOf("\n", from), to));
}

Deno.test("docs/benchmarks.md shows the summary of bench/results.json, and the chart fits", async () => {
  const table = await shown(
    "docs/benchmarks.md",
    "summary of bench/results.json",
    "end of summary",
  );
  assertEquals(table, expected);
  assertEquals(await read("bench/results.svg"), chart(results));
});

Deno.test("README shows rows of the same summary", async () => {
  const rows = await shown("README.md", "rows of bench/results.json", "end of rows");
  assertEquals(rows, expected.filter((row) => rows.includes(row)));
  assert(rows.length > 2, "a head, a line and at least one row");
});

Deno.test("README and docs/benchmarks.md show figures of the same commit", async () => {
  const commits = await Promise.all(["README.md", "docs/benchmarks.md"].map(async (page) => {
    const found = (await read(page)).matchAll(/\bcommit\s+([0-9a-f]{7})\b/g);
    return [...new Set(Array.from(found, ([, commit]) => commit))];
  }));
  assertEquals(commits[0], commits[1]);
  assertEquals(commits[0]!.length, 1);
});
