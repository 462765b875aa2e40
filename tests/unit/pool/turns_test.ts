import { assertEquals } from "@std/assert";
import { Job, shareOptions } from "../../../src/member/job.ts";
import { type Tenant, Tenants } from "../../../src/pool/tenants.ts";
import { Turns } from "../../../src/pool/turns.ts";
import { AddressedTask } from "../../../src/tasks/task.ts";

/** A tenant as it is at a moment: how many of its jobs wait, and how many workers it has. */
interface State {
  jobs?: number;
  workers?: number;
  stuck?: number;
  claims?: boolean;
}

const jobOf = (tenant: string) =>
  new Job(
    new AddressedTask({ url: "file:///tasks.ts", path: ["f"] }, -1),
    [],
    shareOptions({ tenant }),
    () => {},
  );

/** Tenants in these states, in the order of their turns. */
function tenantsOf(states: Record<string, State>): Tenants {
  const tenants = new Tenants(() => {});
  for (const [name, { jobs = 0, ...state }] of Object.entries(states)) {
    const tenant = tenants.of(name);
    Object.assign(tenant, state);
    for (let i = 0; i < jobs; i++) tenant.queue.push(jobOf(name));
  }
  return tenants;
}

const anybody = () => true;
const notAnn = ({ name }: Tenant) => name !== "ann";

const decisions: {
  about: string;
  tenants: Record<string, State>;
  most?: number;
  free?: number;
  hasRoom?: boolean;
  isWanted?: (tenant: Tenant) => boolean;
  fresh?: string;
  grows?: string;
  /** Whose workers make room. */
  yields?: string[];
}[] = [
  { about: "nobody waits", tenants: { ann: { workers: 2 }, bob: {} } },
  {
    about: "one has no worker",
    tenants: { ann: { jobs: 3, workers: 2 }, bob: { jobs: 1 } },
    fresh: "bob",
    grows: "bob",
    yields: ["ann"],
  },
  {
    about: "two have no worker, and one is on its way",
    tenants: { ann: { workers: 2 }, bob: { jobs: 1 }, eve: { jobs: 1 } },
    free: 1,
    fresh: "bob",
    grows: "eve",
    yields: ["ann"],
  },
  {
    about: "as many are on their way as are needed",
    tenants: { ann: { jobs: 5, workers: 2 }, bob: { jobs: 1 }, eve: { jobs: 1 } },
    free: 2,
    fresh: "bob",
    grows: "ann",
    yields: [],
  },
  {
    about: "those that wait have all that they may have",
    most: 1,
    tenants: { ann: { jobs: 5, workers: 1 }, bob: { jobs: 1, stuck: 2 } },
  },
  {
    about: "those that are stuck are replaced, but not without end",
    most: 2,
    tenants: { ann: { jobs: 1, stuck: 3 }, bob: { jobs: 1, stuck: 4 } },
    fresh: "ann",
    grows: "ann",
  },
  {
    about: "there is no room, and nobody has much more than another",
    hasRoom: false,
    tenants: { ann: { jobs: 5, workers: 2 }, bob: { jobs: 5, workers: 1 } },
    fresh: "ann",
  },
  {
    about: "there is no room, and one has much more",
    hasRoom: false,
    tenants: { ann: { jobs: 5, workers: 3 }, bob: { jobs: 5, workers: 1 } },
    fresh: "ann",
    grows: "bob",
    yields: [],
  },
  {
    about: "one claims a worker of the tenant that has much more",
    hasRoom: false,
    tenants: { ann: { jobs: 5, workers: 3 }, bob: { jobs: 5, workers: 1, claims: true } },
    fresh: "bob",
    yields: ["ann"],
  },
  {
    about: "one claims a worker where none has much more",
    hasRoom: false,
    tenants: { ann: { jobs: 5, workers: 2 }, bob: { jobs: 5, workers: 1, claims: true } },
    fresh: "bob",
    yields: [],
  },
  {
    about: "a fresh worker is of no use to the first in turn",
    isWanted: notAnn,
    tenants: { ann: { jobs: 1 }, bob: { jobs: 1, workers: 1 } },
    fresh: "bob",
    grows: "ann",
    yields: ["bob"],
  },
];

for (const { about, tenants: states, ...rest } of decisions) {
  Deno.test(`Turns decides where ${about}`, () => {
    const { most = 8, free = 0, hasRoom = true, isWanted = anybody } = rest;
    const tenants = tenantsOf(states);
    const turns = new Turns(tenants, { maxWorkers: 8, maxWorkersPerTenant: most });
    assertEquals(turns.nextForFresh(isWanted)?.name, rest.fresh);
    assertEquals(turns.nextToGrow(free, hasRoom)?.name, rest.grows);
    const yields = [...tenants].filter((tenant) =>
      tenant.workers > 0 && turns.mustMakeRoom(tenant, free)
    );
    assertEquals(yields.map(({ name }) => name), rest.yields ?? []);
  });
}

Deno.test("Turns gives the next worker to whoever was given one longest ago", () => {
  const tenants = tenantsOf({ ann: { jobs: 1 }, bob: { jobs: 1 }, eve: { jobs: 1 } });
  const turns = new Turns(tenants, { maxWorkers: 8, maxWorkersPerTenant: 8 });
  const order = Array.from({ length: 6 }, () => {
    const next = turns.nextForFresh(anybody)!;
    tenants.endTurn(next);
    return next.name;
  });
  assertEquals(order, ["ann", "bob", "eve", "ann", "bob", "eve"]);
});

Deno.test("Tenants forgets who has neither jobs nor workers, and never the program", () => {
  const tenants = tenantsOf({ ann: { jobs: 1 }, bob: { workers: 1 }, eve: { stuck: 1 }, joe: {} });
  tenants.forgetGone();
  assertEquals([...tenants].map(({ name }) => name), [undefined, "ann", "bob", "eve"]);
  assertEquals([tenants.several, tenants.waiting, tenants.anyQueued], [true, 1, true]);
  const ann = tenants.of("ann");
  const { queue } = ann;
  queue.remove(queue.head!);
  tenants.forget(ann);
  Object.assign(tenants.of("bob"), { workers: 0 });
  Object.assign(tenants.of("eve"), { stuck: 0 });
  tenants.forgetGone();
  assertEquals([...tenants].map(({ name }) => name), [undefined]);
  assertEquals([tenants.several, tenants.waiting, tenants.anyQueued], [false, 0, false]);
});
