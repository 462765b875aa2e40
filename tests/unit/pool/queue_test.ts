import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Job } from "../../../src/member/job.ts";
import { Queue, type QueuedTotal } from "../../../src/pool/queue.ts";
import { testUnless } from "../../support/features.ts";
import { newJob } from "../../support/jobs.ts";
import { type Random, withSeeds } from "../../support/random.ts";

/** A queue beside a plain array of the jobs that must be in the queue. */
class Pair {
  readonly queue: Queue;
  readonly model: Job[] = [];
  /** Jobs that were taken from the head, and may come back. */
  readonly taken: Job[] = [];

  constructor(total: QueuedTotal) {
    this.queue = new Queue(total);
  }

  push(): void {
    const job = newJob();
    this.queue.push(job);
    this.model.push(job);
  }

  take(): void {
    const { head } = this.queue;
    assertStrictEquals(head, this.model.shift());
    if (head === undefined) return;
    this.queue.remove(head);
    assertEquals(head.place, undefined);
    this.taken.push(head);
  }

  removeAny(random: Random): void {
    if (this.model.length < 2) return;
    const [job] = this.model.splice(1 + random.below(this.model.length - 1), 1);
    this.queue.remove(job!);
    assertEquals(job!.place, undefined);
  }

  /** Puts some of the jobs back that were taken, as those of a worker that has died. */
  putBack(random: Random): void {
    const jobs = this.taken.splice(random.below(this.taken.length + 1));
    this.queue.unshift(jobs);
    this.model.unshift(...jobs);
  }

  check(): void {
    assertEquals(this.queue.size, this.model.length);
    assertStrictEquals(this.queue.head, this.model[0]);
    const jobs = [...this.queue];
    assertEquals(jobs.length, this.model.length);
    jobs.forEach((job, i) => assert(job === this.model[i] && job.place === this.queue));
  }
}

Deno.test("Queue has the jobs that a plain array has, in their order, whatever is done to it", () => {
  withSeeds(20, (random) => {
    const total = { jobs: 0, added: 0 };
    const pairs = [new Pair(total), new Pair(total)];
    // Some runs fill the queue with thousands of jobs, others keep it almost empty.
    const pushes = 1 + random.below(6);
    for (let step = 0; step < 400; step++) {
      const pair = random.pick(pairs);
      const count = random.chance(0.05) ? random.below(2_000) : 1;
      const action = random.below(pushes + 4);
      for (let i = 0; i < count; i++) {
        if (action === 0) pair.take();
        else if (action === 1) pair.removeAny(random);
        else if (action === 2) pair.putBack(random);
        else if (action > 3) pair.push();
      }
      if (action === 3 || step % 20 === 0) pair.check();
      assertEquals(total.jobs, pairs[0]!.model.length + pairs[1]!.model.length);
    }
    for (const pair of pairs) {
      pair.check();
      while (pair.model.length > 0) pair.take();
      pair.check();
    }
    assertEquals(total.jobs, 0);
  });
});

Deno.test("Queue lets jobs leave from within at once, however many wait", () => {
  const queue = new Queue();
  const jobs = Array.from({ length: 200_000 }, () => newJob());
  for (const job of jobs) queue.push(job);
  const begun = performance.now();
  for (const job of jobs.splice(1).reverse()) queue.remove(job);
  // To look for each, or to move all behind it, takes more than ten seconds.
  assert(performance.now() - begun < 3_000);
  assertEquals([queue.size, queue.head], [1, jobs[0]]);
});

/** Collects garbage, where an older Deno lets it be done. */
const gc: (() => void) | undefined = (() => {
  setFlagsFromString("--expose-gc");
  try {
    return runInNewContext("gc");
  } catch { /* There is no such function. */ }
})();
const testOfGarbage = testUnless(gc === undefined && "this Deno lets nobody collect garbage");

testOfGarbage("Queue forgets jobs that have left, while others wait for long", () => {
  const queue = new Queue();
  const left: WeakRef<Job>[] = [];
  (() => {
    queue.push(newJob());
    for (let i = 0; i < 20_000; i++) {
      const job = newJob();
      queue.push(job);
      queue.remove(job);
      left.push(new WeakRef(job));
    }
  })();
  return new Promise<void>((resolve) => setTimeout(resolve, 0)).then(() => {
    gc!();
    const kept = left.filter((ref) => ref.deref() !== undefined).length;
    assert(kept < 5_000, `${kept} of 20000 jobs are kept`);
    assertEquals(queue.size, 1);
  });
});
