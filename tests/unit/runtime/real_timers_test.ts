import { assert, assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { clearTimeout, deliveries, now, setTimeout } from "../../../src/runtime/real_timers.ts";

Deno.test("setTimeout() of the package calls back where a test has faked the time", async () => {
  using _time = new FakeTime();
  const begun = now();
  const cleared = setTimeout(() => assert(false, "was cleared"), 1);
  clearTimeout(cleared);
  await new Promise<void>((resolve) => setTimeout(resolve, 10));
  assert(now() > begun);
});

Deno.test("deliveries() resolves when nothing was heard in two turns, one after the other", async () => {
  // What was heard before and after each turn.
  const turns = [[0, 1], [1, 1], [1, 2], [2, 2], [2, 2]];
  const left = turns.flat();
  let last = 0;
  await deliveries(() => last = left.shift() ?? last + 1);
  assertEquals(left, []);
  assertEquals(last, 2);
});

Deno.test("deliveries() resolves when all that had been sent has arrived", async () => {
  const { port1, port2 } = new MessageChannel();
  let heard = 0;
  port2.onmessage = () => void heard++;
  for (let i = 0; i < 20; i++) port1.postMessage(i);
  await deliveries(() => heard);
  assertEquals(heard, 20);
  port1.close();
  port2.close();
});
