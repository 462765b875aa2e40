/** The options and the other ways to call, each beside plain calls of the same process, in turns. */

import type { Contender, Settings, StreamName, TaskName } from "../contenders/contender.ts";
import { burst, drain, inTurns, type Turn, warmUp } from "../measuring/rates.ts";
import { forty } from "./forty.ts";
import { moved } from "./moved.ts";
import { processes } from "./processes.ts";
import type { Group, Workload } from "./workload.ts";

const WORKERS = 2;
/** How many tasks or values there are in a turn. */
const COUNT = 64_000;
const LIMIT_MS = 10_000;
const OURS = ["ours"];

type Callable = Pick<Contender, "run">;

/** A turn of an option, or of the compared calls. */
type Measure = (contender: Contender) => Promise<Turn>;

/** The same call, many times at once. */
const calls = (contender: Callable, task: TaskName = "echo", arg?: unknown) =>
  burst(COUNT, (i) => contender.run(task, arg ?? i));

const plain: Measure = (contender) => calls(contender);

/** A row whose two figures are of the same pool. */
function row(
  title: string,
  contenders: readonly string[],
  option: Measure,
  more: Partial<Workload> & { compared?: Measure } = {},
): Workload {
  const { compared = plain, ...rest } = more;
  return {
    title,
    unit: "tasks/s",
    better: "more",
    limits: [],
    contenders,
    patience: 60_000,
    measure: async (open, _beside, quick) => {
      const contender = await (await open())(WORKERS);
      await warmUp(contender);
      const sample = await inTurns(() => option(contender), () => compared(contender), quick);
      await contender.end();
      return sample;
    },
    ...rest,
  };
}

/** A row whose two figures are of two pools of the same kind. */
function twoPools(
  title: string,
  contenders: readonly string[],
  workers: number,
  settings: Settings,
): Workload {
  return row(title, contenders, plain, {
    measure: async (open, _beside, quick) => {
      const start = await open();
      const [contender, other] = [await start(workers, settings), await start(WORKERS)];
      await warmUp(contender);
      await warmUp(other);
      const sample = await inTurns(() => plain(contender), () => plain(other), quick);
      await contender.end();
      await other.end();
      return sample;
    },
  });
}

/** A map, from one kind of source. */
function mapping(
  source: string,
  items: () => Iterable<number> | AsyncIterable<number>,
  ordered: boolean,
): Workload {
  const order = ordered ? "in order" : "in any order";
  return row(
    `Map of 64,000 items from ${source}, ${order}`,
    OURS,
    (contender) => drain(COUNT, contender.map!(items(), ordered)),
    { unit: "items/s" },
  );
}

function* generated(): Generator<number> {
  for (let i = 0; i < COUNT; i++) yield i;
}

async function* generatedLater(): AsyncGenerator<number> {
  yield* generated();
}

/** A stream of single values beside the same objects, put together by hand. */
function streaming(values: string, kind: StreamName): Workload {
  return row(
    `Stream of 64,000 ${values}, beside objects yielded 100 at a time`,
    OURS,
    (contender) => drain(COUNT, contender.stream!(kind, COUNT)),
    {
      unit: "values/s",
      compared: (contender) =>
        drain(COUNT, contender.stream!("batches", COUNT), (batch) => (batch as object[]).length),
    },
  );
}

/** Steps that a task tells of, `each` at a time. */
async function telling(contender: Contender, each: number): Promise<Turn> {
  const begun = performance.now();
  let came = 0;
  await contender.progress!(COUNT, each, () => came += each);
  const ms = performance.now() - begun;
  if (came !== COUNT) throw new Error(`${came} of ${COUNT} steps came`);
  return { figure: COUNT / ms * 1_000, ms };
}

/** Plain calls of a traced program, beside an untraced program. */
function traced(tracing: "dropped" | "recorded"): Workload {
  return row(`64,000 echoes, traced, each span ${tracing}`, OURS, plain, {
    limits: ["ours, not traced"],
    tracing,
    measure: async (open, _beside, quick) => {
      const contender = await (await open())(WORKERS);
      await warmUp(contender);
      const { value } = await inTurns(() => plain(contender), () => plain(contender), quick);
      await contender.end();
      return { value };
    },
  });
}

