/** Moved megabytes, in two states of the memory. */

import { pageFaults, residentMemory } from "../measuring/memory.ts";
import { burst, inTurns, warmUp } from "../measuring/rates.ts";
import type { Workload } from "./workload.ts";

const WORKERS = 2;
const COUNT = 500;
const BYTES = 1_000_000;

/** A megabyte; a real program has written the bytes before. */
function megabyte(written: boolean): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(BYTES);
  return written ? bytes.fill(1) : bytes;
}

function moving(title: string, written: boolean): Workload {
  return {
    title,
    unit: "tasks/s",
    better: "more",
    limits: [],
    contenders: ["ours"],
    beside: "raw",
    patience: 60_000,
    measure: async (open, openRaw, quick) => {
      const [contender, raw] = [await (await open())(WORKERS), await (await openRaw())(WORKERS)];
      await warmUp(contender);
      await warmUp(raw);
      let tasks = 0;
      const before = pageFaults();
      const turn = async (one: typeof contender) => {
        const all = Array.from({ length: COUNT }, () => megabyte(written));
        tasks += COUNT;
        return await burst(COUNT, (i) => one.move!(all[i]!));
      };
      const sample = await inTurns(() => turn(contender), () => turn(raw), quick);
      const faults = (pageFaults() - before) / tasks;
      const memory = { "MB in use": residentMemory(), "page faults a task": faults };
      await contender.end();
      await raw.end();
      return { ...sample, details: { ...sample.details, ...memory } };
    },
  };
}

/** The rows of moved bytes. */
export const moved: Readonly<Record<string, Workload>> = {
  "moved untouched": moving(
    "A megabyte moved in and out, never written, beside bare workers",
    false,
  ),
  "moved written": moving("A megabyte moved in and out, written before, beside bare workers", true),
};
