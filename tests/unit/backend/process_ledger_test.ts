import { assertEquals } from "@std/assert";
import { ProcessLedger } from "../../../src/backend/process_ledger.ts";
import type { HostLedger } from "../../../src/wire/host_ledger.ts";
import { Ledger } from "../../../src/wire/ledger.ts";
import { mulberry32 } from "../../../soak/random.ts";

/** What host and worker do, and what the host asks. */
interface Operations {
  open(run: number): void;
  send(run: number): void;
  begin(run: number): boolean;
  end(run: number): void;
  abort(run: number): void;
  takeBack(last: number): number | undefined;
  openLoad(): void;
  beginLoad(): void;
  claimed(): number;
  ended(): number;
  hasEnded(run: number): boolean;
  isBegun(run: number): boolean;
  isKept(run: number): boolean;
  hasBegunLoad(): boolean;
}

function operationsOf(
  host: HostLedger,
  worker: Pick<Operations, "send" | "begin" | "end" | "beginLoad">,
): Operations {
  return {
    ...worker,
    open: (run) => host.open(run),
    abort: (run) => host.abort(run),
    takeBack: (last) => host.takeBack(last),
    openLoad: () => host.openLoad(),
    claimed: () => host.claimed,
    ended: () => host.ended,
    hasEnded: (run) => host.hasEnded(run),
    isBegun: (run) => host.isBegun(run),
    isKept: (run) => host.isKept(run),
    hasBegunLoad: () => host.hasBegunLoad,
  };
}

const forms: Record<string, () => Operations> = {
  Ledger() {
    const host = Ledger.shared();
    const worker = new Ledger(host.memory);
    return operationsOf(host, {
      send() {},
      begin: (run) => worker.claim(run) && worker.begin(run),
      end: (run) => worker.end(run, 1),
      beginLoad: () => worker.beginLoad(),
    });
  },
  ProcessLedger() {
    const ledger = new ProcessLedger();
    return operationsOf(ledger, {
      send: (run) => ledger.noteSent(run),
      begin: (run) => ledger.begin(run),
      end: (run) => ledger.end(run),
      beginLoad() {
        ledger.noteSentLoad("file:///tasks.ts");
        ledger.begin("file:///tasks.ts");
      },
    });
  },
};

type Step = [operation: keyof Operations, run?: number, returns?: unknown];

const [LAST, FIRST] = [2 ** 31 - 1, -(2 ** 31)];

