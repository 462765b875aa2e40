import { type Entry, format, kindOf, type Results } from "./results.ts";
import { workloads as known } from "./workloads.ts";

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

/** The same in short: what the executor does, the best of its peers, and the least code. */
export function summary({ workloads }: Results): string {
  const rows = Object.entries(workloads).map(([letter, { title, unit, better, contenders }]) => {
    const peers = Object.entries(contenders).flatMap(([name, entry]) =>
      kindOf(name) !== "peer" || "failure" in entry
        ? []
        // By what is divided by raw's figure of the same turn: the machine drifts.
        : [{ name, entry, ratio: entry.ratio ?? entry.median }]
    );
    const [best] = peers.sort((a, b) => (a.ratio - b.ratio) * (better === "more" ? -1 : 1));
    return [
      `${title}, ${unit}`,
      cell(contenders["ours"]),
      best === undefined ? "none did it" : `${best.name} ${cell(best.entry)}`,
      cell(contenders[known[letter]!.limits[0]!]).replace(" (1.00)", ""),
    ];
  });
  return [["", "executor (to bare)", "best peer", "bare workers"], ["---", "---:", "---:", "---:"]]
    .concat(rows).map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
