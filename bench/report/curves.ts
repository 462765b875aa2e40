import { format, kindOf, type Results, type Row } from "./results.ts";
import { escape, svg } from "./svg.ts";

const COLUMNS = 2, WIDTH = 470, HEIGHT = 200, GAP = 40, LEFT = 70, HEAD = 46, FOOT = 44;

/** One line: the points of a contender, from left to right. */
interface Curve {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** The results of a group of curves as an SVG: a panel for each row, both axes logarithmic. */
export function curves({ on, rounds, workloads }: Results): string {
  const panels = Object.values(workloads);
  const drawn = panels.map((row, i) => {
    const [x, y] = placeOf(i);
    return panel(row, x, y);
  });
  const [, bottom] = placeOf(panels.length + COLUMNS - 1);
  return svg(
    COLUMNS * WIDTH + (COLUMNS - 1) * GAP + 20,
    bottom,
    "Cost of tasks as the work grows",
    `Deno ${on.deno}, ${on.cores} cores; medians of ${rounds} rounds, both axes logarithmic. Blue: @genro/executor, grey: the least code on bare workers.`,
    drawn.join("\n"),
  );
}

function placeOf(i: number): [x: number, y: number] {
  return [
    i % COLUMNS * (WIDTH + GAP) + 10,
    40 + Math.floor(i / COLUMNS) * (HEAD + HEIGHT + FOOT + GAP),
  ];
}

/** The curves of a row; a contender that failed has none. */
export function curvesOf({ contenders }: Row): Curve[] {
  return Object.entries(contenders).flatMap(([name, entry]) => {
    if ("failure" in entry || entry.details === undefined) return [];
    const points = Object.entries(entry.details)
      .map(([x, y]): [number, number] => [Number(x), y])
      .filter(([x, y]) => x > 0 && y > 0)
      .sort(([a], [b]) => a - b);
    return points.length > 0 ? [{ name, points }] : [];
  });
}

/** The whole powers of ten that enclose all values: at least two, so that there is a scale. */
export function decades(values: readonly number[]): [from: number, to: number] {
  const from = Math.floor(Math.log10(Math.min(...values)));
  // Plus 0, as there is a -0.
  return [from, Math.max(from + 1, Math.ceil(Math.log10(Math.max(...values)) - 1e-9) + 0)];
}

function panel(row: Row, x: number, y: number): string {
  const { title, unit, better, axis } = row;
  const lines = curvesOf(row);
  const head = `<text x="${x}" y="${y}" class="title">${escape(title)}</text>
<text x="${x}" y="${y + 18}" class="note">${escape(unit)}, ${better} is better</text>`;
  if (lines.length === 0) return head;
  const points = lines.flatMap((line) => line.points);
  const [left, right] = decades(points.map(([x]) => x));
  const [low, high] = decades(points.map(([, y]) => y));
  const top = y + HEAD;
  const across = (value: number) =>
    x + LEFT + (WIDTH - LEFT - 10) * (Math.log10(value) - left) / (right - left);
  const down = (value: number) => top + HEIGHT * (high - Math.log10(value)) / (high - low);
  return [
    head,
    ...range(low, high).map((power) => horizontal(10 ** power, x, down)),
    ...range(left, right).map((power) =>
      `<text x="${across(10 ** power).toFixed(1)}" y="${
        top + HEIGHT + 18
      }" text-anchor="middle" class="note">${label(10 ** power)}</text>`
    ),
    `<text x="${x + WIDTH - 10}" y="${top + HEIGHT + 36}" text-anchor="end" class="note">${
      escape(axis ?? "")
    }</text>`,
    ...lines.map(({ name, points }) =>
      `<polyline class="${kindOf(name)}" points="${
        points.map(([x, y]) => `${across(x).toFixed(1)},${down(y).toFixed(1)}`).join(" ")
      }"><title>${escape(name)}: ${
        points.map(([x, y]) => `${label(x)}: ${format(y)}`).join(", ")
      }</title></polyline>`
    ),
  ].join("\n");
}

function horizontal(value: number, x: number, down: (value: number) => number): string {
  const y = down(value).toFixed(1);
  return `<line x1="${x + LEFT}" y1="${y}" x2="${x + WIDTH - 10}" y2="${y}" class="grid"/>` +
    `<text x="${x + LEFT - 8}" y="${y}" dy="4" text-anchor="end" class="note">${
      label(value)
    }</text>`;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/** A round number in few characters. */
function label(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))} M`;
  if (value >= 1e3) return `${Number((value / 1e3).toPrecision(3))} k`;
  return String(Number(value.toPrecision(3)));
}