/** What happens, step by step, and what each step returns. */
const table: Record<string, Step[]> = {
  "a run that begins and ends": [
    ["open", 1],
    ["send", 1],
    ["claimed", , 0],
    ["isBegun", 1, false],
    ["begin", 1, true],
    ["claimed", , 1],
    ["isBegun", 1, true],
    ["hasEnded", 1, false],
    ["end", 1],
    ["ended", , 1],
    ["hasEnded", 1, true],
    ["isBegun", 1, true],
    ["isKept", 1, false],
    ["open", 2],
    ["send", 2],
    ["hasEnded", 2, false],
    ["claimed", , 1],
    ["isBegun", 2, false],
  ],
  "a run that begins after an abort": [
    ["open", 1],
    ["send", 1],
    ["abort", 1],
    ["claimed", , 0],
    ["hasEnded", 1, false],
    ["begin", 1, true],
    ["claimed", , 1],
    ["end", 1],
    ["hasEnded", 1, true],
  ],
  "a run that begins before an abort": [
    ["open", 1],
    ["send", 1],
    ["begin", 1, true],
    ["abort", 1],
    ["claimed", , 1],
    ["isBegun", 1, true],
    ["hasEnded", 1, false],
    ["end", 1],
    ["hasEnded", 1, true],
  ],
  "a run that is taken back": [
    ["open", 1],
    ["send", 1],
    ["takeBack", 1, 0],
    ["begin", 1, false],
    ["isBegun", 1, false],
    ["takeBack", 1, 1],
  ],
  "a run that begins before the host takes runs back": [
    ["open", 1],
    ["send", 1],
    ["begin", 1, true],
    ["takeBack", 1, 1],
    ["isBegun", 1, true],
    ["end", 1],
    ["hasEnded", 1, true],
  ],
  "a run whose arguments were moved, so that only runs before are taken back": [
    ["open", 1],
    ["send", 1],
    ["begin", 1, true],
    ["end", 1],
    ["open", 2],
    ["send", 2],
    ["takeBack", 1, 1],
    ["claimed", , 1],
    ["begin", 2, true],
    ["takeBack", 1, 2],
    ["claimed", , 2],
  ],
  "a run whose number comes again, as the first could not be sent": [
    ["open", 1],
    ["open", 1],
    ["send", 1],
    ["claimed", , 0],
    ["begin", 1, true],
    ["end", 1],
    ["ended", , 1],
  ],
  "numbers that wrap around": [
    ["takeBack", LAST - 1, 0],
    ["open", LAST],
    ["send", LAST],
    ["begin", LAST, true],
    ["end", LAST],
    ["open", FIRST],
    ["send", FIRST],
    ["hasEnded", LAST, true],
    ["hasEnded", FIRST, false],
    ["claimed", , LAST],
    ["begin", FIRST, true],
    ["claimed", , FIRST],
    ["end", FIRST],
    ["hasEnded", LAST, true],
    ["hasEnded", FIRST, true],
  ],
  "loads": [
    ["hasBegunLoad", , false],
    ["openLoad"],
    ["hasBegunLoad", , false],
    ["beginLoad"],
    ["hasBegunLoad", , true],
    ["openLoad"],
    ["hasBegunLoad", , false],
    ["beginLoad"],
    ["hasBegunLoad", , true],
  ],
};

const operate = (ledger: Operations, operation: keyof Operations, run: number): unknown =>
  ledger[operation](run);

for (const [form, make] of Object.entries(forms)) {
  for (const [name, steps] of Object.entries(table)) {
    Deno.test(`${form} knows of ${name}`, () => {
      const ledger = make();
      for (const [index, [operation, run = 0, returns]] of steps.entries()) {
        const returned = operate(ledger, operation, run);
        assertEquals([index, operation, run, returned], [index, operation, run, returns]);
      }
    });
  }
}

Deno.test("Ledger and ProcessLedger say the same of a worker with one run at a time", () => {
  const random = mulberry32(1);
  const below = (end: number) => Math.floor(random() * end);
  for (let round = 0; round < 200; round++) {
    const ledgers = Object.values(forms).map((make) => make());
    let sent = 0, hasBegun = false, hasEnded = true;
    for (let step = 0; step < 50; step++) {
      const operation = (["send", "begin", "end", "abort", "takeBack"] as const)[below(5)]!;
      if (operation === "send" && !hasEnded || operation === "end" && hasEnded) continue;
      if (operation === "end" && !hasBegun) continue;
      if (operation === "begin" && hasBegun) continue;
      // Nothing is sent to a worker after runs were taken back: it is ended.
      if (operation === "takeBack" && step < 45) continue;
      if (operation === "send") {
        sent++;
        for (const ledger of ledgers) ledger.open(sent);
        [hasBegun, hasEnded] = [false, false];
      }
      const [one, other] = ledgers.map((ledger) => [
        operate(ledger, operation, sent),
        ledger.claimed(),
        ledger.ended(),
        ledger.hasEnded(sent),
        hasBegun && ledger.isBegun(sent),
      ]);
      assertEquals([round, step, operation, other], [round, step, operation, one]);
      if (operation === "begin") hasBegun = one![0] === true;
      if (operation === "end") hasEnded = true;
      if (operation === "takeBack") break;
    }
  }
});

/** A ledger whose process was sent a run and a module to load. */
function ledgerWith(run: number, url: string): ProcessLedger {
  const ledger = new ProcessLedger();
  ledger.open();
  ledger.noteSent(run);
  ledger.openLoad();
  ledger.noteSentLoad(url);
  return ledger;
}

