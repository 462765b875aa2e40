import { assert, assertEquals } from "@std/assert";
import { Histogram } from "../../../src/pool/histogram.ts";
import { type Random, withSeeds } from "../../support/random.ts";

/** How far the bounds of a bucket are apart. */
const BUCKET = 2 ** (1 / 8) + 1e-9;

const shares = { p50: 0.5, p95: 0.95, p99: 0.99 } as const;

/** A time from a microsecond to an hour, as often short as long. */
const anyTime = (random: Random) => 2 ** (random.next() * 31 - 9.5);

Deno.test("Histogram's percentiles are those of a sorted list, at most a bucket higher", () => {
  withSeeds(100, (random) => {
    const histogram = new Histogram();
    const all: number[] = [];
    const count = 1 + random.below(500);
    for (let i = 0; i < count; i++) {
      const [ms, times] = [anyTime(random), random.chance(0.5) ? 1 : random.below(16)];
      histogram.add(ms, times);
      for (let i = 0; i < times; i++) all.push(ms);
    }
    if (all.length === 0) return;
    all.sort((a, b) => a - b);
    const percentiles = histogram.percentiles();
    for (const name of ["p50", "p95", "p99"] as const) {
      const exact = all[Math.ceil(shares[name] * all.length) - 1]!;
      const found = percentiles[name];
      assert(found >= exact / (1 + 1e-9) && found <= exact * BUCKET, `${name}: ${found}, ${exact}`);
    }
  });
});

Deno.test("Histogram takes any time", () => {
  const longest = 2 ** 24;
  const cases: [ms: number, found: number][] = [
    [0, 0],
    [-1, 0],
    [NaN, 0],
    [2 ** -20, 0],
    [1, 1],
    [longest, longest],
    [longest * 4, longest],
    [Infinity, longest],
  ];
  for (const [ms, found] of cases) {
    const histogram = new Histogram();
    histogram.add(ms);
    assertEquals(histogram.percentiles(), { p50: found, p95: found, p99: found }, String(ms));
  }
  assertEquals(new Histogram().percentiles(), { p50: 0, p95: 0, p99: 0 });
});

Deno.test("Histogram forgets what was long ago", () => {
  const histogram = new Histogram();
  histogram.add(1_000, 1_000_000);
  assert(histogram.percentiles().p50 >= 1_000);
  for (let i = 0; i < 100_000; i++) histogram.add(1);
  assertEquals(histogram.percentiles(), { p50: 1, p95: 1, p99: 1 });
});
