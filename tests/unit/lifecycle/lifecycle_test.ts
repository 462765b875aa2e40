import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { ShutdownError, WorkerStartError } from "../../../src/api/errors.ts";
import { Lifecycle, type Startable, type State } from "../../../src/lifecycle/lifecycle.ts";
import { settled } from "../settled.ts";

/** A pool that opens, drains and is gone when the test says so, and writes down each call. */
class FakePool implements Startable {
  readonly calls: string[] = [];
  opening: PromiseWithResolvers<void> | undefined;
  draining: PromiseWithResolvers<void> | undefined;
  /** Blocks `gone()`, if set. */
  ending: PromiseWithResolvers<void> | undefined;

  open(): Promise<void> {
    this.calls.push("open");
    this.opening = Promise.withResolvers();
    return this.opening.promise;
  }

  drained(): Promise<void> {
    this.calls.push("drained");
    this.draining = Promise.withResolvers();
    return this.draining.promise;
  }

  cancelQueued(makeReason: () => unknown): void {
    this.calls.push(`cancelQueued: ${(makeReason() as Error).message}`);
  }

  terminate(patient = false): void {
    this.calls.push(patient ? "terminate patiently" : "terminate");
    this.opening?.reject(new ShutdownError("The pool was terminated"));
    this.draining?.resolve();
  }

  async gone(): Promise<void> {
    this.calls.push("gone");
    await this.ending?.promise;
  }
}

const PATIENT = { wait: true, cancelQueued: false, timeout: Infinity };

/** A lifecycle of one pool, and what a test does with the two. */
class Bench {
  readonly pool = new FakePool();
  readonly lifecycle = new Lifecycle([this.pool]);
  /** How the calls of `startup()` and `shutdown()` have ended, in order. */
  readonly ends: string[] = [];

  #watch(name: string, call: Promise<void>): void {
    call.then(
      () => this.ends.push(`${name} resolved`),
      ({ message }) => this.ends.push(`${name} rejected: ${message}`),
    );
  }

  async do(event: Event): Promise<void> {
    switch (event) {
      case "startup":
        this.#watch("startup", this.lifecycle.startup());
        break;
      case "opened":
        this.pool.opening?.resolve();
        break;
      case "open fails":
        this.pool.opening?.reject(new WorkerStartError("No worker starts"));
        break;
      case "shutdown":
        this.#watch("shutdown", this.lifecycle.shutdown(PATIENT));
        break;
      case "drained":
        this.pool.draining?.resolve();
        break;
      case "terminate":
        this.lifecycle.terminate();
        break;
    }
    await settled();
  }
}

type Event = "startup" | "opened" | "open fails" | "shutdown" | "drained" | "terminate";

/** How a lifecycle comes into each state. */
const WAYS: Record<State, readonly Event[]> = {
  stopped: [],
  starting: ["startup"],
  running: ["startup", "opened"],
  stopping: ["startup", "opened", "shutdown"],
  restarting: ["startup", "opened", "shutdown", "startup"],
};

/** What each event makes of each state, and how the calls end meanwhile. */
const TRANSITIONS: readonly [from: State, event: Event, to: State, ...ends: string[]][] = [
  ["stopped", "startup", "starting"],
  ["stopped", "shutdown", "stopped", "shutdown resolved"],
  ["stopped", "terminate", "stopped"],
  ["starting", "startup", "starting"],
  ["starting", "opened", "running", "startup resolved"],
  ["starting", "open fails", "stopped", "startup rejected: No worker starts"],
  [
    "starting",
    "shutdown",
    "stopped",
    "startup rejected: The pool was terminated",
    "shutdown resolved",
  ],
  ["starting", "terminate", "stopped", "startup rejected: The pool was terminated"],
  ["running", "startup", "running", "startup resolved"],
  ["running", "shutdown", "stopping"],
  ["running", "terminate", "stopped"],
  ["stopping", "startup", "restarting"],
  ["stopping", "shutdown", "stopping"],
  ["stopping", "drained", "stopped", "shutdown resolved"],
  ["stopping", "terminate", "stopped", "shutdown resolved"],
  ["restarting", "startup", "restarting"],
  ["restarting", "drained", "starting", "shutdown resolved"],
  ["restarting", "shutdown", "stopping"],
  [
    "restarting",
    "terminate",
    "stopped",
    "shutdown resolved",
    "startup rejected: The executor was shut down while it started",
  ],
];

for (const [from, event, to, ...ends] of TRANSITIONS) {
  Deno.test(`Lifecycle: ${from}, then ${event}: ${to}`, async () => {
    const bench = new Bench();
    for (const step of WAYS[from]) await bench.do(step);
    assertEquals(bench.lifecycle.state, from);
    bench.ends.length = 0;
    await bench.do(event);
    assertEquals(bench.lifecycle.state, to);
    assertEquals(bench.lifecycle.isRunning, to === "running");
    assertEquals(bench.ends.toSorted(), ends.toSorted());
  });
}

