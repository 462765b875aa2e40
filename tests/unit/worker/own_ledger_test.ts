import { assertEquals } from "@std/assert";
import { OwnLedger, PipeLedger } from "../../../src/worker/own_ledger.ts";
import { BEGINS, DROPPED, RecordReader, RecordWriter, TOOK } from "../../../src/wire/records.ts";

Deno.test("OwnLedger begins each run, and leaves each result to a message", () => {
  const ledger = new OwnLedger();
  // A number that comes again, as a message could not be sent, and numbers that wrap around.
  for (const run of [1, 1, 2, 2 ** 31 - 1, -(2 ** 31)]) {
    assertEquals([run, ledger.claim(run), ledger.begin(run)], [run, true, true]);
    assertEquals(ledger.keep(run, 1, 0), false);
  }
});

Deno.test("OwnLedger.hasEnded() tells the run that goes on from the runs before", () => {
  const ledger = new OwnLedger();
  assertEquals(ledger.hasEnded(1), false);
  ledger.end(1, 0);
  assertEquals([ledger.hasEnded(1), ledger.hasEnded(2)], [true, false]);
  ledger.end(2 ** 31 - 1, 0);
  assertEquals([ledger.hasEnded(2 ** 31 - 1), ledger.hasEnded(-(2 ** 31))], [true, false]);
  ledger.end(-(2 ** 31), 0);
  assertEquals([ledger.hasEnded(2 ** 31 - 1), ledger.hasEnded(-(2 ** 31))], [true, true]);
});

Deno.test("OwnLedger never makes a task wait that tells something", () => {
  const ledger = new OwnLedger();
  for (let times = 0; times < 100_000; times++) {
    ledger.noteTold();
    if (!ledger.awaitRoom() || ledger.isGivenUp) throw new Error(`${times}`);
  }
});

/** A ledger, and what its host has read. */
function withPipe() {
  const read: unknown[] = [];
  const note = (...record: unknown[]) => read.push(record);
  const reader = new RecordReader(
    { onRecord: note, onResult: note, onMessage: note, onBroken: note },
    () => undefined,
  );
  const records = new RecordWriter((bytes) => reader.read(bytes as Uint8Array), () => {
    throw new Error("no message");
  });
  const shared: Int32Array[] = [];
  const ledger = new PipeLedger(records, (claimed) => shared.push(claimed));
  ledger.noteTurn();
  return { ledger, read, records, shared };
}

Deno.test("PipeLedger writes the results before a run, and that the run begins, at once", () => {
  const { ledger, read, records } = withPipe();
  assertEquals([ledger.claim(1), ledger.begin(1)], [true, true]);
  assertEquals(read, [[BEGINS, 1, 0]]);
  assertEquals([ledger.keep(1, null, 0.5), ledger.hasEnded(1), read.length], [true, true, 1]);
  ledger.claim(2);
  ledger.begin(2);
  assertEquals(read.slice(1), [[TOOK, 1, 0.5], [1, null], [BEGINS, 2, 0]]);
  assertEquals([ledger.keep(2, {}, 0), ledger.hasEnded(2)], [false, false]);
  ledger.end(2, 0);
  records.flush();
  assertEquals([read.length, ledger.hasEnded(2)], [4, true]);
});

Deno.test("PipeLedger.claim() claims no run that another thread has given back", () => {
  const { ledger, shared } = withPipe();
  for (let run = 1; run <= 20; run++) assertEquals(ledger.claim(run), true);
  // With the run 16.
  assertEquals(shared.length, 1);
  assertEquals(Atomics.compareExchange(shared[0]!, 0, 20, 25), 20);
  for (const run of [21, 25]) assertEquals([run, ledger.claim(run)], [run, false]);
  assertEquals(ledger.claim(26), true);
});

Deno.test("PipeLedger.drop() passes over a run whose turn has not come", () => {
  const { ledger, read, records } = withPipe();
  ledger.claim(1);
  ledger.begin(1);
  assertEquals([ledger.drop(1), ledger.drop(2)], [false, true]);
  ledger.keep(1, 5, 0);
  assertEquals([ledger.claim(2), ledger.begin(2), ledger.keep(2, undefined, 0)], [
    true,
    false,
    true,
  ]);
  records.flush();
  assertEquals(read, [[BEGINS, 1, 0], [1, 5], [DROPPED, 2, 0]]);
  assertEquals([ledger.claim(3), ledger.begin(3)], [true, true]);
});

Deno.test("PipeLedger.pause lets messages be read when runs have taken long", async () => {
  const { ledger, read } = withPipe();
  ledger.claim(1);
  ledger.begin(1);
  ledger.keep(1, 5, 0);
  ledger.noteTurn();
  assertEquals(ledger.pause, undefined);
  for (const end = performance.now() + 3; performance.now() < end;);
  const { pause } = ledger;
  // The results before are on their way meanwhile.
  assertEquals([pause instanceof Promise, read.at(-1)], [true, [1, 5]]);
  await pause;
  assertEquals(ledger.pause, undefined);
});
