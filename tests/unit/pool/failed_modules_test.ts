import { assertEquals } from "@std/assert";
import { Job } from "../../../src/member/job.ts";
import { FailedModules } from "../../../src/pool/failed_modules.ts";
import { AddressedTask } from "../../../src/tasks/task.ts";
import { until } from "../../support/waiting.ts";

const MODULE = 5;

const jobOf = (module: number) =>
  new Job(
    new AddressedTask({ url: "file:///tasks.ts", path: ["f"] }, module),
    [],
    undefined,
    () => {},
  );

Deno.test("FailedModules releases what was set aside when the module may be tried again", async () => {
  const released = Promise.withResolvers<readonly Job[]>();
  const modules = new FailedModules(released.resolve);
  modules.failed(MODULE);
  assertEquals([modules.any, modules.holds(MODULE), modules.holds(MODULE + 1)], [
    true,
    true,
    false,
  ]);
  const job = jobOf(MODULE);
  modules.setAside(job);
  assertEquals(modules.waiting, 1);
  assertEquals(await released.promise, [job]);
  // A timer may be early by a part of a millisecond.
  await until(() => !modules.holds(MODULE), 100);
  assertEquals(modules.waiting, 0);
});

/** Every way in which the one load ends that the others wait for, and what becomes of them. */
const ends: Record<string, (modules: FailedModules) => readonly Job[]> = {
  "loaded": (modules) => modules.loaded(MODULE),
  "failed": (modules) => {
    modules.failed(MODULE);
    return modules.take(MODULE);
  },
  "not begun": (modules) => modules.notBegun(MODULE),
};

for (const [how, end] of Object.entries(ends)) {
  Deno.test(`FailedModules gives back what waits for a load: ${how}`, async () => {
    const modules = new FailedModules(() => {});
    modules.failed(MODULE);
    while (modules.holds(MODULE)) await new Promise((resolve) => setTimeout(resolve, 1));
    modules.loads(MODULE);
    assertEquals(modules.holds(MODULE), true);
    const job = jobOf(MODULE);
    modules.setAside(job);
    assertEquals(end(modules), [job]);
    assertEquals(modules.waiting, 0);
    // Nothing is held for a load that is over, but for a moment after one that has failed.
    assertEquals(modules.holds(MODULE), how === "failed");
  });
}
