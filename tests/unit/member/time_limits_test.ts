/** Time limits, of a worker that does and says what a test wants. */

import { assert, assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { Job, shareOptions } from "../../../src/member/job.ts";
import { SentJobs } from "../../../src/member/sent_jobs.ts";
import { TimeLimits } from "../../../src/member/time_limits.ts";
import { AddressedTask } from "../../../src/tasks/task.ts";
import { breakClearTimeout, until } from "../../support/waiting.ts";

const task = new AddressedTask({ source: "() => {}", name: "", file: "task:anonymous" }, -1);

function jobWith(timeout?: number): Job {
  return new Job(
    task,
    [1],
    timeout === undefined ? undefined : shareOptions({ timeout }),
    () => {},
  );
}

class Worker {
  readonly ended: Job[] = [];
  readonly limits: TimeLimits = new TimeLimits(this, (job) => {
    this.ended.push(job);
    job.reject(new Error("timed out"), "cancelled");
  });
  readonly jobs: SentJobs = new SentJobs(this.limits);
  /** How many of the jobs have begun, and when the last of these began, by the worker. */
  begun = 0;
  beganAt = 0;
  /** Whether the run of the head has ended. */
  over = false;
  /** Whether the host has asked that. */
  asked = false;
  /** What the ledger has when the host next looks. */
  onCollect = () => {};

  constructor(...jobs: Job[]) {
    for (const job of jobs) this.jobs.push(job);
  }

  begin(beganAt = performance.now()): void {
    this.begun++;
    this.beganAt = beganAt;
  }

  return(): void {
    const job = this.jobs.head!;
    this.begun--;
    this.jobs.remove(job);
    job.resolve(1);
  }

  collect(): void {
    this.onCollect();
  }

  hasBegun(job: Job): boolean {
    return this.begun > 0 && job === this.jobs.head;
  }

  hasEnded(): boolean {
    this.asked = true;
    return this.over;
  }
}

/** Asserts that this job was ended, and no other. */
function assertEnded({ ended }: Worker, job: Job): void {
  assertEquals(ended.map((other) => other === job), [true]);
}

for (
  const [what, beganAt] of Object.entries({
    "the truth": undefined,
    "that the run began in the future": Infinity,
    "that the run began before all time": -Infinity,
    "no number": NaN,
  })
) {
  Deno.test(`TimeLimits ends a job that runs too long in a worker that says ${what}`, async () => {
    const job = jobWith(20);
    const worker = new Worker(job);
    const sent = performance.now();
    worker.begin(beganAt);
    await until(() => worker.ended.length > 0);
    assertEnded(worker, job);
    assert(performance.now() - sent >= 19);
  });
}

Deno.test("TimeLimits counts from the beginning of a run, not from its sending", async () => {
  const [first, second] = [jobWith(50), jobWith(50)];
  const worker = new Worker(first, second);
  worker.begin();
  await new Promise((resolve) => setTimeout(resolve, 40));
  // The host learns at its next look only.
  let began = 0;
  worker.onCollect = () => {
    worker.onCollect = () => {};
    worker.return();
    worker.begin(began);
  };
  began = performance.now();
  await until(() => worker.ended.length > 0);
  assertEnded(worker, second);
  assert(performance.now() - began >= 49, "not early");
});

Deno.test("TimeLimits ends no job that has not begun, nor a job behind a long one", async () => {
  const [long, limited] = [jobWith(), jobWith(5)];
  const worker = new Worker(long, limited);
  let looks = 0;
  worker.onCollect = () => void looks++;
  await until(() => looks >= 3);
  worker.begin();
  await until(() => looks >= 6);
  assertEquals(worker.ended, []);
  worker.return();
  worker.begin();
  await until(() => worker.ended.length > 0);
  assertEnded(worker, limited);
});

Deno.test("TimeLimits ends a job early enough whose limit is shorter than those before", async () => {
  const [patient, hasty] = [jobWith(60_000), jobWith(10)];
  const worker = new Worker(patient, hasty);
  worker.begin();
  worker.return();
  worker.begin();
  await until(() => worker.ended.length > 0);
  assertEnded(worker, hasty);
});

Deno.test("TimeLimits waits for an answer that is on its way, and not for ever", async () => {
  for (let isHeldUp = true; isHeldUp;) {
    const [answered, silent] = [jobWith(5), jobWith(5)];
    const worker = new Worker(answered, silent);
    worker.begin();
    worker.over = true;
    const begun = performance.now();
    worker.onCollect = () => {
      if (!worker.asked) return;
      worker.onCollect = () => {};
      worker.return();
      worker.begin();
    };
    await until(() => worker.ended.length > 0);
    // A late timer has waited for answers before the host asks.
    isHeldUp = worker.ended[0] === answered && performance.now() - begun > 20;
    if (!isHeldUp) assertEnded(worker, silent);
    silent.resolve(1);
  }
});

Deno.test("TimeLimits takes no held up event loop for running time", async () => {
  const job = jobWith(30);
  const worker = new Worker(job);
  worker.begin();
  // The answer comes while the event loop is held up, and a timer that is due comes first.
  setTimeout(() => worker.return(), 60);
  const held = performance.now() + 100;
  while (performance.now() < held);
  await until(() => worker.jobs.size === 0);
  assertEquals(worker.ended, []);
});

for (
  const [what, leave] of Object.entries<(worker: Worker, job: Job) => void>({
    "has returned": (worker) => worker.return(),
    "was taken back": (worker, job) => worker.jobs.remove(job),
    "was cancelled": (_, job) => job.reject(new Error(), "cancelled"),
    "could not be sent": (worker) => worker.jobs.removeLast(1),
  })
) {
  const leaveLast = () => {
    const [job, other] = [jobWith(60_000), jobWith(60_000)];
    const worker = new Worker(other, job);
    worker.begin();
    worker.return();
    worker.begin();
    leave(worker, job);
    // A settled job that leaves does not count again.
    if (worker.jobs.size > 0) worker.jobs.remove(job);
    return worker;
  };

  Deno.test({
    name: `TimeLimits has no timer when its last job ${what}`,
    sanitizeOps: true,
    fn: () => void leaveLast(),
  });

  Deno.test(`TimeLimits ends a later job when its last job ${what}`, async () => {
    const worker = leaveLast();
    const late = jobWith(5);
    worker.jobs.push(late);
    worker.begun = 1;
    worker.beganAt = performance.now();
    await until(() => worker.ended.length > 0);
    assertEnded(worker, late);
  });
}

Deno.test("TimeLimits ends the only job when a test says that the time is over", () => {
  using time = new FakeTime();
  assertEquals(TimeLimits.mayFollow, false);
  const job = jobWith(60_000);
  const worker = new Worker(job);
  worker.begin();
  time.tick(59_999);
  assertEquals(worker.ended, []);
  time.tick(1);
  assertEnded(worker, job);
});

Deno.test("TimeLimits gives each job its own limit where Deno calls back cleared timers", () => {
  using time = new FakeTime();
  const [first, job] = [jobWith(60_000), jobWith(60_000)];
  const worker = new Worker(first);
  worker.begin();
  using _broken = breakClearTimeout();
  time.tick(30_000);
  worker.return();
  worker.jobs.push(job);
  worker.begin();
  time.tick(59_999);
  assertEquals(worker.ended, []);
  time.tick(1);
  assertEnded(worker, job);
});

Deno.test({
  name: "TimeLimits clears its own timers alone, before and after a test fakes the time",
  sanitizeOps: true,
  async fn() {
    /** Sets timers whose numbers are those of other timers, too. */
    const setMany = (fired: () => void) => {
      for (let i = 0; i < 200; i++) setTimeout(fired, 1);
    };
    let faked = 0;
    let real = 0;
    const before = jobWith(60_000);
    const during = jobWith(60_000);
    const workers = [new Worker(before)];
    {
      using time = new FakeTime();
      setMany(() => faked++);
      before.resolve(1);
      workers.push(new Worker(during));
      time.tick(1);
    }
    setMany(() => real++);
    during.resolve(1);
    await until(() => real === 200);
    assertEquals(faked, 200);
  },
});

Deno.test("TimeLimits takes a limit longer than a timer can have", async () => {
  const job = jobWith(2 ** 40);
  const worker = new Worker(job);
  let looks = 0;
  worker.onCollect = () => void looks++;
  worker.begin();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals([worker.ended, looks], [[], 0]);
  job.resolve(1);
});
