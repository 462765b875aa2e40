import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { chart } from "../../../bench/report/chart.ts";
import { curves, curvesOf, decades } from "../../../bench/report/curves.ts";
import { fill } from "../../../bench/report/pages.ts";
import {
  type Entry,
  type Figures,
  figures,
  noiseMark,
  type Results,
  type Row,
} from "../../../bench/report/results.ts";
import { report } from "../../../bench/report/table.ts";

function figuresOf(rounds: readonly number[], details?: Record<string, number>): Figures {
  return {
    median: rounds[0]!,
    min: Math.min(...rounds),
    max: Math.max(...rounds),
    rounds,
    ...details && { details },
  };
}

function resultsOf(contenders: Record<string, Entry>, more: Partial<Row> = {}): Results {
  const row: Row = { title: "Echoes", unit: "tasks/s", better: "more", contenders, ...more };
  return {
    on: { deno: "2.9.6", os: "linux", cores: 2, date: "2026-01-01", commit: "abcdef0" },
    group: "calls",
    file: "results",
    rounds: 3,
    quick: false,
    workloads: { a: row },
  };
}

const steady = figuresOf([100, 95, 105]);
const noisy = figuresOf([100, 95, 130]);

Deno.test("noiseMark() marks figures whose rounds differ by more than a fifth", () => {
  assertEquals(noiseMark(steady, 3), "");
  assertEquals(noiseMark(noisy, 3), " ≈");
  assertEquals(noiseMark(figuresOf([100]), 1), "");
});

Deno.test("report() and chart() mark a noisy figure, and say what the mark means", () => {
  for (const show of [report, chart]) {
    assert(!show(resultsOf({ ours: steady, raw: steady })).includes("≈"), "a steady figure");
    const shown = show(resultsOf({ ours: steady, raw: noisy }));
    assertStringIncludes(shown, "100 ≈");
    assertStringIncludes(shown, "≈ the rounds differ by more than a fifth");
  }
});

Deno.test("report() says of a quick run that it is quick", () => {
  const results = resultsOf({ ours: steady });
  assert(!report(results).includes("quick"));
  assertStringIncludes(report({ ...results, quick: true }), "A quick run");
});

Deno.test("curvesOf() sorts points by number, and leaves out failures", () => {
  const { workloads } = resultsOf({
    ours: figuresOf([1], { "1000": 3, "10": 1, "200": 2 }),
    raw: { failure: "not done after 60 s" },
    piscina: steady,
  });
  assertEquals(curvesOf(workloads["a"]!), [{
    name: "ours",
    points: [[10, 1], [200, 2], [1000, 3]],
  }]);
});

for (
  const [values, expected] of [
    [[1, 200], [0, 3]],
    [[100, 1_000], [2, 3]],
    [[5], [0, 1]],
    [[10], [1, 2]],
    [[0.02, 0.5], [-2, 0]],
  ] as const
) {
  Deno.test(`decades() around ${values} are ${expected}`, () =>
    assertEquals(decades(values), [...expected]));
}

Deno.test("curves() draws a line for each contender, inside of the picture", () => {
  const svg = curves(resultsOf({
    ours: figuresOf([1], { "100": 5_000, "1000000": 2_000_000 }),
    raw: figuresOf([1], { "100": 900, "1000000": 20_000 }),
  }, { axis: "tasks" }));
  const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg)!;
  const lines = [...svg.matchAll(/<polyline class="(\w+)" points="([^"]+)"/g)];
  assertEquals(lines.map(([, kind]) => kind), ["ours", "limit"]);
  for (const [, , points] of lines) {
    for (const [x, y] of points!.split(" ").map((point) => point.split(",").map(Number))) {
      assert(x! > 0 && x! < Number(width) && y! > 0 && y! < Number(height), `${x},${y}`);
    }
  }
});

Deno.test("fill() replaces a table, keeps the chosen rows, and says what was not measured", () => {
  const results = resultsOf({ ours: steady, raw: steady });
  const page = [
    "Before.",
    "<!-- rows of bench/results.json -->",
    "| Echoes, tasks/s | 1 | 2 | 3 |",
    "<!-- end of rows -->",
    "<!-- table of bench/options.json -->",
    "old",
    "<!-- end of table -->",
    "After.",
  ].join("\n");
  const filled = fill(page, (path) => path === "bench/results.json" ? results : undefined);
  assertStringIncludes(filled, "| Echoes, tasks/s | 100 | none did it | 100 |");
  assertStringIncludes(filled, "<!-- table of bench/options.json -->\n\nNot measured yet.\n");
  assert(filled.startsWith("Before.\n") && filled.endsWith("\nAfter."), filled);
  assert(!filled.includes("old"), filled);
});

Deno.test("figures() divides by raw's figure of the same turn, and else takes the sample's own ratio", () => {
  const raw = [{ value: 10, turn: 1 }, { value: 20, turn: 2 }, { value: 40, turn: 3 }];
  assertEquals(figures([{ value: 40, turn: 2 }], raw).ratio, 2);
  assertEquals(figures([{ value: 5, turn: 1 }, { value: 40, turn: 3 }], raw).ratio, 0.75);
  assertEquals(figures([{ value: 40, ratio: 7, turn: 2 }], raw).ratio, 7);
  assertEquals(figures([{ value: 40, turn: 9 }], raw).ratio, undefined);
});
