import { assertEquals } from "@std/assert";
import { middle, percentile, spread } from "../../../bench/measuring/statistics.ts";

for (
  const [values, expected] of [
    [[3], 3],
    [[3, 1, 2], 2],
    [[4, 1, 3, 2], 2.5],
  ] as const
) {
  Deno.test(`middle() of ${values} is ${expected}`, () => assertEquals(middle(values), expected));
}

const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
for (
  const [values, share, expected] of [
    [hundred, 50, 50],
    [hundred, 99, 99],
    [hundred, 100, 100],
    [hundred, 0, 1],
    [[7], 99, 7],
    [[], 50, NaN],
  ] as const
) {
  Deno.test(`percentile() ${share} of ${values.length} figures is ${expected}`, () =>
    assertEquals(percentile(values, share), expected));
}

for (
  const [name, figures, rounds, expected] of [
    ["one round", [5], 1, 0],
    ["several figures of one round", [1, 2, 9], 1, 0],
    ["a figure a round", [90, 100, 120], 3, 0.3],
    ["the medians of rounds, not single figures", [1, 100, 900, 2, 100, 800], 2, 0],
  ] as const
) {
  Deno.test(`spread() looks at ${name}`, () => assertEquals(spread(figures, rounds), expected));
}
