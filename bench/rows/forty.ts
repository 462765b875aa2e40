/** Forty blocking calls at once: a thread pool would begin all calls. */

import { StallMeter } from "../measuring/stall.ts";
import type { Workload } from "./workload.ts";

const CALLS = 40;
const BLOCKED_MS = 1_000;

function blocking(title: string, full: boolean): Workload {
  return {
    title,
    unit: "s until all run",
    better: "less",
    limits: ["raw"],
    contenders: ["ours", "piscina", "tinypool", "workerpool", "poolifier"],
    patience: 60_000,
    times: 2,
    measure: async (open) => {
      const start = await open();
      using meter = new StallMeter();
      let begun = performance.now();
      const contender = await start(CALLS, { blocking: true, full });
      if (full) {
        meter.reset();
        begun = performance.now();
      }
      const calls = Array.from({ length: CALLS }, () => contender.run("block", BLOCKED_MS));
      const begins = await Promise.all(calls) as number[];
      const { longest } = meter;
      await contender.end();
      const value = (Math.max(...begins) - performance.timeOrigin - begun) / 1_000;
      return { value, details: { "longest stall, ms": longest } };
    },
  };
}

/** The rows of forty calls. */
export const forty: Readonly<Record<string, Workload>> = {
  "forty cold": blocking("40 calls that each block for a second, from cold", false),
  "forty started": blocking("40 calls that each block for a second, with 40 workers up", true),
};
