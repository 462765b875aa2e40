/** Real work with libraries of npm, beside workers that are written by hand, in turns. */

import { inTurns } from "../measuring/rates.ts";
import type { JobName } from "../work/jobs/jobs.ts";
import type { Crew, StartCrew } from "../work/contenders/crew.ts";
import type { Group, Open, Workload } from "./workload.ts";

const WORKERS = 2;

/** The input of a job. Imported by a computed name, so that no other row loads the libraries. */
async function inputOf(job: JobName): Promise<unknown> {
  const url = import.meta.resolve("../work/jobs/jobs.ts");
  const { load }: typeof import("../work/jobs/jobs.ts") = await import(url);
  return (await load(job)).input();
}

/** How long each of some tasks takes, in ms, when all are submitted at once. */
async function time(crew: Crew, job: JobName, input: unknown, count: number) {
  const begun = performance.now();
  await Promise.all(Array.from({ length: count }, () => crew.run(job, input)));
  const ms = performance.now() - begun;
  return { figure: ms / count, ms };
}

function working(title: string, job: JobName, count: number): Workload {
  return {
    title,
    unit: "ms a task",
    better: "less",
    limits: ["by hand"],
    beside: "by hand",
    patience: 90_000,
    measure: async (open, openByHand, quick) => {
      const crew = await (await (open as unknown as Open<StartCrew>)())(WORKERS);
      const byHand = await (await (openByHand as unknown as Open<StartCrew>)())(WORKERS);
      const input = await inputOf(job);
      const sample = await inTurns(
        () => time(crew, job, input, count),
        () => time(byHand, job, input, count),
        quick,
      );
      await crew.end();
      await byHand.end();
      return { value: sample.value, ratio: sample.ratio! };
    },
  };
}

/** Real work. */
export const work: Group = {
  title: "Real work",
  ratio: "the figure divided by that of workers written by hand, on the same runtime, in turns",
  file: "work",
  contenders: [
    "ours",
    "event loop",
    "piscina",
    "workerpool",
    "event loop on Node",
    "by hand on Node",
    "piscina on Node",
    "workerpool on Node",
  ],
  modules: {
    ours: "work/contenders/ours.ts",
    "event loop": "work/contenders/event_loop.ts",
    "by hand": "work/contenders/by_hand.ts",
    "by hand on Node": "work/contenders/by_hand_node.ts",
    piscina: "work/contenders/piscina.ts",
    workerpool: "work/contenders/workerpool.ts",
  },
  workloads: {
    jpeg: working("JPEG of 640 × 480, resized (jimp)", "jpeg", 8),
    csv: working("20,000 rows of CSV, parsed (csv-parse)", "csv", 8),
    markdown: working("Markdown with highlighted code (marked, highlight.js)", "markdown", 16),
    ssr: working("A page of 500 rows, rendered (React)", "ssr", 32),
    json: working("A megabyte of JSON, checked (zod)", "json", 16),
    argon2: working("A password, hashed (argon2id, hash-wasm)", "argon2", 16),
    zip: working("A megabyte, zipped (fflate)", "zip", 16),
  },
};
