import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { Job } from "../../../src/member/job.ts";
import { SentJobs } from "../../../src/member/sent_jobs.ts";
import { SLOTS } from "../../../src/wire/ledger.ts";
import { newJob } from "../../support/jobs.ts";
import { type Random, withSeeds } from "../../support/random.ts";

/** Sent jobs beside a plain map from the numbers of their runs. */
class Pair {
  readonly sent = new SentJobs();
  readonly model = new Map<number, Job>();
  #last = 0;

  push(): void {
    const job = newJob();
    this.sent.push(job);
    this.model.set(++this.#last, job);
    assertEquals(this.sent.last, this.#last);
    assertStrictEquals(job.place, this.sent);
  }

  remove(run: number): void {
    const job = this.model.get(run)!;
    assertEquals(this.sent.runOf(job), run);
    this.sent.remove(job);
    assertEquals(job.place, undefined);
    this.model.delete(run);
  }

  /** Removes some jobs that follow each other, as an abort of all of them does. */
  removeSome(random: Random): void {
    const runs = [...this.model.keys()];
    if (runs.length === 0) return;
    const first = random.chance(0.5) ? 0 : random.below(runs.length);
    const some = runs.slice(first, first + 1 + random.below(50));
    if (random.chance(0.3)) some.reverse();
    for (const run of some) this.remove(run);
  }

  removeLast(random: Random): void {
    const count = random.below(Math.min(30, this.#last + 1));
    const runs = [...this.model.keys()].filter((run) => run > this.#last - count);
    const jobs = runs.map((run) => this.model.get(run)!);
    assertSame(this.sent.removeLast(count), jobs);
    for (const run of runs) this.model.delete(run);
    this.#last -= count;
    assertEquals(this.sent.last, this.#last);
  }

  check(random: Random): void {
    const runs = [...this.model.keys()];
    assertEquals(this.sent.size, runs.length);
    assertSame([...this.sent], [...this.model.values()]);
    assertStrictEquals(this.sent.head, this.model.get(runs[0]!));
    if (runs.length === 0) return;
    assertEquals(this.sent.first, runs[0]);
    const [from, to] = [random.pick(runs) - 1, random.pick(runs)];
    const between = runs.filter((run) => run > from && run <= to);
    assertSame(this.sent.between(from, to), between.map((run) => this.model.get(run)!));
  }

  /** How many runs there are from the first to the last. */
  get span(): number {
    const [first = this.#last] = this.model.keys();
    return this.#last - first;
  }
}

/** The same jobs, in the same order. */
function assertSame(jobs: readonly Job[], expected: readonly Job[]): void {
  assertEquals(jobs.length, expected.length);
  jobs.forEach((job, i) => assert(job === expected[i]));
}

Deno.test("SentJobs has the jobs that a plain map has, by the numbers of their runs", () => {
  withSeeds(12, (random) => {
    const pair = new Pair();
    // Enough for the slots to be used several times.
    for (let step = 0; step < 500; step++) {
      const action = random.below(8);
      if (action === 0) pair.removeLast(random);
      else if (action < 4) pair.removeSome(random);
      else {
        const room = SLOTS - 1 - pair.span;
        const count = Math.min(room, random.chance(0.1) ? random.below(400) : random.below(40));
        for (let i = 0; i < count; i++) pair.push();
      }
      if (step % 10 === 0) pair.check(random);
    }
    pair.check(random);
  });
});

/** How many ms it takes to remove almost as many jobs as a worker can be sent. */
function removalTime(inOrder: boolean): number {
  const sent = new SentJobs();
  const jobs = Array.from({ length: SLOTS - 1 }, () => newJob());
  for (const job of jobs) sent.push(job);
  // The first stays, as it has begun.
  const others = jobs.slice(1);
  if (!inOrder) others.reverse();
  const begun = performance.now();
  for (const job of others) sent.remove(job);
  return performance.now() - begun;
}

Deno.test("SentJobs finds each of many jobs at once that are cancelled in their order", () => {
  const sum = (inOrder: boolean) => {
    let ms = 0;
    for (let i = 0; i < 5; i++) ms += removalTime(inOrder);
    return ms;
  };
  sum(true);
  // Against their order each is looked for, which takes a hundred times as long.
  const ordered = sum(true);
  assert(ordered < sum(false) / 5, `${ordered} ms`);
});
