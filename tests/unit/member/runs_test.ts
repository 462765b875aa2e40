/** How far a worker is with its runs, by a ledger that may say anything. */

import { assertEquals } from "@std/assert";
import { Job } from "../../../src/member/job.ts";
import { Runs } from "../../../src/member/runs.ts";
import { addressOf } from "../../../src/tasks/address.ts";
import { Ledger } from "../../../src/wire/ledger.ts";
import { PROGRESS, YIELDED } from "../../../src/wire/protocol.ts";

const task = addressOf((value: unknown) => value);
const makeJob = (arg: unknown = 1, transferables?: Transferable[]) => {
  const job = new Job(task, [arg], undefined, () => {});
  if (transferables !== undefined) job.details.transferables = transferables;
  return job;
};

/** Runs with so many jobs that were posted, and what they have told. */
function setUp(count: number, ledger = Ledger.local()) {
  const told: unknown[] = [];
  const runs = new Runs(ledger, {
    onBroken: () => told.push("broken"),
    onResult: (job, result) => told.push([jobs.indexOf(job), result]),
    onSaid: (job, kind, value) => (told.push([jobs.indexOf(job), kind, value]), value !== "bad"),
    onAsked: () => {},
    onEnded: (job) => told.push(`ended ${jobs.indexOf(job)}`),
    onNextSettled: (job) => told.push(`given up ${jobs.indexOf(job)}`),
    onTimed: (job, ms, runs) => told.push({ timed: jobs.indexOf(job), ms, runs }),
  });
  const jobs = Array.from({ length: count }, () => makeJob());
  for (const job of jobs) runs.open(job);
  runs.posted(runs.jobs.last);
  return { jobs, ledger, runs, told };
}

/** The worker's part. */
function work(ledger: Ledger, run: number, value?: unknown, took = 0): void {
  ledger.claim(run);
  ledger.begin(run);
  if (value === undefined) ledger.end(run, took);
  else ledger.keep(run, value, took);
}

Deno.test("Runs.collect() returns the results in the ledger, in their order", () => {
  const { ledger, runs, told } = setUp(3);
  work(ledger, 1, { not: { kept: "in the ledger" } });
  runs.collect();
  assertEquals(told, []);
  runs.end(runs.begunBy(1)!);
  work(ledger, 2, 20);
  work(ledger, 3, "text");
  runs.collect();
  assertEquals(told, ["ended 0", "ended 1", [1, 20], "ended 2", [2, "text"]]);
  assertEquals(runs.jobs.size, 0);
});

/** Has a run tell or yield a value, in the ledger. */
const say = (ledger: Ledger, run: number, kind: typeof PROGRESS | typeof YIELDED, value: unknown) =>
  ledger.say(kind, run, value, () => {});

Deno.test("Runs.hear() passes on what runs tell and yield, each run's before its result", () => {
  const { ledger, runs, told } = setUp(3, Ledger.shared());
  const worker = new Ledger(ledger.memory);
  worker.claim(1);
  worker.begin(1);
  say(worker, 1, PROGRESS, "told");
  say(worker, 1, YIELDED, { n: 1 });
  runs.hear();
  assertEquals(told.splice(0), [[0, PROGRESS, "told"], [0, YIELDED, { n: 1 }]]);
  say(worker, 1, PROGRESS, 2);
  worker.keep(1, "result", 0);
  work(worker, 2, 20);
  worker.claim(3);
  worker.begin(3);
  say(worker, 3, PROGRESS, "of the third");
  // At any time, and so without a function of the caller's.
  runs.collect();
  assertEquals(told, []);
  runs.hear();
  assertEquals(told, [
    [0, PROGRESS, 2],
    "ended 0",
    [0, "result"],
    "ended 1",
    [1, 20],
    [2, PROGRESS, "of the third"],
  ]);
});

Deno.test("Runs.hear() waits for a value in a message before the values after it", () => {
  const { ledger, runs, told } = setUp(1, Ledger.shared());
  const worker = new Ledger(ledger.memory);
  worker.claim(1);
  worker.begin(1);
  say(worker, 1, YIELDED, 1);
  worker.notePosted();
  say(worker, 1, YIELDED, 3);
  runs.hear();
  assertEquals(told.splice(0), [[0, YIELDED, 1]]);
  ledger.noteHeard();
  runs.hear();
  assertEquals(told, [[0, YIELDED, 3]]);
});

