/** Curves of the cost of tasks and workers as their number grows, beside bare workers. */

import type { Contender, Settings, Start } from "../contenders/contender.ts";
import { residentMemory } from "../measuring/memory.ts";
import { burst, warmUp } from "../measuring/rates.ts";
import { middle } from "../measuring/statistics.ts";
import type { Group, Workload } from "./workload.ts";

const WORKERS = 2;

/** A row whose details are the points of a curve. */
function curve(
  title: string,
  unit: string,
  better: "more" | "less",
  axis: string,
  points: (quick: boolean) => readonly number[],
  measure: (start: Start, at: number, quick: boolean) => Promise<number>,
  contenders: readonly string[] = ["ours"],
): Workload {
  return {
    title,
    unit,
    better,
    axis,
    limits: ["raw"],
    contenders,
    patience: 600_000,
    measure: async (open, _beside, quick) => {
      const start = await open();
      const details: Record<string, number> = {};
      for (const at of points(quick)) details[at] = await measure(start, at, quick);
      return { value: Object.values(details).at(-1)!, details };
    },
  };
}

/** Uses a pool, then ends the pool. */
async function withPool<T>(
  start: Start,
  workers: number,
  settings: Settings,
  use: (contender: Contender) => Promise<T>,
): Promise<T> {
  const contender = await start(workers, settings);
  const result = await use(contender);
  await contender.end();
  return result;
}

/** The median of bursts, the first half of the bursts aside. */
async function rateOf(contender: Contender, count: number, arg: () => unknown, ms: number) {
  const rates: number[] = [];
  const begun = performance.now();
  while (rates.length < 4 || performance.now() - begun < ms) {
    rates.push((await burst(count, () => contender.run("echo", arg()))).figure);
  }
  return middle(rates.slice(rates.length >> 1));
}

/** Frees unused memory, so that the growth says something. */
async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    (globalThis as unknown as { gc?: () => void }).gc?.();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** How much more memory there is after something was done, in MB. */
async function growth(make: () => Promise<unknown>): Promise<number> {
  await settle();
  const before = residentMemory();
  await make();
  await settle();
  return Math.max(residentMemory() - before, 0);
}

const powers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i));

const queue = curve(
  "Tasks a second, by how many are submitted at once",
  "tasks/s",
  "more",
  "tasks",
  (quick) => powers(2, quick ? 5 : 6),
  (start, count, quick) =>
    withPool(start, WORKERS, {}, async (contender) => {
      await warmUp(contender);
      return await rateOf(contender, count, () => 1, quick ? 300 : 1_500);
    }),
);

const workers = curve(
  "Tasks a second, by the number of workers",
  "tasks/s",
  "more",
  "workers",
  (quick) => quick ? [1, 2, 10, 40] : [1, 2, 5, 10, 20, 50, 100, 200],
  (start, count, quick) =>
    withPool(start, count, { full: true }, async (contender) => {
      await warmUp(contender);
      return await rateOf(contender, 64_000, () => 1, quick ? 300 : 1_500);
    }),
);

/** How many values are on their way at once: 200 MB at most. */
const countOf = (bytes: number) => Math.max(2, Math.min(10_000, Math.floor(200e6 / bytes)));

const size = curve(
  "Values in and out a second, by their size",
  "tasks/s",
  "more",
  "bytes",
  (quick) => powers(1, quick ? 7 : 8),
  (start, bytes, quick) =>
    withPool(start, WORKERS, {}, async (contender) => {
      await warmUp(contender);
      const value = new Uint8Array(bytes).fill(1);
      return await rateOf(contender, countOf(bytes), () => value, quick ? 300 : 1_500);
    }),
);

const idle = curve(
  "Memory of an idle worker, by the number of workers",
  "MB a worker",
  "less",
  "workers",
  (quick) => quick ? [2, 10] : [1, 2, 5, 10, 20, 50, 100, 200],
  async (start, count) => {
    let contender: Contender;
    const grown = await growth(async () => {
      contender = await start(count, { full: true });
      // Each has loaded the module and run a task.
      await Promise.all(Array.from({ length: count }, () => contender.run("block", 20)));
    });
    await contender!.end();
    return grown / count;
  },
);

const waiting = curve(
  "Memory of a waiting task, by how many wait",
  "bytes a task",
  "less",
  "tasks",
  (quick) => powers(4, quick ? 5 : 6),
  (start, count) =>
    withPool(start, WORKERS, {}, async (contender) => {
      await warmUp(contender);
      let done: Promise<unknown>[] = [];
      // Each worker is blocked as long as tasks are submitted and the memory is looked at.
      const blockedMs = 3_000 + count / 100;
      const blocked = Array.from({ length: WORKERS }, () => contender.run("block", blockedMs));
      const grown = await growth(() => {
        done = Array.from({ length: count }, (_, i) => contender.run("echo", i));
        return Promise.resolve();
      });
      await Promise.all([...blocked, ...done]);
      return grown * 1_024 ** 2 / count;
    }),
);

/** Curves. */
export const scale: Group = {
  title: "As the work grows",
  ratio: "the last figure divided by that of bare workers",
  file: "scale",
  contenders: ["ours"],
  workloads: { queue, workers, size, idle, waiting },
};
