/** Tasks in processes, beside bare processes or beside workers. */

import type { Contender } from "../contenders/contender.ts";
import { burst, inTurns, type Turn, warmUp } from "../measuring/rates.ts";
import { middle } from "../measuring/statistics.ts";
import type { Workload } from "./workload.ts";

const WORKERS = 2;
const OURS = ["ours, processes"];

/** The p50 of calls, each awaited before the next, in µs. */
async function oneByOne(contender: Contender): Promise<Turn> {
  const times: number[] = [];
  const begun = performance.now();
  for (let i = 0; i < 400; i++) {
    const called = performance.now();
    await contender.run("echo", i);
    times.push((performance.now() - called) * 1_000);
  }
  return { figure: middle(times), ms: performance.now() - begun };
}

/** A row with two contenders in a process, in turns. */
function pair(
  title: string,
  beside: string,
  turn: (contender: Contender) => Promise<Turn>,
  more: Partial<Workload> = {},
): Workload {
  return {
    title,
    unit: "tasks/s",
    better: "more",
    limits: [],
    contenders: OURS,
    beside,
    patience: 60_000,
    measure: async (open, openBeside, quick) => {
      const contender = await (await open())(WORKERS);
      const other = await (await openBeside())(WORKERS);
      await warmUp(contender);
      await warmUp(other);
      const sample = await inTurns(() => turn(contender), () => turn(other), quick);
      await contender.end();
      await other.end();
      return sample;
    },
    ...more,
  };
}

const short = (contender: Contender) => burst(16_000, (i) => contender.run("echo", i));
const megabytes = (contender: Contender) =>
  burst(64, () => contender.run("echo", new Uint8Array(1_000_000)));

/** The rows of processes. */
export const processes: Readonly<Record<string, Workload>> = {
  "process short": pair("16,000 echoes in processes, beside workers", "ours", short),
  "process short raw": pair(
    "16,000 echoes in processes, beside bare processes",
    "raw process",
    short,
  ),
  "process one": pair(
    "One at a time in a process: p50, beside a bare process",
    "raw process",
    oneByOne,
    { unit: "µs", better: "less" },
  ),
  "process one worker": pair(
    "One at a time in a process: p50, beside a bare worker",
    "raw",
    oneByOne,
    { unit: "µs", better: "less" },
  ),
  "process 1 MB": pair("A megabyte in and out of a process, beside workers", "ours", megabytes),
};