Deno.test("Lifecycle comes to a state for each event that can happen in the state", () => {
  const seen = new Set(TRANSITIONS.map(([from, event]) => `${from} ${event}`));
  const calls: readonly Event[] = ["startup", "shutdown", "terminate"];
  const missing = Object.keys(WAYS).flatMap((state) =>
    calls.map((call) => `${state} ${call}`).filter((pair) => !seen.has(pair))
  );
  assertEquals([missing, seen.size], [[], TRANSITIONS.length]);
});

Deno.test("Lifecycle.startup() returns the startup that is under way", async () => {
  const { lifecycle, pool } = new Bench();
  const first = lifecycle.startup();
  assertStrictEquals(lifecycle.startup(), first);
  await settled();
  pool.opening?.resolve();
  await first;
  assertEquals(pool.calls, ["open"]);
});

Deno.test("Lifecycle.startup() that fails ends what has started, and can be tried again", async () => {
  const bench = new Bench();
  const { lifecycle, pool } = bench;
  pool.ending = Promise.withResolvers();
  await bench.do("startup");
  await bench.do("open fails");
  // Until the workers are gone the startup is under way.
  assertEquals([lifecycle.state, bench.ends], ["starting", []]);
  pool.ending.resolve();
  await settled();
  assertEquals([lifecycle.state, bench.ends], ["stopped", ["startup rejected: No worker starts"]]);
  assertEquals(pool.calls, ["open", "terminate", "gone"]);
  await bench.do("startup");
  await bench.do("opened");
  assertEquals(lifecycle.state, "running");
});

Deno.test("Lifecycle.startup() rejects if a pool opens in spite of terminate()", async () => {
  const bench = new Bench();
  // Such a pool has nothing to start that fails.
  bench.pool.terminate = () => bench.pool.calls.push("terminate");
  await bench.do("startup");
  await bench.do("terminate");
  assertEquals(bench.lifecycle.state, "stopping");
  await bench.do("opened");
  assertEquals(bench.lifecycle.state, "stopped");
  assertEquals(bench.ends, ["startup rejected: The executor was shut down while it started"]);
  assertEquals(bench.pool.calls, ["open", "terminate", "terminate", "gone"]);
});

Deno.test("Lifecycle.startup() after terminate() during another one opens when that has ended", async () => {
  const bench = new Bench();
  const { lifecycle, pool } = bench;
  pool.ending = Promise.withResolvers();
  await bench.do("startup");
  await bench.do("terminate");
  await bench.do("startup");
  assertEquals([lifecycle.state, bench.ends], ["restarting", []]);
  pool.ending.resolve();
  await settled();
  assertEquals(lifecycle.state, "starting");
  await bench.do("opened");
  assertEquals(lifecycle.state, "running");
  assertEquals(bench.ends, ["startup rejected: The pool was terminated", "startup resolved"]);
  assertEquals(pool.calls, ["open", "terminate", "terminate", "gone", "open"]);
});

Deno.test("Lifecycle.startup() that waits and is terminated opens nothing; the next one waits, too", async () => {
  const bench = new Bench();
  const { lifecycle, pool } = bench;
  for (const step of WAYS.restarting) await bench.do(step);
  pool.ending = Promise.withResolvers();
  pool.calls.length = 0;
  await bench.do("terminate");
  await bench.do("startup");
  assertEquals(lifecycle.state, "restarting");
  pool.ending.resolve();
  await settled();
  assertEquals(lifecycle.state, "starting");
  assertEquals(pool.calls.filter((call) => call === "open"), ["open"]);
  await bench.do("opened");
  assertEquals(lifecycle.state, "running");
  // What ended before does not change the state later.
  await settled();
  assertEquals(lifecycle.state, "running");
});

Deno.test("Lifecycle.startup() waits for a terminated one, not only for the shutdown before", async () => {
  const bench = new Bench();
  const { lifecycle, pool } = bench;
  for (const step of WAYS.restarting) await bench.do(step);
  const secondEnd = Promise.withResolvers<void>();
  let ends = 0;
  pool.gone = () => ++ends === 1 ? Promise.resolve() : secondEnd.promise;
  await bench.do("terminate");
  // The shutdown has ended, the terminated startup has not.
  assertEquals([lifecycle.state, ends], ["stopping", 2]);
  await bench.do("startup");
  assertEquals(lifecycle.state, "restarting");
  secondEnd.resolve();
  await settled();
  assertEquals(lifecycle.state, "starting");
});

Deno.test("Lifecycle.shutdown() during a startup that waits lets accepted tasks finish", async () => {
  const bench = new Bench();
  for (const step of WAYS.restarting) await bench.do(step);
  bench.pool.calls.length = 0;
  await bench.do("shutdown");
  assertEquals([bench.lifecycle.state, bench.pool.calls], ["stopping", []]);
  bench.ends.length = 0;
  await bench.do("drained");
  assertEquals(bench.lifecycle.state, "stopped");
  assertEquals(bench.pool.calls.slice(0, 2), ["terminate patiently", "gone"]);
  assertEquals(bench.ends.toSorted(), [
    "shutdown resolved",
    "shutdown resolved",
    "startup rejected: The executor was shut down while it started",
  ]);
});

