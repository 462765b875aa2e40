/** Plain calls: the rows of the README. */

import type { Contender, Start } from "../contenders/contender.ts";
import { pageFaults, peakMemory } from "../measuring/memory.ts";
import { median, warmUp } from "../measuring/rates.ts";
import { StallMeter } from "../measuring/stall.ts";
import { middle } from "../measuring/statistics.ts";
import { compute } from "../tasks.ts";
import type { Group, Workload } from "./workload.ts";

const WORKERS = 2;

const now = () => performance.now();

/** Tasks a second, when all are submitted at once. */
function throughput(
  prepare: () => unknown[],
  call: (contender: Contender, arg: never) => Promise<unknown>,
): Workload["measure"] {
  return async (open, _raw, quick) => {
    const contender = await (await open())(WORKERS);
    await warmUp(contender);
    const value = await median(async () => {
      const args = prepare();
      const begun = now();
      const results = await Promise.all(args.map((arg) => call(contender, arg as never)));
      const ms = now() - begun;
      if (results.length !== args.length) throw new Error("results are missing");
      return { figure: args.length / ms * 1_000, ms };
    }, quick);
    await contender.end();
    return { value };
  };
}

/**
 * The same for megabytes, with the state of the memory: nobody reads or writes the bytes, so that
 * the system gives a page of memory only where a contender copies or clears bytes.
 */
function throughputOfBytes(
  count: number,
  call: (contender: Contender, bytes: Uint8Array<ArrayBuffer>) => Promise<unknown>,
): Workload["measure"] {
  return async (open, openRaw, quick) => {
    let tasks = 0;
    const faultsBefore = pageFaults();
    const measure = throughput(
      () => Array.from({ length: count }, () => new Uint8Array(1_000_000)),
      (contender, bytes) => {
        tasks++;
        return call(contender, bytes);
      },
    );
    const { value } = await measure(open, openRaw, quick);
    const faults = (pageFaults() - faultsBefore) / tasks;
    return { value, details: { "peak MB": peakMemory(), "page faults a task": faults } };
  };
}

/** About 1 KB as JSON, with nothing in it twice. */
function record(i: number): object {
  return {
    id: i,
    name: `customer ${i}`,
    active: i % 2 === 0,
    tags: Array.from({ length: 12 }, (_, n) => `tag ${i + n}`),
    address: { street: `${i} Main Street`, city: `City ${i % 100}`, location: [i / 7, i / 11] },
    orders: Array.from({ length: 6 }, (_, n) => ({ number: i * 10 + n, total: i / (n + 1) })),
    notes: `${i} `.repeat(50),
  };
}

const LIMIT = ["raw"];
const WITH_BATCHES = ["raw", "batches of 64", "batches of 512"];

const IN_DENO = [
  "piscina",
  "tinypool",
  "workerpool",
  "poolifier",
  "multithreading",
  "comlink",
];
/** The contenders of rows about starts, stalls and cores. */
const HERE = ["ours", "ours, processes", ...IN_DENO];
/** The choice of a user of Node. */
const ON_NODE = ["piscina", "tinypool", "workerpool", "poolifier"].map((name) => `${name} on Node`);
/** The contenders of the rows that are measured on both runtimes. */
const OF_BOTH = [...IN_DENO, ...ON_NODE, "raw on Node"];

