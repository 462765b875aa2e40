import { assert, assertEquals } from "@std/assert";
import { Tally } from "../../../src/pool/tally.ts";
import { newJob } from "../../support/jobs.ts";

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
