/**
 * Drives an executor with a mixed load for a while, and checks that each task settles once and
 * as it should, that nothing is left behind, and that memory does not grow.
 *
 *     deno task soak [--seconds 60] [--seed 1] [--isolation worker|process]
 *
 * What it does is drawn from a seeded generator; the machine's timing is not.
 */

import { isDeepStrictEqual, parseArgs } from "node:util";
import { Executor, type ShutdownOptions, tasksFrom, transfer } from "../mod.ts";
import { mulberry32 } from "./random.ts";

const tasks = tasksFrom(import.meta, () => import("./tasks.ts"));

const { values: options } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string" },
    isolation: { type: "string", default: "worker" },
  },
});
const seconds = Number(options.seconds);
const seed = Number(options.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const isolation = options.isolation === "process" ? "process" : "worker";
console.log(`seed ${seed}, ${seconds} s, isolation "${isolation}"`);

const random = mulberry32(seed);
/** An integer from 0 to below `end`. */
const below = (end: number) => Math.floor(random() * end);

/** How often each task ran, of those that can say so; by id, modulo its length. */
const runs = isolation === "worker"
  ? new Int32Array(new SharedArrayBuffer(4 * 1_048_576))
  : undefined;

/** What a task may come to: a value, or an error by its name; any other way is wrong. */
interface Expectation {
  value?: unknown;
  errors?: readonly string[];
  /** Whether it must run once if it succeeds, and not more often in any case. */
  counted?: boolean;
}

type Call = [result: Promise<unknown>, expected: Expectation];

/** The kinds of tasks, each with how many of a hundred are of it. */
const kinds: Record<string, [share: number, call: (executor: Executor, id: number) => Call]> = {
  "short": [30, (executor, id) => [executor.runCpu(tasks.short, id), { value: id + 1 }]],
  "object": [14, (executor, id) => {
    const value = { id, list: [id, String(id)], nested: new Map([[id, { id }]]) };
    return [executor.runCpu(tasks.echo, value), { value }];
  }],
  // Several of these travel together, of the others none.
  "record": [10, (executor, id) => {
    const value = { id, list: [id, { id: String(id) }] };
    return [executor.runCpu(tasks.same, value), { value }];
  }],
  "counted": [16, (executor, id) => [
    executor.runBlocking(tasks.counted, id, runs),
    { value: id, counted: true },
  ]],
  "computing": [6, (executor, id) => [
    executor.runCpu(tasks.compute, id, below(10), runs),
    { value: id, counted: true },
  ]],
  "waiting": [10, (executor, id) => [
    executor.runBlocking(tasks.wait, id, below(50), runs),
    { value: id, counted: true },
  ]],
  "of a tenant": [1, (executor) => {
    const tenant = `tenant ${below(5)}`;
    const runner = executor.with({ tenant });
    const result = below(2) === 0
      ? runner.runCpu(tasks.visit, tenant)
      : runner.runBlocking(tasks.visit, tenant);
    // No worker has run a task of anybody else.
    return [result, { value: [tenant] }];
  }],
  "failing": [8, (executor, id) => [
    below(2) === 0 ? executor.runCpu(tasks.fail, id) : executor.runBlocking(tasks.fail, id),
    { errors: [`RangeError: task ${id}`] },
  ]],
  "crashing": [1, (executor) => [
    below(2) === 0
      ? executor.runCpu(tasks.crash, below(4))
      : executor.runBlocking(tasks.crash, below(4)),
    { errors: ["WorkerCrashedError"] },
  ]],
  "cancelled": [6, (executor, id) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(new EvalError("cancelled")), below(40));
    const runner = executor.with({ signal: controller.signal });
    const result = runner.runBlocking(tasks.wait, id, below(60), runs);
    return [result, { value: id, errors: ["EvalError"], counted: true }];
  }],
  "timed out": [4, (executor, id) => [
    executor.with({ timeout: 1 + below(30) }).runBlocking(tasks.wait, id, below(60), runs),
    { value: id, errors: ["TimeoutError"], counted: true },
  ]],
  "stuck": [0.3, (executor, id) => [
    executor.with({ timeout: 1 + below(30) }).runCpu(tasks.compute, id, 200 + below(200), runs),
    { value: id, errors: ["TimeoutError"], counted: true },
  ]],
  "uncloneable": [3, (executor) => [
    below(2) === 0 ? executor.runCpu(tasks.uncloneable) : executor.runCpu(tasks.echo, () => {}),
    { errors: ["NotCloneableError"] },
  ]],
  "oversized": [0.2, (executor) => {
    const bytes = new Uint8Array(1_000_000 * (1 + below(10)));
    return [executor.runCpu(tasks.echo, bytes).then((copy) => (copy as Uint8Array).length), {
      value: bytes.length,
    }];
  }],
  "moved": [1.5, (executor) => {
    const bytes = new Uint8Array(1_000 * (1 + below(100)));
    const { length } = bytes;
    const moved = transfer(bytes, [bytes.buffer]);
    return [executor.runCpu(tasks.echo, moved).then((copy) => (copy as Uint8Array).length), {
      value: length,
      // What a worker was sent ahead and cannot be taken back is lost with it.
      errors: ["WorkerCrashedError: The worker died with what was moved to it"],
    }];
  }],
};

