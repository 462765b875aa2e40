/** The states of workers: which event leads where, what is counted, and what the docs say of it. */

import { assertEquals, assertStrictEquals } from "@std/assert";
import type { Job } from "../../../src/member/job.ts";
import type { Member } from "../../../src/member/member.ts";
import { ModuleLoads } from "../../../src/member/module_loads.ts";
import { SentJobs } from "../../../src/member/sent_jobs.ts";
import {
  nextState,
  transitions,
  type WorkerEvent,
  type WorkerState,
} from "../../../src/member/worker_states.ts";
import { Roster } from "../../../src/pool/roster.ts";
import { Tenants } from "../../../src/pool/tenants.ts";
import { newJob } from "../../support/jobs.ts";
import { withSeeds } from "../../support/random.ts";

const states: WorkerState[] = ["starting", "idle", "busy", "dying", "stuck", "ending", "gone"];
const events = Object.keys(transitions) as WorkerEvent[];
/** Events that lead from the start to each state. */
const ways: Record<WorkerState, WorkerEvent[]> = {
  starting: [],
  idle: ["ready"],
  busy: ["ready", "take"],
  dying: ["ready", "take", "die"],
  stuck: ["ready", "take", "giveUp"],
  ending: ["end"],
  gone: ["lose"],
};

let made = 0;
const byNumber = (a: Member, b: Member) => a.number - b.number;

/** A worker without a thread. */
function makeMember(): Member {
  const member = {
    number: ++made,
    jobs: new SentJobs(),
    modules: new ModuleLoads(() => {}),
    serves: (tenant: string | undefined) => member.taken && member.tenant === tenant,
    state: "starting",
    taken: false,
    tenant: undefined as string | undefined,
    inUse: false,
    idleSince: 0,
    assign(tenant: string | undefined) {
      member.taken = true;
      member.tenant = tenant;
    },
  };
  return member as unknown as Member;
}

function setUp(settings: Partial<Record<"minWorkers" | "maxWorkers" | "spare", number>> = {}) {
  const tenants = new Tenants(() => {});
  const bounds = { minWorkers: 0, maxWorkers: 4, spare: 0, idleTimeout: Infinity, ...settings };
  return { tenants, roster: new Roster(bounds, tenants, () => {}) };
}

/** Adds a worker in a state. */
function add(roster: Roster, state: WorkerState): Member {
  const member = makeMember();
  roster.add(member);
  for (const event of ways[state]) roster.note(member, event);
  assertEquals(member.state, state);
  return member;
}

for (const state of states) {
  for (const event of events) {
    const next = nextState(state, event);
    Deno.test(`Roster.note(${event}) leads from ${state} to ${next ?? "the same state"}`, () => {
      const { roster } = setUp();
      const member = add(roster, state);
      assertEquals(roster.note(member, event), next !== undefined);
      assertEquals(member.state, next ?? state);
      const inPool = ["starting", "idle", "busy", "dying"].includes(member.state);
      const isLeaving = ["stuck", "ending"].includes(member.state);
      assertEquals([roster.has(member), roster.size], [inPool, inPool ? 1 : 0]);
      assertEquals([...roster.leaving], isLeaving ? [member] : []);
      assertEquals(roster.idle.size, member.state === "idle" ? 1 : 0);
      for (const other of states) {
        const expected = other === member.state && other !== "gone" ? 1 : 0;
        assertEquals(roster.count(other), expected, other);
      }
    });
  }
}

Deno.test("Roster counts no worker of random lives that are over", () => {
  const { roster, tenants } = setUp();
  let seed = 1;
  const below = (limit: number) => (seed = seed * 16_807 % 2_147_483_647) % limit;
  const members = Array.from({ length: 50 }, () => add(roster, "starting"));
  for (let i = 0; i < 5_000; i++) {
    const member = members[below(50)]!;
    const event = events[below(events.length - 1)]!;
    if (event === "take" && member.state === "idle" && !member.taken) {
      roster.assign(member, tenants.of("ann"));
    }
    roster.note(member, event);
  }
  for (const member of members) roster.note(member, "lose");
  assertEquals([roster.size, roster.taken, roster.idle.size, [...roster.leaving]], [0, 0, 0, []]);
  assertEquals(states.map((state) => roster.count(state)), states.map(() => 0));
  const { stuck, workers } = tenants.of("ann");
  assertEquals({ stuck, workers }, { stuck: 0, workers: 0 });
});