/** Small objects in and out, beside bare workers. */
const smallObjects: Workload = row("Small objects in and out, beside bare workers", OURS, plain, {
  beside: "raw",
  measure: async (open, beside, quick) => {
    const [contender, raw] = [await (await open())(WORKERS), await (await beside())(WORKERS)];
    await warmUp(contender);
    await warmUp(raw);
    const objects = (one: Contender) =>
      burst(COUNT, (i) => one.run("echo", { id: i, name: "Ann", active: true }));
    const sample = await inTurns(() => objects(contender), () => objects(raw), quick);
    await contender.end();
    await raw.end();
    return sample;
  },
});

const workloads: Record<string, Workload> = {
  timeout: row(
    "64,000 echoes with a time limit of 10 s",
    [...OURS, "workerpool"],
    (contender) => calls(contender.limited!(LIMIT_MS)),
  ),
  "timeout each": row(
    "The same, the limit set for each call anew",
    [...OURS, "workerpool"],
    (contender) => burst(COUNT, (i) => contender.limited!(LIMIT_MS).run("echo", i)),
  ),
  signal: row(
    "64,000 echoes with one signal",
    [...OURS, "piscina", "tinypool", "poolifier"],
    (contender) => calls(contender.abortable!(new AbortController().signal)),
  ),
  "signal each": row(
    "64,000 echoes, each with a signal of its own",
    [...OURS, "piscina", "tinypool", "poolifier"],
    (contender) =>
      burst(COUNT, (i) => contender.abortable!(new AbortController().signal).run("echo", i)),
  ),
  deadline: row(
    "64,000 echoes with one AbortSignal.timeout(10_000)",
    [...OURS, "piscina", "tinypool", "poolifier"],
    (contender) => calls(contender.abortable!(AbortSignal.timeout(LIMIT_MS))),
  ),
  "map array": mapping("an array", () => [...generated()], true),
  "map array any": mapping("an array", () => [...generated()], false),
  "map generator": mapping("a generator", generated, true),
  "map generator any": mapping("a generator", generated, false),
  "map async": mapping("an async generator", generatedLater, true),
  "map async any": mapping("an async generator", generatedLater, false),
  "stream numbers": streaming("numbers", "numbers"),
  "stream objects": streaming("small objects", "objects"),
  progress: row(
    "progress() 64,000 times, beside 100 steps at a time",
    OURS,
    (contender) => telling(contender, 1),
    { unit: "steps/s", compared: (contender) => telling(contender, 100) },
  ),
  "40 workers": twoPools(
    "64,000 echoes on 40 workers, beside 2",
    [...OURS, "piscina", "tinypool", "workerpool", "poolifier"],
    40,
    { full: true },
  ),
  "max queue": twoPools(
    "64,000 echoes with a bounded queue, beside an unbounded queue",
    [...OURS, "piscina", "tinypool", "workerpool"],
    WORKERS,
    { maxQueue: 2 * COUNT },
  ),
  "traced dropped": traced("dropped"),
  "traced recorded": traced("recorded"),
  "text 10 B": row(
    "Results that are strings of 10 characters",
    OURS,
    (contender) => calls(contender, "text", 10),
  ),
  "text 1 KB": row(
    "Results that are strings of 1,000 characters",
    OURS,
    (contender) => calls(contender, "text", 1_000),
  ),
  objects: smallObjects,
  ...processes,
  ...forty,
  ...moved,
};

/** Options and other ways to call. */
export const options: Group = {
  title: "Options",
  ratio: "the figure divided by that of plain calls of the same process, or of what the row names",
  file: "options",
  contenders: [
    "ours",
    "ours, processes",
    "piscina",
    "tinypool",
    "workerpool",
    "poolifier",
    "multithreading",
    "comlink",
  ],
  modules: { "ours": "contenders/ours_options.ts" },
  workloads,
};
