/** What a pool keeps of tenants that it has served. */

import { assert, assertEquals } from "@std/assert";
import { Executor } from "@genro/executor";
import { until } from "../../support/waiting.ts";
import { Tenants } from "../../../src/pool/tenants.ts";

/** Runs some code, and returns the tenants of the pool that this has used. */
async function tenantsUsed(use: () => Promise<void>): Promise<Tenants> {
  let used: Tenants | undefined;
  const { endTurn } = Tenants.prototype;
  Tenants.prototype.endTurn = function (this: Tenants, tenant) {
    used = this;
    endTurn.call(this, tenant);
  };
  try {
    await use();
  } finally {
    Tenants.prototype.endTurn = endTurn;
  }
  assert(used !== undefined);
  return used;
}

const names = (tenants: Tenants) => Array.from(tenants, ({ name }) => name);

Deno.test("Tenants forgets a tenant with the end of its last worker, however the worker ends", async () => {
  const exit = () => Deno.exit();
  const spin = () => {
    for (const end = Date.now() + 500; Date.now() < end;);
  };
  await using executor = new Executor({ cpu: { maxWorkers: 1 } });
  let ended = 0;
  for (const type of ["workerretire", "workercrash", "workerstuck"] as const) {
    executor.addEventListener(type, () => ended++);
  }
  await executor.startup();
  const tenants = await tenantsUsed(async () => {
    for (let i = 0; i < 4; i++) {
      await executor.with({ tenant: `idle ${i}` }).runCpu(() => {});
      await executor.with({ tenant: `exits ${i}` }).runCpu(exit).catch(() => {});
    }
    await executor.with({ tenant: "stuck", timeout: 10 }).runCpu(spin).catch(() => {});
    await executor.with({ tenant: "last" }).runCpu(() => {});
  });
  await until(() => ended >= 9 && executor.stats().cpu.stuck === 0);
  // What tells of the end of the thread comes later.
  for (let i = 0; i < 4; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    assertEquals(names(tenants), [undefined, "last"]);
  }
});

Deno.test("Tenants.forget() leaves a tenant alone that has the name of one that was forgotten", () => {
  const tenants = new Tenants(() => {});
  const former = tenants.of("ann");
  tenants.forget(former);
  const ann = tenants.of("ann");
  ann.workers = 1;
  tenants.forget(former);
  assert(tenants.of("ann") === ann);
  assertEquals(names(tenants), [undefined, "ann"]);
});
