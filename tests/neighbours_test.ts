import { assert, assertEquals, assertRejects } from "@std/assert";
import { Executor, tasksFrom, testOfWorkers, transfer } from "./isolation.ts";
import { hasLocks } from "./features.ts";

const attacks = tasksFrom(import.meta, () => import("./fixtures/poison.ts"));
const victims = tasksFrom(import.meta, () => import("./fixtures/victims.ts"));
const { late } = tasksFrom(import.meta, () => import("./fixtures/late.ts"));

/** An executor with one worker, in which all tasks meet. */
async function withOneWorker(): Promise<Executor> {
  // Deno needs globals to connect a worker, too: once one has ended, others are while they start.
  const first = await Executor.start({ cpu: { minWorkers: 1 } });
  await first.shutdown();
  return await Executor.start({ cpu: { maxWorkers: 1 } });
}

/** Makes honest calls of every kind in the worker that was attacked, and sees what comes of them. */
async function assertUnharmed(executor: Executor): Promise<void> {
  assertEquals(await executor.runCpu(victims.add, 1, 2), 3);
  assertEquals(await executor.runCpu(victims.addMany, 1, 2, 3, 4, 5), 15);
  const sums = await Promise.all(
    Array.from({ length: 500 }, (_, i) => executor.runCpu(victims.add, i, 1)),
  );
  assertEquals(sums, Array.from({ length: 500 }, (_, i) => i + 1));
  assertEquals(await executor.runCpu(victims.rename, { name: "n" }), { renamed: "n" });
  const record = { name: "n" };
  const renamed = await Promise.all(
    Array.from({ length: 100 }, () => executor.runCpu(victims.rename, record)),
  );
  assertEquals(renamed, Array.from({ length: 100 }, () => ({ renamed: "n" })));
  assertEquals(await executor.runCpu(victims.later, "later"), "later");
  const thrown = await assertRejects(() => executor.runCpu(victims.fail), TypeError, "as thrown");
  assertEquals((thrown as TypeError & { code: number }).code, 7);
  assert(thrown.cause instanceof RangeError);
  assertEquals(await executor.runCpu(victims.go), "on");
  assertEquals((await executor.runCpu(victims.flipFirst, new Uint8Array(300_000)))[0], 255);
  assertEquals((await executor.runCpu(victims.move, new ArrayBuffer(8))).byteLength, 8);
  // Of a module that was not loaded before, and by its source.
  assertEquals(await executor.runCpu(late), "late");
  assertEquals(await executor.runCpu((n: number) => n * 2, 21), 42);
  await assertRejects(
    () => executor.with({ timeout: 50 }).runCpu(victims.forever),
    DOMException,
    "timed out",
  );
  assertEquals(executor.stats().cpu.crashed, 0);
}

testOfWorkers("Executor runs honest tasks where one has replaced all globals", {
  ignore: !hasLocks,
}, async () => {
  await using executor = await withOneWorker();
  // Its module needs globals to load.
  await executor.runCpu(victims.go);
  const count = await executor.runCpu(attacks.poison);
  assert(count > 1_000, `${count} functions were replaced`);
  await assertUnharmed(executor);
});

testOfWorkers("A task does not hear what the host tells the worker of others", async () => {
  await using executor = await withOneWorker();
  await executor.runCpu(attacks.eavesdrop);
  await executor.runCpu(victims.rename, { name: "secret" });
  await executor.runCpu(victims.later, "secret");
  const buffer = new ArrayBuffer(8);
  await executor.runCpu(victims.move, transfer(buffer, [buffer]));
  assertEquals(await executor.runCpu(attacks.isInLoot, "secret"), false);
  await assertUnharmed(executor);
});

testOfWorkers(
  "A task does not see others' arguments and results through replaced methods",
  async () => {
    await using executor = await withOneWorker();
    await executor.runCpu(attacks.bug);
    await executor.runCpu(victims.rename, { name: "secret" });
    await executor.runCpu(victims.later, "secret");
    await Promise.all(Array.from({ length: 100 }, () => executor.runCpu(victims.later, "secret")));
    assertEquals(await executor.runCpu(attacks.isInLoot, "secret"), false);
    assertEquals(executor.stats().cpu.crashed, 0);
  },
);

for (const attack of ["bug", "trapProperties"] as const) {
  testOfWorkers(`A task that can ${attack} does not see what is sent together`, async () => {
    await using executor = await withOneWorker();
    // Named anew: the calls of a task that once shared an object travel one by one from then on.
    const { rename } = tasksFrom(import.meta, () => import("./fixtures/victims.ts"));
    const record = { name: "honest", inside: [{ list: [, "secret"] }] };
    for (let i = 0; i < 300; i++) await executor.runCpu(rename, record);
    await executor.runCpu(attacks[attack]);
    const deep = { name: "honest", deep: [record] };
    const results = await Promise.all(
      Array.from({ length: 100 }, (_, i) => executor.runCpu(rename, i % 2 ? deep : record)),
    );
    assertEquals(results, Array.from({ length: 100 }, () => ({ renamed: "honest" })));
    assertEquals(await executor.runCpu(attacks.isInLoot, "secret"), false);
    assertEquals(executor.stats().cpu.crashed, 0);
  });
}

testOfWorkers("A task does not see others' bytes where they are copied and moved", async () => {
  await using executor = await withOneWorker();
  await executor.runCpu(victims.go);
  await executor.runCpu(attacks.bugBytes);
  const copied = await executor.runCpu(victims.flipFirst, new Uint8Array(300_001));
  const buffer = new ArrayBuffer(300_002);
  const moved = await executor.runCpu(victims.move, transfer(buffer, [buffer]));
  assertEquals([copied.length, moved.byteLength], [300_001, 300_002]);
  assertEquals(await executor.runCpu(attacks.isInLoot, 300_001), false);
  assertEquals(await executor.runCpu(attacks.isInLoot, 300_002), false);
  // What it does itself, it sees.
  await executor.runCpu(attacks.touch, 300_003);
  assertEquals(await executor.runCpu(attacks.isInLoot, 300_003), true);
});

Deno.test("A task cannot tell the worker to run something", async () => {
  await using executor = await withOneWorker();
  for (let run = 2; run < 20; run++) {
    await executor.runCpu(attacks.impersonate, run);
    assertEquals(await executor.runCpu(victims.later, "honest"), "honest");
  }
});

testOfWorkers("A task finds nothing to speak to the host with", async () => {
  await using executor = await withOneWorker();
  assertEquals(await executor.runCpu(attacks.findPost), []);
  assertEquals(await executor.runCpu(attacks.serveAgain) === "it serves", false);
  await assertUnharmed(executor);
});

Deno.test("A task cannot change what later ones find in `this`", async () => {
  await using executor = await withOneWorker();
  await executor.runCpu(attacks.hijackContext);
  assertEquals(await executor.runCpu(victims.go), "on");
  assertEquals((await executor.runCpu(victims.move, new ArrayBuffer(8))).byteLength, 8);
});
