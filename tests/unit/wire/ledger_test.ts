import { assertEquals } from "@std/assert";
import { Ledger, nextRun } from "../../../src/wire/ledger.ts";

Deno.test("Ledger says of no run that it was aborted because one of the same number was", () => {
  const ledger = Ledger.local();
  // The number that memory begins with, and the last and the first before numbers wrap around.
  for (const run of [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)]) {
    ledger.open(run);
    assertEquals(ledger.isAborted(run), false, `${run} at first`);
    ledger.abort(run);
    assertEquals(ledger.isAborted(run), true, `${run} aborted`);
    ledger.open(nextRun(run));
    assertEquals(ledger.isAborted(nextRun(run)), false, `after ${run}`);
    assertEquals(ledger.isAborted(run), true, `${run} still`);
    ledger.open(run);
    assertEquals(ledger.isAborted(run), false, `${run} again`);
  }
});

Deno.test("Ledger notes whether the load that was asked for last has begun", () => {
  const ledger = Ledger.shared();
  const worker = new Ledger(ledger.memory);
  assertEquals(ledger.hasBegunLoad, false);
  worker.beginLoad();
  assertEquals(ledger.hasBegunLoad, true);
  ledger.openLoad();
  assertEquals(ledger.hasBegunLoad, false);
});
