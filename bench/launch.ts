/** Starts the process of a measurement, and limits its time. */

import type { Node } from "./node/install.ts";
import type { Sample } from "./rows/workload.ts";

/** A measurement of a contender at a workload. */
export interface Measurement {
  readonly group: string;
  readonly workload: string;
  /** The URL of the contender's module, and of the compared contender's. */
  readonly module: string;
  readonly beside: string;
  readonly quick: boolean;
  /** The Node that runs the measurement, instead of Deno. */
  readonly node?: Node;
  readonly pinned?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly withinMs: number;
}

/** Runs the measurement; throws if the process fails, or takes too long. */
export async function launch(measurement: Measurement): Promise<Sample> {
  const [command, ...args] = commandOf(measurement);
  const child = new Deno.Command(command!, {
    args,
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1", ...measurement.env },
  }).spawn();
  let hung = false;
  const timer = setTimeout(() => {
    hung = true;
    child.kill("SIGKILL");
  }, measurement.withinMs);
  const { success, stdout, stderr } = await child.output();
  clearTimeout(timer);
  if (hung) throw new Error(`not done after ${measurement.withinMs / 1_000} s`);
  const last = new TextDecoder().decode(stdout).trim().split("\n").at(-1)!;
  if (!success || !last.startsWith("{")) {
    throw new Error(reasonIn(new TextDecoder().decode(stderr)));
  }
  return JSON.parse(last);
}

function commandOf(measurement: Measurement): string[] {
  const { group, workload, module, beside, quick, node, pinned } = measurement;
  if (pinned && Deno.build.os !== "linux") throw new Error("only Linux can pin it to one core");
  const runtime = node === undefined
    ? [
      Deno.execPath(),
      "run",
      "--allow-all",
      "--no-prompt",
      "--v8-flags=--expose-gc",
      `--config=${import.meta.dirname}/../deno.json`,
    ]
    : [node.path, "--expose-gc", `--import=${import.meta.resolve("./node/packages.ts")}`];
  return [
    ...pinned ? ["taskset", "-c", "0"] : [],
    ...runtime,
    `${import.meta.dirname}/measure.ts`,
    group,
    workload,
    module,
    beside,
    quick ? "quick" : "full",
  ];
}

/** The message of the uncaught error in the output. */
function reasonIn(stderr: string): string {
  const lines = stderr.split("\n").map((line) => line.trim());
  // Node prints the line of the source, too, and Deno a prefix.
  const error = lines.find((line) => /^(error: |Uncaught |\w*(Error|Exception)\b)/.test(line)) ??
    lines.find((line) => line !== "");
  return error?.replace(/^error: (Uncaught )?(\(in promise\) )?(Error: )?/, "").slice(0, 120) ??
    "it ended";
}
