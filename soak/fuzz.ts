/**
 * Sends an executor what no worker sends, from workers and processes that have been taken over, and
 * checks that the program goes on: no error is uncaught, the event loop is never held up, each call
 * settles, honest tasks get what is theirs, and the pool is at its strength again in the end.
 *
 *     deno task fuzz [--seconds 60] [--seed 1] [--isolation worker|process]
 *
 * Without an isolation, each of the two gets half of the time.
 */

import { parseArgs } from "node:util";
import { Executor, tasksFrom } from "../mod.ts";
import { mulberry32 } from "./random.ts";

const tasks = tasksFrom(import.meta, () => import("./fuzz_tasks.ts"));
const workerUrl = import.meta.resolve("../tests/fixtures/raw_worker.ts");

/** How long, in ms, the event loop may be held up: generous, as all cores are busy. */
const MAX_STALL_MS = 2_000;
/** How long, in ms, a call may take that a hostile worker does not answer. */
const MAX_CALL_MS = 30_000;
/** The time limit, in ms, of an honest call that may share a worker with an attack. */
const HONEST_TIMEOUT_MS = 5_000;
/** How long, in ms, an attack may take before its caller gives up. */
const ATTACK_TIMEOUT_MS = 300;
/** How many calls of each kind go on at a time. */
const ATTACKS = 2, HONEST = 3;

const { values: options } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string" },
    isolation: { type: "string" },
  },
});
const seconds = Number(options.seconds);
const seed = Number(options.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const isolations = options.isolation === undefined
  ? ["worker", "process"] as const
  : [options.isolation as "worker" | "process"];
console.log(`seed ${seed}, ${seconds} s, ${isolations.join(" and ")}`);

const problems: string[] = [];
const fail = (problem: string) => {
  problems.push(problem);
  console.error(problem);
};
for (const type of ["error", "unhandledrejection"] as const) {
  addEventListener(type, (event) => {
    event.preventDefault();
    fail(`${type}: ${Deno.inspect("reason" in event ? event.reason : event.error)}`);
  });
}

let last = performance.now();
let worst = 0;
setInterval(() => {
  const now = performance.now();
  worst = Math.max(worst, now - last);
  if (now - last > MAX_STALL_MS) fail(`The event loop was held up for ${now - last} ms`);
  last = now;
}, 10);

/** The outcome of a call; a problem if there is none. */
async function settled(
  what: string,
  call: Promise<unknown>,
): Promise<PromiseSettledResult<unknown>> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    fail(`${what} has not settled after ${MAX_CALL_MS} ms`);
    late.reject();
  }, MAX_CALL_MS);
  const [outcome] = await Promise.allSettled([Promise.race([call, late.promise])]);
  clearTimeout(timer);
  return outcome!;
}

/** An honest call, and whether its outcome is the right one. */
type Honest = [
  call: Promise<unknown>,
  isRight: (outcome: PromiseSettledResult<unknown>) => boolean,
];

type Run = Executor["runCpu"];

function honestCall(run: Run, n: number): Honest {
  if (n % 5 === 4) {
    return [
      run(tasks.fail, `${n}`),
      (outcome) =>
        outcome.status === "rejected" && outcome.reason instanceof RangeError &&
        outcome.reason.message === `${n}`,
    ];
  }
  return [run(tasks.honest, n, `text ${n}`), (outcome) => {
    const value = outcome.status === "fulfilled" ? outcome.value as Record<string, unknown> : {};
    return value?.sum === n * (n + 1) / 2 && value?.text === `TEXT ${n}`;
  }];
}

async function fuzz(isolation: "worker" | "process", ms: number): Promise<void> {
  const random = mulberry32(seed);
  const below = (end: number) => Math.floor(random() * end);
  const pool = { isolation, maxWorkers: 3 };
  const executor = await Executor.start({
    workerUrl,
    cpu: pool,
    // No attack runs here.
    blocking: { ...pool, permissions: "none" },
  });
  // Beside an attack in the same worker nothing is guaranteed, but that a time limit ends the call.
  const { runCpu } = executor.with({ timeout: HONEST_TIMEOUT_MS });
  const runBlocking = executor.runBlocking.bind(executor) as Run;
  const outcomes = new Map<string, number>();
  const count = (outcome: string) => outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  const end = performance.now() + ms;

  const attack = async () => {
    while (performance.now() < end) {
      const runner = executor.with({ timeout: ATTACK_TIMEOUT_MS, onProgress: () => {} });
      const outcome = await settled(
        "An attack",
        runner.runCpu(tasks.attack, below(2 ** 32), below(100)),
      );
      count(nameOf(outcome));
    }
  };
  const beHonest = async (run: Run, isSafe: boolean) => {
    for (let n = below(1_000); performance.now() < end; n++) {
      const [call, isRight] = honestCall(run, n);
      const outcome = await settled("An honest call", call);
      const right = isRight(outcome);
      if (isSafe && !right) fail(`An honest call got ${Deno.inspect(outcome)}`);
      // Beside an attack, a worker may have been taken over that was idle.
      count(right ? "right" : `beside an attack: ${nameOf(outcome)}`);
      await new Promise((resolve) => setTimeout(resolve, below(5)));
    }
  };
  await Promise.all([
    ...Array.from({ length: ATTACKS }, attack),
    ...Array.from({ length: HONEST }, () => beHonest(runCpu, false)),
    ...Array.from({ length: HONEST }, () => beHonest(runBlocking, true)),
  ]);

  // Workers that were taken over may still be there, and are found out or given up.
  const deadline = performance.now() + MAX_CALL_MS;
  for (let right = 0; right < 20;) {
    const [call, isRight] = honestCall(runCpu, right);
    right = isRight(await settled("A last call", call)) ? right + 1 : 0;
    if (performance.now() > deadline) {
      fail("The pool does not recover");
      break;
    }
  }
  let stats = executor.stats().cpu;
  while (stats.busy + stats.queued + stats.stuck > 0 && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    stats = executor.stats().cpu;
  }
  const { workers, busy, queued, stuck, crashed } = stats;
  if (busy + queued + stuck > 0 || workers > 3 || workers < 1) {
    fail(`The pool is not at its strength: ${Deno.inspect(stats)}`);
  }
  if (executor.stats().blocking.crashed > 0) fail("A worker without attacks has crashed");
  await settled("The shutdown", executor.shutdown());
  const list = [...outcomes].map(([name, times]) => `${times} ${name}`).join(", ");
  console.log(`${isolation}: ${list}; ${crashed} crashed; worst stall ${Math.round(worst)} ms`);
}

function nameOf(outcome: PromiseSettledResult<unknown>): string {
  if (outcome.status === "fulfilled") return "a value";
  const { reason } = outcome;
  return reason instanceof Error || reason instanceof DOMException
    ? reason.constructor.name === "DOMException" ? "DOMException" : reason.constructor.name
    : typeof reason;
}

for (const isolation of isolations) {
  worst = 0;
  await fuzz(isolation, seconds * 1_000 / isolations.length);
}
console.log(problems.length === 0 ? "ok" : `${problems.length} problems, with seed ${seed}`);
Deno.exit(problems.length === 0 ? 0 : 1);