for (
  const [what, cheat] of Object.entries<(ledger: Ledger) => void>({
    "a value of a run that has not begun": (ledger) => say(ledger, 1, PROGRESS, 1),
    "a value that the run may not say": (ledger) => {
      ledger.claim(1);
      say(ledger, 1, PROGRESS, "bad");
    },
    "a value of a run that has ended": (ledger) => say(ledger, 0, PROGRESS, 1),
  })
) {
  Deno.test(`Runs.hear() tells that the ledger is broken by ${what}`, () => {
    const { ledger, runs, told } = setUp(3, Ledger.shared());
    const worker = new Ledger(ledger.memory);
    cheat(worker);
    runs.hear();
    assertEquals(told.at(-1), "broken");
    runs.hear();
    assertEquals(told.filter((event) => event === "broken"), ["broken"]);
  });
}

Deno.test("Runs.collect() times short runs together", () => {
  const { ledger, runs, told } = setUp(3);
  work(ledger, 1, 1);
  work(ledger, 2, 2);
  work(ledger, 3, 3, 0.25);
  runs.collect();
  assertEquals(told.filter((event) => typeof event === "object" && !Array.isArray(event)), [
    { timed: 2, ms: 0.25, runs: 3 },
  ]);
});

Deno.test("Runs.collect() takes no time of a worker that the worker cannot have had", () => {
  const { ledger, runs, told } = setUp(1);
  work(ledger, 1, 1, 1e9);
  runs.collect();
  const { ms } = told[0] as { ms: number };
  assertEquals(ms < 60_000, true);
});

Deno.test("Runs.collect() believes a worker that goes on while its ledger is read", () => {
  /** Does one run each time the host reads anything. */
  class Busy extends Ledger {
    #next = 1;
    #goOn() {
      if (this.#next <= 4) work(this, this.#next, this.#next++);
    }
    override get ended() {
      this.#goOn();
      return super.ended;
    }
    override get claimed() {
      this.#goOn();
      return super.claimed;
    }
  }
  const { runs, told } = setUp(4, new Busy(Ledger.local().memory));
  for (let i = 0; i < 4; i++) runs.collect();
  assertEquals(told.includes("broken"), false);
  assertEquals(runs.jobs.size, 0);
});

for (
  const [what, cheat] of Object.entries<(ledger: Ledger) => void>({
    "a run that was not sent": (ledger) => {
      for (let run = 1; run <= 4; run++) work(ledger, run, run);
    },
    "the end of a run that has not begun": (ledger) => ledger.end(2, 0),
    "a result in the ring that is none": (ledger) => {
      work(ledger, 1, "text");
      new Uint8Array(ledger.memory, ledger.memory.byteLength - 262_144).fill(255);
    },
    "the end of a run that was not claimed": (ledger) => {
      work(ledger, 1, 1);
      ledger.keep(3, 3, 0);
    },
  })
) {
  Deno.test(`Runs.collect() tells that the ledger is broken by ${what}`, () => {
    const { jobs, ledger, runs, told } = setUp(3);
    cheat(ledger);
    runs.collect();
    assertEquals(told, ["broken"]);
    // No job may run twice: each counts as begun, and none returns.
    assertEquals(jobs.map((job) => runs.hasBegun(job)), [true, true, true]);
    runs.collect();
    assertEquals(told, ["broken"]);
  });
}

Deno.test("Runs.takeBack() takes back what has not begun, but what has moved", () => {
  const { jobs, ledger, runs, told } = setUp(3);
  const moved = makeJob(new ArrayBuffer(1), []);
  jobs.push(moved);
  runs.open(moved);
  ledger.claim(1);
  assertEquals(runs.waiting, 3);
  assertEquals(runs.takeBack(3), [jobs[1]!, jobs[2]!]);
  assertEquals(told, ["ended 1", "ended 2"]);
  assertEquals([...runs.jobs], [jobs[0]!, moved]);
  assertEquals(ledger.claim(2), false);
});

Deno.test("Runs.takeBack() takes back nothing from a worker that claims what was not sent", () => {
  const { ledger, runs, told } = setUp(2);
  for (let run = 1; run <= 5; run++) ledger.claim(run);
  assertEquals(runs.takeBack(2), []);
  assertEquals(told, ["broken"]);
});

Deno.test("Runs.close() ends the hearing of results", () => {
  const { ledger, runs, told } = setUp(1);
  work(ledger, 1, 1);
  runs.close();
  runs.collect();
  assertEquals(told, []);
});

Deno.test("Runs.begunBy() is the job under way alone", () => {
  const { jobs, ledger, runs } = setUp(2);
  assertEquals(runs.begunBy(1), undefined);
  ledger.claim(1);
  assertEquals([runs.begunBy(1), runs.begunBy(2), runs.begunBy(7)], [
    jobs[0],
    undefined,
    undefined,
  ]);
});