const all = Object.entries(kinds);
const total = all.reduce((sum, [, [share]]) => sum + share, 0);

function drawKind(): string {
  let at = random() * total;
  for (const [name, [share]] of all) if ((at -= share) < 0) return name;
  return "short";
}

/** Odd while the executor ends and starts again: what that falls into may be dropped. */
let epoch = 0;
const DROPPED = /^(Shutdown|NotStarted)Error$/;

let submitted = 0;
let settled = 0;
let ranTwice = 0;
/** How often each came to be: successes, and errors by their names. */
const outcomes: Record<string, number> = {};
/** What came of tasks that ought to have come to something else. */
const wrong: string[] = [];

/** Submits a task of some kind, and resolves when it has settled and was checked. */
async function submit(executor: Executor): Promise<void> {
  const id = submitted++;
  if (runs !== undefined) Atomics.store(runs, id % runs.length, 0);
  const kind = drawKind();
  const begun = epoch;
  const [result, { value, errors = [], counted = false }] = kinds[kind]![1](executor, id);
  const { outcome, right } = await result.then(
    (actual) => ({ outcome: "success", right: isDeepStrictEqual(actual, value) }),
    (error: Error) => ({
      outcome: error.name,
      right: errors.some((expected) => `${error.name}: ${error.message}`.startsWith(expected)) ||
        DROPPED.test(error.name) && (begun !== epoch || begun % 2 === 1),
    }),
  );
  settled++;
  outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  if (!right) wrong.push(`task ${id}, ${kind}: ${outcome}`);
  if (counted && runs !== undefined) {
    const times = Atomics.load(runs, id % runs.length);
    if (times > 1 || outcome === "success" && times === 0) ranTwice++;
  }
}

/** Ends the executor in one of the ways there are, and starts it again. */
async function restart(executor: Executor): Promise<void> {
  epoch++;
  const ways: ShutdownOptions[] = [
    {},
    { cancelQueued: true },
    { timeout: below(100) },
    { cancelQueued: true, timeout: below(100) },
  ];
  const way = ways[below(ways.length + 1)];
  if (way === undefined) executor.terminate();
  else await executor.shutdown(way);
  await executor.startup();
  epoch++;
}

/** MB of the heap in use, and of all memory, when what is not in use was collected. */
function memory(): { heap: number; rss: number } {
  (globalThis as { gc?: () => void }).gc?.();
  const { heapUsed, rss } = Deno.memoryUsage();
  return { heap: heapUsed / 1e6, rss: rss / 1e6 };
}

/** How many threads this process has, and how many children; `undefined` where only Linux tells. */
function leftovers(): { threads: number; children: number } | undefined {
  if (Deno.build.os !== "linux") return undefined;
  const [, threads] = /Threads:\s+(\d+)/.exec(Deno.readTextFileSync("/proc/self/status"))!;
  let children = 0;
  for (const { name } of Deno.readDirSync("/proc/self/task")) children += childrenOf(name);
  return { threads: Number(threads), children };
}

function childrenOf(thread: string): number {
  try {
    const pids = Deno.readTextFileSync(`/proc/self/task/${thread}/children`);
    return pids.split(" ").filter(Boolean).length;
  } catch {
    // One that has just ended has none; of one that goes on, this system does not tell.
    return [...Deno.readDirSync("/proc/self/task")].some(({ name }) => name === thread) ? NaN : 0;
  }
}

/** What the report says where this system does not tell. */
const NOT_COUNTED = "not counted: this system does not tell";

