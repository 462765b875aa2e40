import { type Entry, format, kindOf, type Results, type Row } from "./results.ts";

const COLUMNS = 2, WIDTH = 470, GAP = 30, LINE = 20, HEAD = 46, NAME = 130, FIGURE = 130;

/** The results as an SVG: a panel for each workload, a bar for each contender, the best first. */
export function chart({ on, rounds, workloads }: Results): string {
  const panels = Object.values(workloads);
  const heights = panels.map(({ contenders }) => HEAD + LINE * Object.keys(contenders).length);
  let y = 40;
  const drawn: string[] = [];
  for (let i = 0; i < panels.length; i += COLUMNS) {
    for (let column = 0; column < COLUMNS && i + column < panels.length; column++) {
      drawn.push(panel(panels[i + column]!, column * (WIDTH + GAP) + 10, y));
    }
    y += Math.max(...heights.slice(i, i + COLUMNS)) + GAP;
  }
  const width = COLUMNS * WIDTH + (COLUMNS - 1) * GAP + 20;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" width="${width}" height="${y}" role="img" aria-label="Benchmark of @genro/executor beside its peers">
<style>
  text { font: 13px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; }
  .note { fill: #6e7781; }
  .ours { fill: #0969da; }
  text.ours { font-weight: 600; }
  .limit { fill: #afb8c1; }
  .peer { fill: #d4a72c; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .note { fill: #8d96a0; }
    .ours { fill: #4493f8; }
    .limit { fill: #57606a; }
  }
</style>
<text x="10" y="20" class="note">Deno ${on.deno}, ${on.cores} cores; medians of ${rounds} rounds. Blue: @genro/executor, grey: the least code on bare workers.</text>
${drawn.join("\n")}
</svg>
`;
}

function panel({ title, unit, better, contenders }: Row, x: number, y: number): string {
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
    const figure = "failure" in entry ? entry.failure : format(entry.median);
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

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}
