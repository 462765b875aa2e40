import { type Entry, format, type Results } from "./results.ts";

/** The results as a table in Markdown: a row for each workload, a column for each contender. */
export function table({ workloads }: Results): string {
  const names = [...new Set(Object.values(workloads).flatMap((row) => Object.keys(row.contenders)))]
    .sort((a, b) => Number(b === "ours") - Number(a === "ours"));
  const rows = Object.entries(workloads).map(([letter, { title, unit, contenders }]) => [
    `${letter}. ${title}, ${unit}`,
    ...names.map((name) => cell(contenders[name])),
  ]);
  return [["", ...names], ["---", ...names.map(() => "---:")], ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function cell(entry: Entry | undefined): string {
  if (entry === undefined) return "";
  if ("failure" in entry) return entry.failure;
  const { median, ratio } = entry;
  return ratio === undefined ? format(median) : `${format(median)} (${ratio.toFixed(2)})`;
}