Deno.test("Lifecycle.shutdown() during startup() waits for its workers' ends", async () => {
  const bench = new Bench();
  bench.pool.ending = Promise.withResolvers();
  await bench.do("startup");
  await bench.do("shutdown");
  assertEquals([bench.lifecycle.state, bench.ends], ["stopping", []]);
  bench.pool.ending.resolve();
  await settled();
  assertEquals(bench.ends, ["startup rejected: The pool was terminated", "shutdown resolved"]);
});

Deno.test("Lifecycle.terminate() leaves the rejection of a startup to its caller", async () => {
  const { lifecycle } = new Bench();
  const unhandled = Promise.withResolvers<unknown>();
  const listener = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    unhandled.resolve(event.reason);
  };
  addEventListener("unhandledrejection", listener);
  lifecycle.startup();
  await settled();
  lifecycle.terminate();
  assertEquals(await unhandled.promise instanceof ShutdownError, true);
  removeEventListener("unhandledrejection", listener);
});

Deno.test("Lifecycle.shutdown() drains, ends the workers, and waits for their ends", async () => {
  const bench = new Bench();
  for (const step of WAYS.stopping) await bench.do(step);
  bench.pool.ending = Promise.withResolvers();
  await bench.do("drained");
  assertEquals(bench.lifecycle.state, "stopping");
  bench.pool.ending.resolve();
  await settled();
  assertEquals(bench.lifecycle.state, "stopped");
  assertEquals(bench.pool.calls, ["open", "drained", "terminate patiently", "gone"]);
});

Deno.test("Lifecycle.shutdown() waits for workers that terminate() has ended", async () => {
  const bench = new Bench();
  for (const step of WAYS.running) await bench.do(step);
  bench.pool.ending = Promise.withResolvers();
  await bench.do("terminate");
  await bench.do("shutdown");
  assertEquals([bench.lifecycle.state, bench.ends], ["stopped", ["startup resolved"]]);
  bench.pool.ending.resolve();
  await settled();
  assertEquals(bench.ends, ["startup resolved", "shutdown resolved"]);
});

Deno.test("Lifecycle.shutdown({ wait: false }) resolves at once", async () => {
  const bench = new Bench();
  for (const step of WAYS.running) await bench.do(step);
  await bench.lifecycle.shutdown({ ...PATIENT, wait: false });
  assertEquals(bench.lifecycle.state, "stopping");
});

Deno.test("Lifecycle.shutdown() of a later call may be less patient", async () => {
  using time = new FakeTime();
  const bench = new Bench();
  const { lifecycle, pool } = bench;
  for (const step of WAYS.stopping) await bench.do(step);
  pool.calls.length = 0;
  const cancelling = lifecycle.shutdown({ ...PATIENT, cancelQueued: true });
  assertEquals(pool.calls, ["cancelQueued: The executor was shut down before the task began"]);
  const hurried = lifecycle.shutdown({ ...PATIENT, wait: false, timeout: 100 });
  await hurried;
  time.tick(99);
  await settled();
  assertEquals([lifecycle.state, pool.calls.length], ["stopping", 1]);
  time.tick(1);
  await settled();
  await cancelling;
  assertEquals(lifecycle.state, "stopped");
  assertEquals(pool.calls.slice(1), ["terminate", "terminate patiently", "gone"]);
});

Deno.test("Lifecycle.shutdown({ timeout }) of an end that was in time terminates nothing", async () => {
  using time = new FakeTime();
  const bench = new Bench();
  const { lifecycle, pool } = bench;
  for (const step of WAYS.running) await bench.do(step);
  const ended = lifecycle.shutdown({ ...PATIENT, timeout: 100 });
  await bench.do("drained");
  await ended;
  await bench.do("startup");
  pool.calls.length = 0;
  time.tick(200);
  await settled();
  assertEquals([lifecycle.state, pool.calls], ["starting", []]);
});

Deno.test("Lifecycle rejects with the error of a pool that does not open, and ends all pools", async () => {
  const pools = [new FakePool(), new FakePool()];
  const lifecycle = new Lifecycle(pools);
  const started = lifecycle.startup();
  await settled();
  pools[0]!.opening?.resolve();
  pools[1]!.opening?.reject(new WorkerStartError("No worker starts"));
  await assertRejects(() => started, WorkerStartError, "No worker starts");
  assertEquals(pools.map(({ calls }) => calls.join()), [
    "open,terminate,gone",
    "open,terminate,gone",
  ]);
});

Deno.test("Lifecycle.shutdown({ timeout }) ends in time, though a later shutdown is patient", async () => {
  const bench = new Bench();
  await bench.do("startup");
  await bench.do("opened");
  const first = bench.lifecycle.shutdown({ ...PATIENT, timeout: 20 });
  const startup = assertRejects(() => bench.lifecycle.startup(), ShutdownError);
  const second = bench.lifecycle.shutdown(PATIENT);
  // Nothing else ends the pool.
  await Promise.all([first, startup, second]);
  assertEquals(bench.pool.calls.includes("terminate"), true);
  assertEquals(bench.lifecycle.state, "stopped");
});
