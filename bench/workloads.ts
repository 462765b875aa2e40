/** The workloads: what is measured, how, and what it is called. */

import type { Contender, Start } from "./contenders/contender.ts";
import { StallMeter } from "./stall.ts";
import { compute } from "./tasks.ts";

/** What one measurement gives. */
export interface Sample {
  /** The figure that is compared, in the workload's unit. */
  readonly value: number;
  /** Divided by raw's, where the two were measured in turns; else by raw's of the same turn. */
  readonly ratio?: number;
  /** Others worth showing, by name. */
  readonly details?: Readonly<Record<string, number>>;
}

/** Imports a contender. */
type Open = () => Promise<Start>;

/** One row of the benchmark. */
export interface Workload {
  readonly title: string;
  readonly unit: string;
  readonly better: "more" | "less";
  /** Which limits are shown; ratios are to the first. */
  readonly limits: readonly string[];
  /** Whether it is to run on one core only, so that nothing but the work counts. */
  readonly pinned?: boolean;
  /** How long one measurement may take, in ms. */
  readonly patience: number;
  /** How often it is measured in a round, if more than once: where processes differ most. */
  readonly times?: number;
  /** Measures a contender, and one raw worker where the two are measured in turns. */
  measure(open: Open, openRaw: Open, quick: boolean): Promise<Sample>;
}

const WORKERS = 2;

const now = () => performance.now();

/** Has all workers started, and the functions compiled. */
async function warmUp(contender: Contender): Promise<void> {
  await Promise.all(Array.from({ length: 20 }, () => contender.run("spin", 20)));
  for (let i = 0; i < 100; i++) await contender.run("echo", i);
}

/**
 * The median of several measurements, the first half of them aside: a server runs for days, and
 * until its code is compiled, short tasks take up to twice as long. What it costs to be cold is a
 * workload of its own. There are seven at least, and 2 s of them, unless that takes too long.
 *
 * @param measure Returns a figure, and how many ms the work took.
 */
async function median(
  measure: () => Promise<{ figure: number; ms: number }>,
  quick: boolean,
): Promise<number> {
  const [enough, patience] = quick ? [100, 1_000] : [2_000, 4_000];
  const begun = now();
  const all: number[] = [];
  let worked = 0;
  const goesOn = () => {
    const since = now() - begun;
    return all.length < 7 ? since < patience : worked < enough && since < 3 * patience;
  };
  do {
    const { figure, ms } = await measure();
    all.push(figure);
    worked += ms;
  } while (goesOn());
  return middle(all.slice(all.length >> 1));
}

/** The middle one. */
export function middle(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** Tasks a second, when all are submitted at once. */
function throughput(
  prepare: (quick: boolean) => unknown[],
  call: (contender: Contender, arg: never) => Promise<unknown>,
): Workload["measure"] {
  return async (open, _raw, quick) => {
    const contender = await (await open())(WORKERS);
    await warmUp(contender);
    const value = await median(async () => {
      const args = prepare(quick);
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

/** All workloads, by their letters. */
export const workloads: Readonly<Record<string, Workload>> = {
  a: {
    title: "64,000 echoes of a number, submitted at once",
    unit: "tasks/s",
    better: "more",
    limits: WITH_BATCHES,
    patience: 60_000,
    measure: throughput(
      (quick) => Array.from({ length: quick ? 16_000 : 64_000 }, (_, i) => i),
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
      (quick) => Array.from({ length: quick ? 4_000 : 16_000 }, (_, i) => record(i)),
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
    measure: throughput(
      (quick) => Array.from({ length: quick ? 32 : 200 }, () => new Uint8Array(1_000_000)),
      (contender, arg) => contender.run("echo", arg),
    ),
  },
  "d transferred": {
    title: "A megabyte in and out, transferred",
    unit: "tasks/s",
    better: "more",
    limits: LIMIT,
    patience: 60_000,
    times: 2,
    measure: throughput(
      (quick) => Array.from({ length: quick ? 200 : 1_000 }, () => new Uint8Array(1_000_000)),
      (contender, arg) => {
        if (contender.move === undefined) throw new Error("it cannot transfer both ways");
        return contender.move(arg);
      },
    ),
  },
  e: {
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
    title: "Longest stall while 20 tasks come to 20 workers that have started",
    unit: "ms",
    better: "less",
    limits: LIMIT,
    patience: 30_000,
    times: 3,
    measure: async (open) => {
      const contender = await (await open())(20, true);
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

/** The most memory that this process ever had, in MB. */
function peakMemory(): number {
  try {
    const [, kB] = /VmHWM:\s+(\d+)/.exec(Deno.readTextFileSync("/proc/self/status"))!;
    return Number(kB) / 1024;
  } catch {
    return Deno.memoryUsage().rss / 1024 ** 2;
  }
}
