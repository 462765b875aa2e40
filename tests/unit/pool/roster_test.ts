/** The states of workers: which event leads where, what is counted, and what the docs say of it. */

import { assertEquals } from "@std/assert";
import type { Member } from "../../../src/member/member.ts";
import {
  nextState,
  transitions,
  type WorkerEvent,
  type WorkerState,
} from "../../../src/member/worker_states.ts";
import { Roster } from "../../../src/pool/roster.ts";
import { Tenants } from "../../../src/pool/tenants.ts";

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

/** A worker without a thread. */
function makeMember(): Member {
  const member = {
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
