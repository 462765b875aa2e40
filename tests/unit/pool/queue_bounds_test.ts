import { assertEquals } from "@std/assert";
import type { Member } from "../../../src/member/member.ts";
import { QueueBounds } from "../../../src/pool/queue_bounds.ts";
import type { Roster } from "../../../src/pool/roster.ts";
import { type Tenant, Tenants } from "../../../src/pool/tenants.ts";
import { newJob } from "../../support/jobs.ts";
import { type Random, withSeeds } from "../../support/random.ts";

/** A worker of a tenant, with jobs that have not begun. */
class Worker {
  counts = 0;
  waiting = 0;
  readonly #tenant: string | undefined;

  constructor(tenant: string | undefined) {
    this.#tenant = tenant;
  }

  serves(tenant: string | undefined): boolean {
    this.counts++;
    return tenant === this.#tenant;
  }
}

const NAMES = [undefined, "ann", "bob"];

function setUp(settings: { maxQueue?: number; maxQueuePerTenant?: number }) {
  const tenants = new Tenants(() => {});
  const workers = NAMES.flatMap((name) => [new Worker(name), new Worker(name)]);
  const idle = { size: 0 };
  const roster = { working: workers as unknown as Member[], idle } as unknown as Roster;
  const full = { maxQueue: Infinity, maxQueuePerTenant: Infinity, ...settings };
  const told: string[] = [];
  const bounds = new QueueBounds("cpu", full, tenants, roster, {
    spread() {
      told.push("spread");
      // Two jobs go to idle workers, and begin.
      for (let i = 0; i < 2 && idle.size > 0; i++, idle.size--) {
        tenants.own.queue.remove(tenants.own.queue.head!);
      }
    },
    onFull: () => told.push("full"),
  });
  return { bounds, idle, tenants, told, workers };
}

/** Something that changes how many jobs wait. */
function change(random: Random, tenant: Tenant, workers: Worker[]): void {
  const worker = random.pick(workers);
  switch (random.below(3)) {
    case 0:
      // A job is sent ahead, or begins at once.
      if (tenant.queue.head === undefined) return;
      tenant.queue.remove(tenant.queue.head);
      if (random.chance(0.7)) worker.waiting++;
      break;
    case 1:
      // A worker begins a job.
      if (worker.waiting > 0) worker.waiting--;
      break;
    case 2:
      // A worker that has begun no job gives back its jobs, one of which did not count as waiting.
      tenant.queue.unshift(Array.from({ length: worker.waiting + 1 }, () => newJob()));
      worker.waiting = 0;
  }
}

const settings = [{ maxQueue: 12 }, { maxQueuePerTenant: 5 }, {
  maxQueue: 12,
  maxQueuePerTenant: 5,
}, {}];
for (const given of settings) {
  Deno.test(`QueueBounds(${JSON.stringify(given)}) refuses as if all jobs were counted for each job`, () => {
    let refused = 0;
    withSeeds(50, (random) => {
      const { bounds, tenants, workers } = setUp(given);
      const { maxQueue = Infinity, maxQueuePerTenant = Infinity } = given;
      for (let i = 0; i < 300; i++) {
        const tenant = tenants.of(random.pick(NAMES));
        const own = workers.slice(NAMES.indexOf(tenant.name) * 2).slice(0, 2);
        if (random.chance(0.5)) change(random, tenant, own);
        else {
          const waitingOf = tenant.waiting + own[0]!.waiting + own[1]!.waiting;
          const waiting = tenants.waiting + workers.reduce((sum, { waiting }) => sum + waiting, 0);
          const isFull = waiting >= maxQueue || waitingOf >= maxQueuePerTenant;
          assertEquals(bounds.refusal(tenant) !== undefined, isFull);
          assertEquals(bounds.waiting, waiting);
          if (isFull) refused++;
          else tenant.queue.push(newJob());
        }
      }
    });
    assertEquals(refused > 0, Object.keys(given).length > 0);
  });
}

Deno.test("QueueBounds.refusal() does not count while the queue cannot be full", () => {
  const { bounds, tenants, workers } = setUp({ maxQueuePerTenant: 1_000 });
  const tenant = tenants.of("ann");
  for (let i = 0; i < 1_000; i++) {
    assertEquals(bounds.refusal(tenant), undefined);
    tenant.queue.push(newJob());
  }
  assertEquals(workers.map(({ counts }) => counts), workers.map(() => 1));
  assertEquals(bounds.refusal(tenant)?.message.includes("1000"), true);
});

Deno.test("QueueBounds.refusal() has jobs go to idle workers before a job is refused", () => {
  const { bounds, idle, tenants: { own }, told } = setUp({ maxQueue: 5 });
  for (let i = 0; i < 5; i++) own.queue.push(newJob());
  idle.size = 2;
  for (let accepted = 0; accepted < 2; accepted++) {
    assertEquals(bounds.refusal(own), undefined);
    own.queue.push(newJob());
  }
  assertEquals(told, ["spread"]);
  for (let refused = 0; refused < 2; refused++) {
    assertEquals(bounds.refusal(own)?.message.includes("5"), true);
  }
  assertEquals(told, ["spread", "full"]);
});

Deno.test("QueueBounds.roomFor() is a part of the queue, and less the more jobs wait", () => {
  const { bounds, tenants, workers } = setUp({ maxQueue: 100, maxQueuePerTenant: 40 });
  const tenant = tenants.of("ann");
  assertEquals([bounds.roomFor(undefined), bounds.roomFor(tenant)], [10, 10]);
  for (let i = 0; i < 4; i++) tenant.queue.push(newJob());
  assertEquals([bounds.roomFor(undefined), bounds.roomFor(tenant)], [10, 6]);
  workers[0]!.waiting = 18;
  assertEquals([bounds.roomFor(undefined), bounds.roomFor(tenant)], [3, 3]);
  workers[2]!.waiting = 18;
  assertEquals([bounds.roomFor(undefined), bounds.roomFor(tenant)], [0, 0]);
  assertEquals(setUp({}).bounds.roomFor(undefined), Infinity);
});
