/**
 * Measures the executor beside its peers and beside the least code on bare workers.
 *
 *     deno task bench [--quick] [--rounds 3] [--workloads a,b] [--contenders ours,piscina]
 *                     [--patience 60] [--out bench]
 *
 * Each contender does each workload in a process of its own, all in turns, over several
 * rounds. Writes results.json (see results.ts) and results.svg into the folder `--out`.
 */

import { parseArgs } from "node:util";
import { chart } from "./chart.ts";
import { type Entry, figures, type Results } from "./results.ts";
import { table } from "./table.ts";
import { type Sample, workloads } from "./workloads.ts";

/** Where each contender is. */
const contenders: Record<string, string> = {
  ours: "ours.ts",
  "ours, processes": "ours.ts?processes",
  raw: "raw.ts",
  "one raw worker": "raw.ts?workers=1",
  "batches of 64": "batches.ts?size=64",
  "batches of 512": "batches.ts?size=512",
  piscina: "piscina.ts",
  tinypool: "tinypool.ts",
  workerpool: "workerpool.ts",
  poolifier: "poolifier.ts",
  multithreading: "multithreading.ts",
  comlink: "comlink.ts",
};
const PEERS = ["piscina", "tinypool", "workerpool", "poolifier", "multithreading", "comlink"];

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    workloads: { type: "string", default: Object.keys(workloads).join() },
    contenders: { type: "string", default: ["ours", "ours, processes", ...PEERS].join() },
    patience: { type: "string" },
    out: { type: "string", default: import.meta.dirname! },
  },
});
const quick = options.quick;
const rounds = Number(options.rounds ?? (quick ? 1 : 3));
const chosen = options.workloads.split(",");
for (const letter of chosen) {
  if (!(letter in workloads)) {
    throw new RangeError(`No workload "${letter}"; there are ${Object.keys(workloads).join()}`);
  }
}

// Before measuring: that takes an hour, which a missing folder would cost.
await Deno.mkdir(options.out, { recursive: true });

/** What each has done, by workload and contender. */
const samples = new Map<string, Sample[]>();
/** Why it has not. */
const failures = new Map<string, string>();

for (let round = 1; round <= rounds; round++) {
  for (const letter of chosen) {
    for (const name of turnsAt(letter)) {
      const key = `${letter}/${name}`;
      if (failures.has(key)) continue;
      progress(`round ${round} of ${rounds}, ${letter}: ${name}`);
      try {
        const sample = await measure(letter, name);
        samples.set(key, [...samples.get(key) ?? [], sample]);
      } catch (error) {
        failures.set(key, (error as Error).message);
      }
    }
  }
}
progress("");

const results: Results = {
  on: {
    deno: Deno.version.deno,
    os: `${Deno.build.os} ${Deno.build.arch}`,
    cores: navigator.hardwareConcurrency,
    date: new Date().toISOString().slice(0, 10),
  },
  rounds,
  quick,
  workloads: Object.fromEntries(chosen.map((letter) => {
    const { title, unit, better, limits } = workloads[letter]!;
    const raw = samples.get(`${letter}/${limits[0]}`);
    const entries = contendersAt(letter).map((name): [string, Entry] => {
      const key = `${letter}/${name}`;
      const failure = failures.get(key);
      return [name, failure === undefined ? figures(samples.get(key)!, raw) : { failure }];
    });
    return [letter, { title, unit, better, contenders: Object.fromEntries(entries) }];
  })),
};
await Deno.writeTextFile(`${options.out}/results.json`, `${JSON.stringify(results, null, 2)}\n`);
await Deno.writeTextFile(`${options.out}/results.svg`, chart(results));
console.log(table(results));

function contendersAt(letter: string): string[] {
  return [...workloads[letter]!.limits, ...options.contenders.split(/,(?! )/)];
}

/** Who is measured in a round, in this order: each once, or as often as the workload asks for. */
function turnsAt(letter: string): string[] {
  const { times = 1 } = workloads[letter]!;
  return Array.from({ length: quick ? 1 : times }, () => contendersAt(letter)).flat();
}

/** Measures one contender once, in a process of its own that may take so long and no longer. */
async function measure(letter: string, name: string): Promise<Sample> {
  const { pinned, patience } = workloads[letter]!;
  const locate = (module: string) => import.meta.resolve(`./contenders/${module}`);
  const args = [
    "run",
    "--allow-all",
    "--no-prompt",
    `--config=${import.meta.dirname}/../deno.json`,
    import.meta.resolve("./measure.ts"),
    letter,
    locate(contenders[name] ?? name),
    locate(contenders["one raw worker"]!),
    quick ? "quick" : "full",
  ];
  if (pinned && Deno.build.os !== "linux") throw new Error("only Linux can pin it to one core");
  const within = Number(options.patience ?? (quick ? 15 : patience / 1_000));
  const child = new Deno.Command(pinned ? "taskset" : Deno.execPath(), {
    args: pinned ? ["-c", "0", Deno.execPath(), ...args] : args,
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  let hung = false;
  const timer = setTimeout(() => {
    hung = true;
    child.kill("SIGKILL");
  }, within * 1_000);
  const { success, stdout, stderr } = await child.output();
  clearTimeout(timer);
  if (hung) throw new Error(`not done after ${within} s`);
  const last = new TextDecoder().decode(stdout).trim().split("\n").at(-1)!;
  if (!success || !last.startsWith("{")) {
    throw new Error(reasonIn(new TextDecoder().decode(stderr)));
  }
  return JSON.parse(last);
}

/** What an uncaught error says, of all that was printed. */
function reasonIn(stderr: string): string {
  const lines = stderr.split("\n").map((line) => line.trim());
  const error = lines.find((line) => /error/i.test(line)) ?? lines.find((line) => line !== "");
  return error?.replace(/^error: (Uncaught )?(\(in promise\) )?(Error: )?/, "").slice(0, 120) ??
    "it ended";
}

/** Shows what is being done, on a terminal in one line. */
function progress(what: string): void {
  const text = new TextEncoder().encode(
    Deno.stderr.isTerminal() ? `\r\x1b[K${what}` : what === "" ? "" : `${what}\n`,
  );
  Deno.stderr.writeSync(text);
}
