/** The results as tables in Markdown. */

import { groups } from "../rows/groups.ts";
import {
  type Entry,
  type Figures,
  format,
  kindOf,
  NOISE_MARK,
  NOISE_NOTE,
  noiseMark,
  type Results,
  type Row,
} from "./results.ts";

const QUICK_NOTE = "A quick run: one round, warmed up as a full run, each row measured for a " +
  "second; h, queue, size, workers, idle and waiting leave out the greatest numbers.";

/** All results of a group, as a run prints them: the table, and how to read it. */
export function report(results: Results): string {
  const { group, quick } = results;
  const text = full(results);
  const { ratio } = groups[group]!;
  const notes = [
    ratio === undefined ? "" : `In brackets: ${ratio}.`,
    text.includes(NOISE_MARK) ? `${NOISE_NOTE}.` : "",
    quick ? QUICK_NOTE : "",
  ];
  return `${text}\n\n${notes.filter((note) => note !== "").join("\n")}\n`;
}

/** A row for each workload, a column for each contender; details are rows of their own. */
export function full({ workloads, rounds }: Results): string {
  const names = namesIn(Object.values(workloads));
  const rows = Object.entries(workloads).flatMap(([key, { title, unit, contenders }]) => [
    [`${key}. ${title}, ${unit}`, ...names.map((name) => cell(contenders[name], rounds))],
    ...detailRows(contenders, names),
  ]);
  return markdown(["", ...names], rows);
}

function detailRows(contenders: Row["contenders"], names: readonly string[]): string[][] {
  const details = (name: string) => {
    const entry = contenders[name];
    return entry === undefined || "failure" in entry ? {} : entry.details ?? {};
  };
  const keys = [...new Set(names.flatMap((name) => Object.keys(details(name))))];
  return keys.map((key) => [
    `… ${key}`,
    ...names.map((name) => {
      const value = details(name)[key];
      return value === undefined ? "" : format(value);
    }),
  ]);
}

/** Who is in the table: ours first. */
function namesIn(rows: readonly Row[]): string[] {
  return [...new Set(rows.flatMap(({ contenders }) => Object.keys(contenders)))]
    .sort((a, b) => Number(b === "ours") - Number(a === "ours"));
}

function cell(entry: Entry | undefined, rounds: number): string {
  if (entry === undefined) return "";
  if ("failure" in entry) return entry.failure.replaceAll("|", "/");
  const { median, ratio } = entry;
  const figure = ratio === undefined ? format(median) : `${format(median)} (${ratio.toFixed(2)})`;
  return figure + noiseMark(entry, rounds);
}

/** Plain calls in short: the executor, the best peer, and the least code. */
export function summary({ workloads, rounds }: Results): string {
  const rows = Object.entries(workloads).map(([key, row]) => {
    const { title, unit, contenders } = row;
    return [
      `${title}, ${unit}`,
      cell(contenders["ours"], rounds),
      best(row, rounds) ?? "none did it",
      cell(contenders[groups["calls"]!.workloads[key]!.limits[0]!], rounds).replace(" (1.00)", ""),
    ];
  });
  return markdown(["", "executor (to bare)", "best peer", "bare workers"], rows);
}

/** The best peer's name and figure, if a peer has a figure. */
function best({ contenders, better }: Row, rounds: number): string | undefined {
  // By the ratio to raw's figure of the same turn: the machine drifts.
  const rank = ({ ratio, median }: Figures) => (ratio ?? median) * (better === "more" ? -1 : 1);
  const [first] = Object.entries(contenders).flatMap(([name, entry]) =>
    kindOf(name) !== "peer" || "failure" in entry ? [] : [{ name, entry }]
  ).sort((a, b) => rank(a.entry) - rank(b.entry));
  return first && `${first.name} ${cell(first.entry, rounds)}`;
}

/** The rows that were measured on Node, too: everybody there, and the executor beside them. */
export function onNode({ workloads, rounds }: Results): string | undefined {
  const rows = Object.values(workloads).filter(({ contenders }) =>
    Object.keys(contenders).some((name) => name.endsWith(" on Node"))
  );
  if (rows.length === 0) return;
  const names = ["ours", ...namesIn(rows).filter((name) => name.endsWith(" on Node"))];
  return markdown(
    ["", ...names.map((name) => name === "ours" ? "executor" : name)],
    rows.map(({ title, unit, contenders }) => [
      `${title}, ${unit}`,
      ...names.map((name) => cell(contenders[name], rounds)),
    ]),
  );
}

/** Options in short: each figure, the compared figure, and the best peer. */
export function beside({ workloads, rounds }: Results): string {
  const rows = Object.values(workloads).map((row) => {
    const [, own] = Object.entries(row.contenders).find(([name]) =>
      kindOf(name) === "ours" && name !== "ours, not traced"
    ) ?? [];
    const [, limit] = Object.entries(row.contenders).find(([name]) =>
      kindOf(name) === "limit" || name === "ours, not traced"
    ) ?? [];
    const compared = own && !("failure" in own) && own.details?.["beside"];
    return [
      `${row.title}, ${row.unit}`,
      cell(own, rounds),
      compared ? format(compared) : cell(limit, rounds).replace(" (1.00)", ""),
      best(row, rounds) ?? "",
    ];
  });
  return markdown(["", "executor (ratio)", "compared with", "best peer (ratio)"], rows);
}

/** A column for each contender, without details. */
export function columns({ workloads, rounds }: Results): string {
  const names = namesIn(Object.values(workloads));
  return markdown(
    ["", ...names.map((name) => name === "ours" ? "executor" : name)],
    Object.values(workloads).map(({ title, unit, contenders }) => [
      `${title}, ${unit}`,
      ...names.map((name) => cell(contenders[name], rounds)),
    ]),
  );
}

/** The details alone: where each detail is a figure of its own. */
export function details({ workloads }: Results): string {
  const names = namesIn(Object.values(workloads));
  const rows = Object.values(workloads).flatMap(({ contenders }) => detailRows(contenders, names));
  return markdown(
    ["", ...names.map((name) => name === "ours" ? "executor" : name)],
    rows.map(([name, ...cells]) => [name!.replace("… ", ""), ...cells]),
  );
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, ["---", ...head.slice(1).map(() => "---:")], ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
