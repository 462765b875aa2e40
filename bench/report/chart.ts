import {
  type Entry,
  format,
  kindOf,
  NOISE_NOTE,
  noiseMark,
  type Results,
  type Row,
} from "./results.ts";
import { escape, svg } from "./svg.ts";

const COLUMNS = 2, WIDTH = 470, GAP = 30, LINE = 20, HEAD = 46, NAME = 130, FIGURE = 130;

/** The results as an SVG: a panel for each workload, a bar for each contender, the best first. */
export function chart({ on, rounds, workloads }: Results): string {
  const panels = Object.values(workloads);
  const heights = panels.map(({ contenders }) => HEAD + LINE * Object.keys(contenders).length);
  let y = 40;
  const drawn: string[] = [];
  for (let i = 0; i < panels.length; i += COLUMNS) {
    for (let column = 0; column < COLUMNS && i + column < panels.length; column++) {
      drawn.push(panel(panels[i + column]!, rounds, column * (WIDTH + GAP) + 10, y));
    }
    y += Math.max(...heights.slice(i, i + COLUMNS)) + GAP;
  }
  const width = COLUMNS * WIDTH + (COLUMNS - 1) * GAP + 20;
  const text = drawn.join("\n");
  const noise = text.includes(NOISE_NOTE.charAt(0)) ? `; ${NOISE_NOTE}` : "";
  return svg(
    width,
    y,
    "Benchmark of @genro/executor beside its peers",
    `Deno ${on.deno}, ${on.cores} cores; medians of ${rounds} rounds. Blue: @genro/executor, grey: the least code on bare workers${noise}.`,
    text,
  );
}

function panel(
  { title, unit, better, contenders }: Row,
  rounds: number,
  x: number,
  y: number,
): string {
  const value = (entry: Entry) => "failure" in entry ? NaN : entry.median;
  const entries = Object.entries(contenders).sort(([, a], [, b]) => {
    const [first, second] = [value(a), value(b)];
    if (isNaN(first) || isNaN(second)) return Number(isNaN(first)) - Number(isNaN(second));
    return better === "more" ? second - first : first - second;
  });
  const most = Math.max(...entries.map(([, entry]) => value(entry)).filter((v) => !isNaN(v)));
  const bars = entries.map(([name, entry], i) => {
    const top = y + HEAD + i * LINE;
    const kind = kindOf(name);
    const length = (WIDTH - NAME - FIGURE) * value(entry) / most;
    const bar = isNaN(length)
      ? ""
      : `<rect x="${x + NAME}" y="${top - 12}" width="${
        Math.max(1, length).toFixed(1)
      }" height="15" rx="2" class="${kind}"/>`;
    const figure = "failure" in entry
      ? entry.failure
      : format(entry.median) + noiseMark(entry, rounds);
    const left = x + NAME + (isNaN(length) ? 0 : Math.max(1, length) + 6);
    return `<text x="${x + NAME - 8}" y="${top}" text-anchor="end"${
      kind === "ours" ? ' class="ours"' : ""
    }>${escape(name)}</text>${bar}<text x="${left.toFixed(1)}" y="${top}" class="note">${
      escape(figure.length > 40 ? `${figure.slice(0, 39)}…` : figure)
    }</text>`;
  });
  return `<text x="${x}" y="${y}" class="title">${escape(title)}</text>
<text x="${x}" y="${y + 18}" class="note">${escape(unit)}, ${better} is better</text>
${bars.join("\n")}`;
}
