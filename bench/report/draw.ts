import { chart } from "./chart.ts";
import { curves } from "./curves.ts";
import type { Results } from "./results.ts";

/** The picture of a group, as an SVG; `undefined` for a group without a picture. */
export function draw(results: Results): string | undefined {
  if (results.group === "calls") return chart(results);
  return results.group === "scale" ? curves(results) : undefined;
}
