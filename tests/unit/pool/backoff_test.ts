import { assertEquals } from "@std/assert";
import { Backoff } from "../../../src/pool/backoff.ts";

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