const workloads: Record<string, Workload> = {
  a: {
    title: "64,000 echoes of a number, submitted at once",
    unit: "tasks/s",
    better: "more",
    limits: WITH_BATCHES,
    patience: 60_000,
    measure: throughput(
      () => Array.from({ length: 64_000 }, (_, i) => i),
      (contender, arg) => contender.run("echo", arg),
    ),
  },
  b: {
    title: "One at a time, awaited: p50, on one core, in turns with one raw worker",
    unit: "µs",
    better: "less",
    limits: ["one raw worker"],
    pinned: true,
    patience: 60_000,
    measure: async (open, openRaw, quick) => {
      const contender = await (await open())(WORKERS);
      const raw = await (await openRaw())(WORKERS);
      await warmUp(contender);
      await warmUp(raw);
      const p50 = async (one: Contender) => {
        const times: number[] = [];
        for (let i = 0; i < 400; i++) {
          const begun = now();
          await one.run("echo", i);
          times.push((now() - begun) * 1_000);
        }
        return middle(times);
      };
      const pairs: [number, number][] = [];
      const begun = now();
      while (pairs.length < 40 && now() - begun < (quick ? 1_500 : 5_000)) {
        pairs.push([await p50(contender), await p50(raw)]);
      }
      // Until the code is compiled both are slower.
      if (pairs.length > 10) pairs.splice(0, 5);
      await contender.end();
      await raw.end();
      return {
        value: middle(pairs.map(([mine]) => mine)),
        ratio: middle(pairs.map(([mine, its]) => mine / its)),
      };
    },
  },
  c: {
    title: "Objects of about 1 KB, each another one",
    unit: "tasks/s",
    better: "more",
    limits: LIMIT,
    patience: 60_000,
    times: 5,
    measure: throughput(
      () => Array.from({ length: 16_000 }, (_, i) => record(i)),
      (contender, arg) => contender.run("echo", arg),
    ),
  },
  "d cloned": {
    title: "A megabyte in and out, cloned",
    unit: "tasks/s",
    better: "more",
    limits: LIMIT,
    patience: 60_000,
    times: 2,
    measure: throughputOfBytes(200, (contender, bytes) => contender.run("echo", bytes)),
  },
  "d transferred": {
    title: "A megabyte in and out, transferred",
    unit: "tasks/s",
    better: "more",
    limits: LIMIT,
    patience: 60_000,
    times: 2,
    measure: throughputOfBytes(1_000, (contender, bytes) => {
      if (contender.move === undefined) throw new Error("it cannot transfer both ways");
      return contender.move(bytes);
    }),
  },
  e: {
    contenders: HERE,
    title: "400 tasks of 3 to 5 ms of computing, on two cores",
    unit: "× one thread",
    better: "more",
    limits: LIMIT,
    patience: 60_000,
    measure: async (open, _raw, quick) => {
      const contender = await (await open())(WORKERS);
      await warmUp(contender);
      await Promise.all(Array.from({ length: 20 }, () => contender.run("compute", 1)));
      const amounts = Array.from({ length: quick ? 100 : 400 }, (_, i) => 3 + i % 5 / 2);
      const value = await median(async () => {
        // Here, half before and half after, as the machine's speed drifts.
        let alone = -now();
        for (const amount of amounts.slice(amounts.length / 2)) compute(amount);
        alone += now();
        const begun = now();
        await Promise.all(amounts.map((amount) => contender.run("compute", amount)));
        const together = now() - begun;
        alone -= now();
        for (const amount of amounts.slice(0, amounts.length / 2)) compute(amount);
        alone += now();
        return { figure: alone / together, ms: together };
      }, quick);
      await contender.end();
      return { value };
    },
  },
  f: {
    contenders: HERE,
    title: "A task of 200 ms, then 400 of 1 ms (ideal: 300 ms)",
    unit: "ms",
    better: "less",
    limits: LIMIT,
    patience: 30_000,
    measure: async (open, _raw, quick) => {
      const contender = await (await open())(WORKERS);
      await warmUp(contender);
      const late: number[] = [];
      const overtaken: number[] = [];
      const value = await median(async () => {
        const begun = now();
        const ends: number[] = [];
        const starts = await Promise.all(
          [200, ...Array<number>(400).fill(1)].map((ms, i) => {
            const run = contender.run("spin", ms) as Promise<number>;
            run.then(() => ends[i] = now() - begun);
            return run;
          }),
        );
        const makespan = now() - begun;
        late.push(ends.slice(1, 101).filter((end) => end > 190).length);
        // The clocks of two workers differ by some microseconds.
        overtaken.push(
          starts.filter((start, i) => start < Math.max(...starts.slice(0, i)) - 0.5).length,
        );
        return { figure: makespan, ms: makespan };
      }, quick);
      await contender.end();
      return { value, details: { late: middle(late), overtook: middle(overtaken) } };
    },
  },
  g: {
    contenders: HERE,
    title: "Cold: from import to the first result",
    unit: "ms",
    better: "less",
    limits: ["one raw worker"],
    patience: 20_000,
    times: 5,
    measure: async (open) => {
      const begun = now();
      const start = await open();
      const contender = await start(WORKERS);
      await contender.run("echo", 1);
      const value = now() - begun;
      await contender.end();
      return { value };
    },
  },
  h: {
    contenders: HERE,
    title: "1,000,000 queued tasks",
    unit: "s",
    better: "less",
    limits: WITH_BATCHES,
    patience: 90_000,
    measure: async (open, _raw, quick) => {
      const contender = await (await open())(WORKERS);
      await warmUp(contender);
      const count = quick ? 100_000 : 1_000_000;
      const begun = now();
      const submitted = await new Promise<number>((resolve, reject) => {
        let left = count;
        let submitted = 0;
        const returned = () => {
          if (--left === 0) resolve(submitted);
        };
        for (let i = 0; i < count; i++) contender.run("echo", i).then(returned, reject);
        submitted = now() - begun;
      });
      const value = (now() - begun) / 1_000;
      const memory = peakMemory();
      await contender.end();
      return { value, details: { memory, submitting: submitted / 1_000 } };
    },
  },
  i: {
    contenders: HERE,
    title: "Longest stall of the event loop while 20 workers start",
    unit: "ms",
    better: "less",
    limits: LIMIT,
    patience: 30_000,
    measure: async (open, openRaw) => {
      const alone = await stallOfOne(await openRaw());
      const start = await open();
      using meter = new StallMeter();
      const begun = now();
      const contender = await start(20);
      const begins = await blockAll(contender, 2_500);
      const value = meter.longest;
      await contender.end();
      const up = Math.max(...begins) - performance.timeOrigin - begun;
      return { value, ratio: value / alone, details: { alone, up } };
    },
  },
  "i started": {
    contenders: HERE,
    title: "Longest stall while 20 tasks come to 20 workers that have started",
    unit: "ms",
    better: "less",
    limits: LIMIT,
    patience: 30_000,
    times: 3,
    measure: async (open) => {
      const contender = await (await open())(20, { full: true });
      using meter = new StallMeter();
      await new Promise((resolve) => setTimeout(resolve, 200));
      const resting = meter.longest;
      meter.reset();
      await blockAll(contender, 200);
      const loading = meter.longest;
      meter.reset();
      await blockAll(contender, 200);
      const value = meter.longest;
      await contender.end();
      return { value, details: { resting, loading } };
    },
  },
};

/** Plain calls, without an option. */
export const calls: Group = {
  title: "Plain calls",
  ratio: "the figure divided by that of the least code on bare workers",
  file: "results",
  contenders: ["ours", "ours, processes", ...OF_BOTH],
  workloads,
};

/** Has each of 20 workers do nothing for that many ms; resolves with when they began. */
async function blockAll(contender: Contender, ms: number): Promise<number[]> {
  const blocks = Array.from({ length: 20 }, () => contender.run("block", ms));
  return await Promise.all(blocks) as number[];
}

/** The stall that starting one bare worker makes, in ms. */
async function stallOfOne(start: Start): Promise<number> {
  const stalls: number[] = [];
  for (let i = 0; i < 7; i++) {
    using meter = new StallMeter();
    const contender = await start(1);
    stalls.push(meter.longest);
    await contender.end();
  }
  return middle(stalls);
}
