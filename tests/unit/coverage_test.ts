import { assertEquals } from "@std/assert";
import { pathOf } from "../support/processes.ts";
import { parseReport, rangesNotRun } from "../tools/coverage.ts";

Deno.test("parseReport() reads the lines and branches of each file", () => {
  const report = `SF:${pathOf("src/a.ts")}
FN:1,f
BRDA:2,0,0,3
BRDA:2,0,1,0
BRDA:4,1,0,-
BRF:3
DA:1,5
DA:2,0
DA:12,1
LH:2
end_of_record
SF:${pathOf("mod.ts")}
BRF:0
DA:1,1
end_of_record
`;
  assertEquals(parseReport(report), [
    {
      path: "src/a.ts",
      lines: new Map([[1, 5], [2, 0], [12, 1]]),
      branches: [true, false, false],
    },
    { path: "mod.ts", lines: new Map([[1, 1]]), branches: [] },
  ]);
});

Deno.test("rangesNotRun() names the lines that were not run, across those without code", () => {
  const cases: [lines: [line: number, count: number][], ranges: string][] = [
    [[], ""],
    [[[1, 1], [2, 3]], ""],
    [[[1, 0]], "1"],
    [[[1, 0], [2, 0], [5, 0], [6, 1], [9, 0], [7, 0]], "1-5, 7-9"],
    [[[3, 0], [4, 1], [5, 0]], "3, 5"],
  ];
  for (const [lines, ranges] of cases) assertEquals(rangesNotRun(new Map(lines)), ranges);
});