Deno.test("Roster counts a stuck worker for its tenant until the worker is gone", () => {
  const { roster, tenants } = setUp();
  const tenant = tenants.of("ann");
  const member = add(roster, "busy");
  roster.assign(member, tenant);
  assertEquals([tenant.workers, tenant.stuck, roster.taken], [1, 0, 1]);
  roster.note(member, "giveUp");
  assertEquals([tenant.workers, tenant.stuck, roster.taken], [0, 1, 0]);
  roster.note(member, "lose");
  assertEquals([tenant.workers, tenant.stuck], [0, 0]);
});

Deno.test("Roster.maxServing replaces each stuck worker, but not without end", () => {
  const { roster } = setUp({ maxWorkers: 2 });
  const most = [roster.maxServing];
  for (let i = 0; i < 4; i++) {
    add(roster, "stuck");
    most.push(roster.maxServing);
  }
  assertEquals(most, [2, 2, 2, 1, 0]);
  assertEquals(roster.isFull, true);
});

Deno.test("Roster.isFull allows spare workers beyond maxWorkers", () => {
  const { roster } = setUp({ maxWorkers: 1, spare: 1 });
  const full = [roster.isFull];
  for (let i = 0; i < 2; i++) {
    add(roster, "idle");
    full.push(roster.isFull);
  }
  assertEquals(full, [false, false, true]);
});

Deno.test("Roster.isShort is true below minWorkers, and without a spare worker", () => {
  const { roster, tenants } = setUp({ minWorkers: 1, spare: 1 });
  assertEquals(roster.isShort, true);
  const member = add(roster, "idle");
  assertEquals(roster.isShort, false);
  roster.assign(member, tenants.own);
  assertEquals(roster.isShort, true);
});

Deno.test("docs/architecture.md shows each transition of a worker", async () => {
  const text = await Deno.readTextFile(new URL("../../../docs/architecture.md", import.meta.url));
  const rows = Array.from(
    text.matchAll(/^\| `(\w+)`\s+\| ([\w ,`]+?)\s+\| `(\w+)`/gm),
    ([, event, from, to]) => [event, from!.replaceAll("`", "").split(", ").toSorted(), to],
  );
  const expected = events.flatMap((event) =>
    [...new Set(Object.values<string>(transitions[event]))].map((to) => [
      event,
      Object.entries(transitions[event]).filter(([, next]) => next === to).map(([from]) => from)
        .toSorted(),
      to,
    ])
  );
  assertEquals(rows, expected);
});

Deno.test("Roster.working and memberWith() are the same as a search in all workers", () => {
  withSeeds(30, (random) => {
    const { roster } = setUp({ maxWorkers: 20 });
    const members: Member[] = [];
    const jobs = new Map<Member, [sent: Job, loading: Job]>();
    for (let i = 0; i < 200; i++) {
      if (random.chance(0.2)) {
        const member = makeMember();
        const sent = newJob();
        member.jobs.push(sent);
        const loading = newJob();
        loading.place = member.modules;
        members.push(member);
        jobs.set(member, [sent, loading]);
        roster.add(member);
      } else if (members.length > 0) roster.note(random.pick(members), random.pick(events));
      const inPool = members.filter(({ state }) =>
        ["starting", "idle", "busy", "dying"].includes(state)
      );
      assertEquals([...roster].sort(byNumber), inPool);
      const working = inPool.filter(({ state }) => state === "busy" || state === "dying");
      assertEquals([...roster.working].sort(byNumber), working);
      for (const member of members) {
        const expected = inPool.includes(member) ? member : undefined;
        for (const job of jobs.get(member)!) assertStrictEquals(roster.memberWith(job), expected);
      }
    }
    assertEquals(roster.memberWith(newJob()), undefined);
  });
});

Deno.test("Roster.take() finds the worker used last among a thousand, and asks no other", () => {
  const { roster, tenants } = setUp({ maxWorkers: 1_000 });
  let asked = 0;
  const hasLoaded = () => {
    asked++;
    return true;
  };
  const members = Array.from({ length: 1_000 }, () => {
    const member = Object.assign(makeMember(), { hasLoaded });
    roster.add(member);
    roster.note(member, "ready");
    return member;
  });
  // Nobody was used: the latest.
  const first = roster.take(newJob(), true, true)!;
  assertStrictEquals(first, members.at(-1));
  roster.assign(first, tenants.own);
  roster.note(first, "rest");
  assertStrictEquals(roster.take(newJob(), true, true), first);
  // All that are idle have served nobody.
  assertStrictEquals(roster.take(newJob(), true, true), members.at(-2));
  assertEquals([asked, roster.idle.hasFresh], [3, true]);
});
