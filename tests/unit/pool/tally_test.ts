import { assert, assertEquals } from "@std/assert";
import { Histogram, Tally } from "../../../src/pool/tally.ts";
import { newJob } from "../../support/jobs.ts";
import { type Random, withSeeds } from "../../support/random.ts";

Deno.test("Tally times each job if few wait, and one of 32 for 32 if more wait", () => {
  for (const [queued, timed, times] of [[1, 320, 1], [32, 320, 1], [33, 10, 32], [1e6, 10, 32]]) {
    const tally = new Tally();
    const jobs = Array.from({ length: 320 }, () => newJob());
    for (const job of jobs) tally.waits(job, queued!);
    const found = jobs.filter(({ waits }) => waits !== undefined);
    assertEquals([found.length, found[0]!.waits!.times], [timed, times], `${queued} wait`);
  }
});

Deno.test("Tally counts a job that is timed for as many as it stands for", () => {
  const tally = new Tally();
  // 64 jobs that waited for 100 ms: two of them were timed. As many less one did not wait.
  for (let i = 0; i < 64; i++) {
    const job = newJob();
    tally.waits(job, 1_000);
    if (job.waits === undefined) continue;
    tally.waited(job, job.waits.since + 100);
    assertEquals(job.waits, undefined);
  }
  for (let i = 0; i < 63; i++) tally.didNotWait();
  const { p50, p95 } = tally.counts().queueTime;
  assert(p50 >= 100 && p50 < 110 && p95 === p50, `${p50} ${p95}`);
  tally.didNotWait();
  assertEquals(tally.counts().queueTime.p50, 0);
});

Deno.test("Tally counts outcomes and running times", () => {
  const tally = new Tally();
  Object.assign(tally, { completed: 5, failed: 4, cancelled: 3, crashed: 2 });
  tally.ran(1, 90);
  tally.ran(1_024, 10);
  assertEquals(tally.ended, 9);
  assertEquals(tally.counts(), {
    completed: 5,
    failed: 4,
    cancelled: 3,
    crashed: 2,
    queueTime: { p50: 0, p95: 0, p99: 0 },
    runTime: { p50: 1, p95: 1_024, p99: 1_024 },
  });
});

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
