/** The figures of the README. */

import { assertEquals } from "@std/assert";
import { chart } from "../../bench/chart.ts";
import type { Results } from "../../bench/results.ts";
import { summary } from "../../bench/table.ts";

const readme = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
Deno.test("README's figures and chart are those of bench/results.json", async () => {
  const read = (name: string) => Deno.readTextFile(new URL(`../../bench/${name}`, import.meta.url));
  const results: Results = JSON.parse(await read("results.json"));
  const [, shown] = /<!-- summary of .*? -->\n(.*?)\n<!-- end of summary -->/s.exec(readme)!;
  // Formatting pads the cells.
  const cells = (table: string) => table.trim().replace(/ +/g, " ").replace(/-+/g, "-");
  assertEquals(cells(shown!), cells(summary(results)));
  assertEquals(await read("results.svg"), chart(results));
});