/** How many threads there are more than before; 0 where this system does not tell. */
function threadsLeft(): number {
  return Math.max(0, (leftovers()?.threads ?? 0) - (before?.threads ?? 0));
}

const executor = new Executor({
  blocking: { isolation, maxWorkers: 6, idleTimeout: 500, permissions: "inherit" },
  cpu: { isolation, minWorkers: 1, maxWorkers: 2, idleTimeout: 1_000 },
});
await executor.startup();
await executor.shutdown();
const before = leftovers();
await executor.startup();

const deadline = performance.now() + seconds * 1_000;
const inFlight = new Set<Promise<void>>();
const samples: { heap: number; rss: number }[] = [];
let restarts = 0;
let nextRestart = performance.now() + 3_000;
let nextSample = performance.now() + Math.min(5_000, seconds * 100);
while (performance.now() < deadline) {
  for (let burst = below(200); burst > 0; burst--) {
    const task = submit(executor);
    inFlight.add(task);
    task.then(() => inFlight.delete(task));
  }
  // Now and then all that is under way comes to an end, mostly it does not.
  if (below(20) === 0) await Promise.all(inFlight);
  while (inFlight.size > 2_000) await Promise.race(inFlight);
  await new Promise((resolve) => setTimeout(resolve, below(20)));
  if (performance.now() > nextRestart) {
    await restart(executor);
    restarts++;
    nextRestart = performance.now() + 2_000 + below(4_000);
  }
  if (performance.now() > nextSample) {
    // What is under way has its arguments, some of which are large.
    await Promise.all(inFlight);
    samples.push(memory());
    nextSample += Math.max(1_000, seconds * 50);
    progress();
  }
}
await within(30_000, Promise.all(inFlight));
await executor.shutdown({ timeout: 5_000 });
samples.push(memory());
// Threads of tasks that nobody could stop end when these return.
const patience = performance.now() + 10_000;
while (threadsLeft() > 0 && performance.now() < patience) {
  await new Promise((resolve) => setTimeout(resolve, 50));
}
const after = leftovers();
progress();

const { blocking, cpu } = executor.stats();
const middle = samples[samples.length >> 1]!;
const [start, end] = [samples[0]!, samples.at(-1)!];
const lost = submitted - settled;
const grown = end.heap - middle.heap;
const report: Record<string, unknown> = {
  "tasks run": submitted,
  ...outcomes,
  "workers that crashed": blocking.crashed + cpu.crashed,
  "restarts": restarts,
  "tasks lost": lost,
  "tasks that came out wrong": wrong.length,
  "tasks that ran more than once": runs === undefined ? "not counted" : ranTwice,
  "heap at the start, in the middle, at the end, MB": three((sample) => sample.heap),
  "memory at the start, in the middle, at the end, MB": three((sample) => sample.rss),
  "threads left": after === undefined ? NOT_COUNTED : threadsLeft(),
  "child processes left": after === undefined || Number.isNaN(after.children)
    ? NOT_COUNTED
    : after.children,
};
for (const [what, figure] of Object.entries(report)) console.log(`${what}: ${figure}`);
for (const line of wrong.slice(0, 10)) console.error(line);

function three(pick: (sample: { heap: number; rss: number }) => number): string {
  return [start, middle, end].map((sample) => pick(sample).toFixed(0)).join(", ");
}

const failures = Object.entries({
  "tasks were lost": lost > 0,
  "tasks came out wrong": wrong.length > 0,
  "tasks ran more than once": ranTwice > 0,
  "memory grows": grown > 10 && end.heap > 1.2 * middle.heap,
  "threads are left": threadsLeft() > 0,
  "child processes are left": after !== undefined && after.children > 0,
}).flatMap(([what, is]) => is ? [what] : []);
console.log(failures.length === 0 ? "sound" : failures.join(", "));
Deno.exit(failures.length === 0 ? 0 : 1);

async function within(ms: number, done: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, ms);
  await Promise.race([done, late.promise]);
  clearTimeout(timer);
}

function progress(): void {
  if (!Deno.stderr.isTerminal()) return;
  const left = Math.max(0, deadline - performance.now()) / 1_000;
  const text = `\r\x1b[K${settled} tasks settled, ${wrong.length} wrong, ${
    left.toFixed(0)
  } s to go`;
  Deno.stderr.writeSync(new TextEncoder().encode(left > 0 ? text : "\r\x1b[K"));
}