Deno.test("ProcessLedger.begin() believes no process that begins what it was not sent", () => {
  const url = "file:///tasks.ts";
  const nonsense = [undefined, null, NaN, 1.5, -1, 0, 2, "", "1", "file:///other.ts", {}, [1], 1n];
  for (const what of nonsense) {
    const ledger = ledgerWith(1, url);
    assertEquals([what, ledger.begin(what)], [what, false]);
    assertEquals([ledger.claimed, ledger.isBegun(1), ledger.hasBegunLoad], [0, false, false]);
  }
  for (const what of [1, url, undefined]) {
    const ledger = new ProcessLedger();
    assertEquals([what, ledger.begin(what)], [what, false]);
  }
});

Deno.test("ProcessLedger.begin() lets a process begin only once what it was sent", () => {
  const url = "file:///tasks.ts";
  const ledger = ledgerWith(1, url);
  assertEquals([ledger.begin(1), ledger.begin(1)], [true, false]);
  assertEquals([ledger.begin(url), ledger.begin(url)], [true, false]);
  ledger.end(1);
  assertEquals(ledger.begin(1), false);
  // The same module again, as the first load has failed.
  ledger.openLoad();
  ledger.noteSentLoad(url);
  assertEquals([ledger.begin(url), ledger.begin(url)], [true, false]);
});

Deno.test("ProcessLedger.end() believes no process that ends what is not under way", () => {
  for (const run of [0, 1, 2, undefined, null, "1", NaN]) {
    const ledger = ledgerWith(1, "");
    ledger.end(run);
    assertEquals([run, ledger.ended], [run, 0]);
  }
  const ledger = ledgerWith(1, "");
  ledger.begin(1);
  for (const run of [0, 2, undefined, null, "1", NaN]) {
    ledger.end(run);
    assertEquals([run, ledger.ended], [run, 0]);
  }
  ledger.end(1);
  assertEquals(ledger.ended, 1);
});

Deno.test("ProcessLedger.drop() drops nothing, as a process begins whatever it was sent", () => {
  const ledger = ledgerWith(1, "");
  assertEquals([ledger.drop(), ledger.begin(1), ledger.drop()], [false, true, false]);
});

Deno.test("ProcessLedger.timeOf() is the time between the two messages of a run, the first of each", () => {
  const ledger = ledgerWith(1, "");
  const before = performance.now();
  ledger.begin(1);
  assertEquals(ledger.timeOf(1), 0);
  for (const end = performance.now() + 2; performance.now() < end;);
  ledger.end(1);
  const until = performance.now();
  for (const end = performance.now() + 2; performance.now() < end;);
  ledger.end(1);
  const took = ledger.timeOf(1);
  assertEquals([took >= 2, took <= until - before], [true, true]);
  ledger.noteSent(2);
  assertEquals(ledger.timeOf(2), 0);
});

Deno.test("ProcessLedger.isKept() tells a result that came in a record from any other", () => {
  const ledger = ledgerWith(2, "");
  ledger.begin(1);
  ledger.end(1);
  assertEquals([ledger.isKept(1), ledger.resultOf(1)], [false, undefined]);
  ledger.begin(2);
  ledger.time(2, 0.5);
  assertEquals(ledger.keep(2, null), true);
  assertEquals([ledger.isKept(2), ledger.resultOf(2), ledger.timeOf(2)], [true, null, 0.5]);
});

Deno.test("ProcessLedger.keep() believes no result of a run that is not under way", () => {
  const ledger = ledgerWith(3, "");
  assertEquals(ledger.keep(1, 5), false);
  ledger.begin(1);
  assertEquals([ledger.keep(2, 5), ledger.keep(1, 5), ledger.keep(1, 6)], [false, true, false]);
  assertEquals([ledger.resultOf(1), ledger.ended, ledger.claimed], [5, 1, 1]);
});

Deno.test("ProcessLedger.begin() begins runs that were sent together in their order", () => {
  const ledger = ledgerWith(3, "");
  const begun = [2, 1, 1, 3, 2, 4, 3, 4].map((run) => ledger.begin(run));
  assertEquals(begun, [false, true, false, false, true, false, true, false]);
});
