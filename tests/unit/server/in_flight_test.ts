import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import type { Runner } from "../../../src/api/runner.ts";
import { counting, InFlight } from "../../../src/server/in_flight.ts";
import { settled } from "../settled.ts";

/** Whether `idle()` has resolved by now. */
async function isIdle(inFlight: InFlight): Promise<boolean> {
  let idle = false;
  inFlight.idle().then(() => idle = true);
  await settled();
  return idle;
}

Deno.test("InFlight.idle() waits for a run, whose result or error passes", async () => {
  const inFlight = new InFlight();
  assertEquals(await isIdle(inFlight), true);
  const [returns, throws] = [Promise.withResolvers<number>(), Promise.withResolvers<number>()];
  const results = [inFlight.add(returns.promise), inFlight.add(throws.promise)] as const;
  returns.resolve(42);
  assertEquals(await results[0], 42);
  assertEquals(await isIdle(inFlight), false);
  throws.reject(new Error("failed"));
  await assertRejects(() => results[1], Error, "failed");
  assertEquals(await isIdle(inFlight), true);
});

for (const how of ["ends", "is left"]) {
  Deno.test(`InFlight.idle() waits for a loop until the loop ${how}`, async () => {
    async function* numbers() {
      yield 1;
      yield 2;
    }
    const inFlight = new InFlight();
    const loop = inFlight.addLoop(numbers());
    assertEquals((await loop.next()).value, 1);
    assertEquals(await isIdle(inFlight), false);
    if (how === "ends") assertEquals(await Array.fromAsync(loop), [2]);
    else await loop.return();
    assertEquals(await isIdle(inFlight), true);
  });
}

Deno.test("InFlight.giveUp() waits no more", async () => {
  const inFlight = new InFlight();
  inFlight.add(new Promise(() => {}));
  let idle = false;
  inFlight.idle().then(() => idle = true);
  await settled();
  assertEquals(idle, false);
  inFlight.giveUp();
  await settled();
  assertEquals(idle, true);
});

/** A runner whose every call returns the same, and which writes down its options. */
class FakeRunner {
  readonly run = Promise.resolve("run");
  readonly loop = (async function* () {})();
  readonly options: unknown[] = [];

  get runner(): Runner {
    const [run, loop] = [() => this.run, () => this.loop];
    return {
      runBlocking: run,
      runCpu: run,
      mapBlocking: loop,
      mapCpu: loop,
      streamBlocking: loop,
      streamCpu: loop,
      with: (options: unknown) => {
        this.options.push(options);
        return this.runner;
      },
    } as unknown as Runner;
  }
}

const task = () => [];

Deno.test("counting() passes calls on, and counts none without a place to count", () => {
  const fake = new FakeRunner();
  const calls = counting(() => fake.runner, () => undefined);
  for (const runner of [calls, calls.with({ timeout: 5 })]) {
    const runs = [runner.runBlocking(task), runner.runCpu(task)];
    for (const run of runs) assertStrictEquals(run as unknown, fake.run);
    const loops = [
      runner.mapBlocking(task, []),
      runner.mapCpu(task, []),
      runner.streamBlocking(task),
      runner.streamCpu(task),
    ];
    for (const loop of loops) assertStrictEquals(loop as unknown, fake.loop);
  }
  assertEquals(fake.options, [{ timeout: 5 }]);
});

Deno.test("counting() counts each call, also of with(), once there is a place to count", async () => {
  const fake = new FakeRunner();
  const place: { inFlight?: InFlight } = {};
  const calls = counting(() => fake.runner, () => place.inFlight);
  const narrower = calls.with({ timeout: 5 });
  const inFlight = place.inFlight = new InFlight();
  for (const runner of [calls, narrower]) {
    const run = runner.runCpu(task);
    assertEquals(run as unknown === fake.run, false);
    assertEquals(await isIdle(inFlight), true);
    assertEquals(runner.streamCpu(task) as unknown === fake.loop, false);
  }
});
