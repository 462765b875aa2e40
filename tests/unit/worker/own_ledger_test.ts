import { assertEquals } from "@std/assert";
import { OwnLedger } from "../../../src/worker/own_ledger.ts";

Deno.test("OwnLedger begins each run, and leaves each result to a message", () => {
  const ledger = new OwnLedger();
  // A number that comes again, as a message could not be sent, and numbers that wrap around.
  for (const run of [1, 1, 2, 2 ** 31 - 1, -(2 ** 31)]) {
    assertEquals([run, ledger.claim(), ledger.begin(), ledger.keep()], [run, true, true, false]);
  }
});

Deno.test("OwnLedger.hasEnded() tells the run that goes on from the runs before", () => {
  const ledger = new OwnLedger();
  assertEquals(ledger.hasEnded(1), false);
  ledger.end(1);
  assertEquals([ledger.hasEnded(1), ledger.hasEnded(2)], [true, false]);
  ledger.end(2 ** 31 - 1);
  assertEquals([ledger.hasEnded(2 ** 31 - 1), ledger.hasEnded(-(2 ** 31))], [true, false]);
  ledger.end(-(2 ** 31));
  assertEquals([ledger.hasEnded(2 ** 31 - 1), ledger.hasEnded(-(2 ** 31))], [true, true]);
});

Deno.test("OwnLedger never makes a task wait that tells something", () => {
  const ledger = new OwnLedger();
  for (let times = 0; times < 100_000; times++) {
    ledger.noteTold();
    if (!ledger.awaitRoom() || ledger.isGivenUp) throw new Error(`${times}`);
  }
});
