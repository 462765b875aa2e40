import { assert, assertEquals } from "@std/assert";
import { Backoff, startInTurn } from "../../../src/pool/pace.ts";

/** The pause from the end of one start to the next, in ms. */
const PAUSE_MS = 12;

/** Lets a pause go by in which nothing starts. */
async function pause(): Promise<void> {
  await new Promise<void>((resolve) => startInTurn(resolve));
  const end = performance.now() + PAUSE_MS;
  while (performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
}

Deno.test("startInTurn() starts at once after a pause, and the next ones one by one", async () => {
  await pause();
  const times: number[] = [];
  const order: number[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  for (let i = 0; i < 4; i++) {
    startInTurn(() => {
      times.push(performance.now());
      order.push(i);
      if (i === 3) resolve();
    });
  }
  assertEquals(order, [0]);
  await promise;
  assertEquals(order, [0, 1, 2, 3]);
  for (let i = 1; i < times.length; i++) assert(times[i]! - times[i - 1]! >= PAUSE_MS);
});

Deno.test("startInTurn() calls nothing that has given up its turn", async () => {
  await pause();
  const order: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const giveUps = ["first", "second", "third", "last"].map((name) =>
    startInTurn(() => {
      order.push(name);
      if (name === "last") resolve();
    })
  );
  assertEquals(giveUps[0]!(), false);
  assertEquals([giveUps[1]!(), giveUps[1]!()], [true, false]);
  await promise;
  assertEquals(order, ["first", "third", "last"]);
  assertEquals(giveUps[3]!(), false);
});

Deno.test({
  name: "startInTurn() leaves no timer behind when all have given up",
  // A timer that is left over fails the test.
  sanitizeOps: true,
  sanitizeResources: true,
  async fn() {
    await pause();
    startInTurn(() => {});
    const giveUps = [startInTurn(() => {}), startInTurn(() => {})];
    assertEquals(giveUps.map((giveUp) => giveUp()), [true, true]);
  },
});

Deno.test("startInTurn() lets others start after one that throws", async () => {
  await pause();
  const { promise, resolve } = Promise.withResolvers<void>();
  let thrown: unknown;
  try {
    startInTurn(() => {
      startInTurn(resolve);
      throw new Error("no thread");
    });
  } catch (error) {
    thrown = error;
  }
  assertEquals((thrown as Error).message, "no thread");
  await promise;
});

/** Has the clock stand still, and chance be this number, while some code runs. */
function withChance<T>(chance: number, call: () => T): T {
  const { now } = performance;
  const { random } = Math;
  performance.now = () => 1_000;
  Math.random = () => chance;
  try {
    return call();
  } finally {
    performance.now = now;
    Math.random = random;
  }
}

/** How long each of so many failures in a row makes wait. */
function waits(chance: number, failures: number): number[] {
  return withChance(chance, () => {
    const backoff = new Backoff();
    return Array.from({ length: failures }, () => {
      backoff.failed();
      return backoff.wait;
    });
  });
}

Deno.test("Backoff doubles its wait with each failure in a row, up to five seconds", () => {
  const most = [30, 60, 120, 240, 480, 960, 1_920, 3_840, 5_000, 5_000, 5_000];
  assertEquals(waits(1, most.length), most);
  // The other half is left to chance.
  assertEquals(waits(0, most.length), most.map((ms) => ms / 2));
  assertEquals(waits(1, 2_000).at(-1), 5_000);
});

Deno.test("Backoff lets everybody try at first, and begins again after a success", () => {
  withChance(1, () => {
    const backoff = new Backoff();
    assertEquals(backoff.wait, -Infinity);
    for (let i = 0; i < 5; i++) backoff.failed();
    assertEquals(backoff.wait, 480);
    backoff.succeeded();
    backoff.failed();
    assertEquals(backoff.wait, 30);
    performance.now = () => 1_040;
    assertEquals(backoff.wait, -10);
  });
});
