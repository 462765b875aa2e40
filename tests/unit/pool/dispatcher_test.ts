import { assert, assertEquals } from "@std/assert";
import type { Job } from "../../../src/member/job.ts";
import type { Member } from "../../../src/member/member.ts";
import { SentJobs } from "../../../src/member/sent_jobs.ts";
import { TaskRecords } from "../../../src/member/task_record.ts";
import { Dispatcher, type DispatcherParts } from "../../../src/pool/dispatcher.ts";
import { Loading } from "../../../src/pool/loading.ts";
import { Roster } from "../../../src/pool/roster.ts";
import { Tally } from "../../../src/pool/tally.ts";
import { Tenants } from "../../../src/pool/tenants.ts";
import { Turns } from "../../../src/pool/turns.ts";
import { newJob } from "../../support/jobs.ts";
import { until } from "../../support/waiting.ts";

/** A worker without a thread: runs its jobs when the test says so. */
class FakeMember {
  state = "starting";
  taken = false;
  tenant: string | undefined;
  readonly inUse = false;
  readonly sending = false;
  idleSince = 0;
  readonly takenAt = 0;
  readonly jobs = new SentJobs();
  readonly modules = {};
  /** How many messages were sent, and how often the pool has asked something of this worker. */
  messages = 0;
  asked = 0;
  isDone = false;
  readonly #hasRoom: () => boolean;

  constructor(hasRoom: () => boolean) {
    this.#hasRoom = hasRoom;
  }

  get busy(): boolean {
    return this.jobs.size > 0;
  }

  get runsLow(): boolean {
    return true;
  }

  assign(tenant: string | undefined): void {
    this.taken = true;
    this.tenant = tenant;
  }

  serves(tenant: string | undefined): boolean {
    this.asked++;
    return this.taken && this.tenant === tenant;
  }

  hasLoaded(): boolean {
    this.asked++;
    return true;
  }

  hasRoomFor(): boolean {
    return this.jobs.size === 0 || this.#hasRoom();
  }

  send(job: Job): void {
    this.jobs.push(job);
  }

  flush(): void {
    this.messages++;
  }

  collect(): void {
    this.asked++;
    if (this.isDone) { for (const job of this.jobs) this.jobs.remove(job); }
  }

  askBack(): boolean {
    return false;
  }

  isHeldUp(): boolean {
    return false;
  }

  engage(): void {}
}

function setUp(workers: number, runningMs: number | undefined, takesBack = true) {
  const tenants = new Tenants(() => {});
  const bounds = { minWorkers: workers, maxWorkers: workers, spare: 0, idleTimeout: 10_000 };
  const roster = new Roster(bounds, tenants, () => {});
  const [tally, records] = [new Tally(), new TaskRecords()];
  if (runningMs !== undefined) records.of(newJob().task).running.learn(runningMs);
  const turns = new Turns(tenants, { maxWorkers: workers, maxWorkersPerTenant: workers });
  const loading = new Loading(tenants, roster, tally);
  const growth = { grow() {}, refill() {} };
  const recovery = {
    requeue({ jobs }: FakeMember) {
      const back = [...jobs].slice(1);
      for (const job of back) jobs.remove(job);
      tenants.own.queue.unshift(back);
    },
  };
  const parts = { growth, loading, recovery, roster, takesBack, tally, tenants, turns, records };
  const dispatcher = new Dispatcher(
    parts as unknown as DispatcherParts,
    { retire() {}, onLost() {}, onContinued() {}, isDraining: () => false },
  );
  const members = Array.from({ length: workers }, () => new FakeMember(() => runningMs! < 0.1));
  for (const member of members) {
    roster.add(member as unknown as Member);
    roster.note(member as unknown as Member, "ready");
  }
  const submit = () => {
    const job = newJob();
    tenants.own.queue.push(job);
    dispatcher.added(tenants.own, job);
  };
  return { dispatcher, members, roster, submit, tally, tenants };
}

const woken = (members: FakeMember[]) => members.filter(({ messages }) => messages > 0);

Deno.test("Dispatcher.added() wakes a worker for each job whose time is long, or not known", () => {
  for (const ms of [undefined, 0.5]) {
    const { dispatcher, members, submit } = setUp(4, ms);
    for (let i = 0; i < 3; i++) submit();
    assertEquals(woken(members).length, 3);
    dispatcher.stop();
  }
});

Deno.test("Dispatcher.added() wakes a worker for each short job that could not be taken back", () => {
  const { dispatcher, members, submit } = setUp(4, 0.001, false);
  for (let i = 0; i < 3; i++) submit();
  assertEquals(woken(members).length, 3);
  dispatcher.stop();
});

Deno.test("Dispatcher.spread() gives short jobs that wait for busy workers to idle workers", async () => {
  const { dispatcher, members, submit, tenants } = setUp(8, 0.001);
  for (let i = 0; i < 40; i++) submit();
  await Promise.resolve();
  assertEquals(woken(members).length, 2);
  dispatcher.spread();
  // The rest waits, as no worker is idle.
  assertEquals(woken(members).length, 8);
  const sent = members.reduce((sum, { jobs }) => sum + jobs.size, 0);
  assertEquals(sent + tenants.own.queue.size, 40);
  dispatcher.stop();
});

Deno.test("Dispatcher.added() sends the first job at once, and a few short jobs after it together", async () => {
  const { dispatcher, members, submit } = setUp(4, 0.001);
  for (let i = 0; i < 20; i++) submit();
  assertEquals(members.map(({ jobs }) => jobs.size), [0, 0, 0, 1]);
  await Promise.resolve();
  assertEquals(members.map(({ jobs }) => jobs.size), [0, 0, 19, 1]);
  assertEquals(members.map(({ messages }) => messages), [0, 0, 1, 1]);
  dispatcher.stop();
});

Deno.test("Dispatcher.added() wakes no more of many workers than the host can keep busy", async () => {
  const { dispatcher, members, submit, tenants } = setUp(1_000, 0.001);
  for (let i = 0; i < 5_000; i++) submit();
  await Promise.resolve();
  // Whoever has served nobody is as good as another: no worker is asked but the one that is taken.
  assert(woken(members).length <= 3, `${woken(members).length} were woken`);
  const asked = members.reduce((sum, { asked }) => sum + asked, 0);
  // Once for each job that is sent, and a few times for each worker that is woken.
  assert(asked <= 5_000 + 100, `${asked} questions`);
  const sent = members.reduce((sum, { jobs }) => sum + jobs.size, 0);
  assertEquals(sent + tenants.own.queue.size, 5_000);
  dispatcher.stop();
});

Deno.test("Dispatcher.keepUp() asks the workers that have jobs, and no other", () => {
  const { dispatcher, members, submit } = setUp(1_000, 0.5);
  for (let i = 0; i < 3; i++) submit();
  for (const member of members) member.asked = 0;
  dispatcher.keepUp();
  assertEquals(members.filter(({ asked }) => asked > 0).length, 3);
  dispatcher.stop();
});

Deno.test("A dispatcher does not leave jobs to busy workers whose tasks take longer than it seemed", async () => {
  const { dispatcher, members, submit, tally, tenants } = setUp(8, 0.001);
  tally.completed = 1_000;
  for (let i = 0; i < 3_000; i++) submit();
  await Promise.resolve();
  const before = woken(members).length;
  assert(before < 8 && tenants.own.queue.size > 0, `${before} were woken`);
  // No task ends.
  await until(() => woken(members).length === 8);
  dispatcher.stop();
});
