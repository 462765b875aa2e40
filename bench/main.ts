/**
 * Measures the executor beside its peers and beside the least code on bare workers.
 *
 *     deno task bench [--quick] [--rounds 3] [--group calls,options] [--workloads a,b]
 *                     [--contenders ours,piscina] [--patience 60] [--out bench]
 *
 * Each contender does each workload in a process of its own, all in turns, over several rounds.
 * Writes the results of each group (see report/results.ts) and the charts into the folder `--out`.
 */

import { isOnNode, moduleOf } from "./contenders/list.ts";
import { launch } from "./launch.ts";
import { installNode, type Node } from "./node/install.ts";
import { contendersAt, type Plan, planOf } from "./plan.ts";
import { machine } from "./report/machine.ts";
import { draw } from "./report/draw.ts";
import { type Entry, figures, type Results, type Row, type Taken } from "./report/results.ts";
import { report } from "./report/table.ts";
import { groups } from "./rows/groups.ts";
import type { Group, Sample, Workload } from "./rows/workload.ts";
import { trace } from "./tracing.ts";

/** More turns than a round ever has. */
const MAX_TIMES = 100;

const plan = planOf(Deno.args);
// Before the measuring, as a missing folder would cost an hour's results.
await Deno.mkdir(plan.out, { recursive: true });
const node = await nodeFor(plan);

for (const [name, chosen] of plan.chosen) {
  const results = await measureGroup(name, chosen);
  const path = `${plan.out}/${results.file}`;
  await Deno.writeTextFile(`${path}.json`, `${JSON.stringify(results, null, 2)}\n`);
  const svg = draw(results);
  if (svg !== undefined) await Deno.writeTextFile(`${path}.svg`, svg);
  console.log(report(results));
}

/** Measures all chosen workloads of a group, round by round. */
async function measureGroup(name: string, chosen: readonly string[]): Promise<Results> {
  const group = groups[name]!;
  /** The samples, by workload and contender. */
  const samples = new Map<string, Taken[]>();
  /** The reasons of failures, likewise. */
  const failures = new Map<string, string>();
  for (let round = 1; round <= plan.rounds; round++) {
    for (const workload of chosen) {
      for (const { contender, turn } of turnsAt(group, workload)) {
        const key = `${workload}/${contender}`;
        if (failures.has(key)) continue;
        progress(`${name}, round ${round} of ${plan.rounds}, ${workload}: ${contender}`);
        try {
          const sample = await measure(name, workload, contender);
          const taken = { ...sample, turn: round * MAX_TIMES + turn };
          samples.set(key, [...samples.get(key) ?? [], taken]);
        } catch (error) {
          failures.set(key, (error as Error).message);
        }
      }
    }
  }
  progress("");
  return {
    on: await machine(node?.version),
    group: name,
    file: group.file,
    rounds: plan.rounds,
    quick: plan.quick,
    workloads: Object.fromEntries(
      chosen.map((workload) => [workload, rowOf(group, workload, samples, failures)]),
    ),
  };
}

function rowOf(
  group: Group,
  name: string,
  samples: ReadonlyMap<string, Taken[]>,
  failures: ReadonlyMap<string, string>,
): Row {
  const { title, unit, better, limits, axis } = group.workloads[name]!;
  const raw = samples.get(`${name}/${limits[0]}`);
  const entries = who(group, name).map((contender): [string, Entry] => {
    const key = `${name}/${contender}`;
    const failure = failures.get(key);
    return [contender, failure === undefined ? figures(samples.get(key)!, raw) : { failure }];
  });
  return { title, unit, better, ...axis && { axis }, contenders: Object.fromEntries(entries) };
}

/** The contenders of a workload; without Node nobody on Node. */
function who(group: Group, workload: string): string[] {
  const chosen = plan.contenders ?? group.contenders;
  return contendersAt(group.workloads[workload]!, chosen, plan.contenders !== undefined)
    .filter((name) => node !== undefined || !isOnNode(name));
}

/**
 * The turns of a round: each contender as often as the workload asks for, but contenders on Node
 * once, so that a run takes an hour.
 */
function turnsAt(group: Group, workload: string): { contender: string; turn: number }[] {
  const { times = 1 } = group.workloads[workload]!;
  return Array.from({ length: plan.quick ? 1 : times }, (_, turn) =>
    who(group, workload)
      .filter((name) => turn === 0 || !isOnNode(name))
      .map((contender) => ({ contender, turn }))).flat();
}

/** Takes a sample of a contender. */
async function measure(name: string, workload: string, contender: string): Promise<Sample> {
  const { modules, workloads } = groups[name]!;
  const { beside, limits, patience, pinned, spawns, tracing } = workloads[workload]! as Workload;
  const onNode = isOnNode(contender);
  await using traced = tracing && !limits.includes(contender) ? trace(tracing) : undefined;
  return await launch({
    group: name,
    workload,
    module: moduleOf(contender, modules),
    // Of the same runtime.
    beside: moduleOf(
      `${beside ?? "one raw worker"}${onNode && !spawns ? " on Node" : ""}`,
      modules,
    ),
    quick: plan.quick,
    ...onNode && !spawns && { node: node! },
    ...pinned && { pinned },
    env: { ...traced?.env, ...onNode && { BENCH_NODE: node!.path } },
    withinMs: plan.patience !== undefined ? plan.patience * 1_000 : patience,
  });
}

/** Node, if a contender needs Node and npm has Node. */
async function nodeFor({ chosen, contenders }: Plan): Promise<Node | undefined> {
  const asked = [...chosen].some(([name, workloads]) =>
    workloads.some((workload) =>
      contendersAt(
        groups[name]!.workloads[workload]!,
        contenders ?? groups[name]!.contenders,
        contenders !== undefined,
      ).some(isOnNode)
    )
  );
  if (!asked) return;
  try {
    progress("getting Node from npm");
    return await installNode();
  } catch (error) {
    progress("");
    const { message } = error as Error;
    console.error(`Peers on Node are left out, as npm did not install Node: ${message}`);
  }
}

/** Shows the measurement that goes on; on a terminal in a single line. */
function progress(what: string): void {
  const text = new TextEncoder().encode(
    Deno.stderr.isTerminal() ? `\r\x1b[K${what}` : what === "" ? "" : `${what}\n`,
  );
  Deno.stderr.writeSync(text);
}
