/** The tables of the documentation, each between two HTML comments. */

import { beside, columns, details, onNode, summary } from "./table.ts";
import { NOISE_MARK, NOISE_NOTE, type Results } from "./results.ts";

const CURVES = "![Tasks a second and memory as the work grows](../bench/scale.svg)";

/** The tables by their names; each is made of the results in `bench/<file>.json`. */
const TABLES: Readonly<Record<string, (results: Results) => string | undefined>> = {
  "summary of bench/results.json": summary,
  "peers on Node of bench/results.json": onNode,
  "table of bench/options.json": beside,
  "table of bench/work.json": columns,
  "table of bench/server.json": details,
  "curves of bench/scale.json": (results) => `${CURVES}\n\n${columns(results)}`,
};

const MARKED = /<!-- ((\w+(?: \w+)*) of (bench\/\w+\.json)) -->\n[^]*?<!-- end of \2 -->/g;

/** Fills the tables of a page; a table without results says so. */
export function fill(page: string, results: (path: string) => Results | undefined): string {
  return page.replaceAll(MARKED, (place, name: string, kind: string, path: string) => {
    const found = results(path);
    const table = found && (kind === "rows" ? rowsAsIn(place, found) : TABLES[name]?.(found));
    const text = found === undefined || table === undefined
      ? "Not measured yet."
      : kind === "summary" || kind === "rows"
      ? `${table}${noteOf(table)}`
      : `${table}\n\n${caption(found)}${noteOf(table)}`;
    return `<!-- ${name} -->\n\n${text}\n\n<!-- end of ${kind} -->`;
  });
}

/** The rows of the summary that a place has already. */
function rowsAsIn(place: string, results: Results): string {
  const [head, line, ...rows] = summary(results).split("\n");
  const titles = new Set(place.split("\n").map(titleOf));
  return [head, line, ...rows.filter((row) => titles.has(titleOf(row)))].join("\n");
}

function titleOf(row: string): string {
  return row.split("|")[1]?.trim() ?? "";
}

/** The commit, the date, the runtimes, and the number of rounds. */
function caption({ on, rounds, quick }: Results): string {
  const node = on.node === undefined ? "" : `, Node ${on.node}`;
  const what = quick ? "A quick run" : `Medians of ${rounds} rounds`;
  return `${what} of \`${on.commit}\`, ${on.date}, Deno ${on.deno}${node}, ${on.cores} cores.`;
}

function noteOf(table: string): string {
  return table.includes(NOISE_MARK) ? `\n\n${NOISE_NOTE}` : "";
}
