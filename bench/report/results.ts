/** The shape of results.json. */

import { middle, spread } from "../measuring/statistics.ts";
import type { Sample, Workload } from "../rows/workload.ts";

/** The results of a group. */
export interface Results {
  /** The runtime and the machine; figures of two machines, or two hours, cannot be compared. */
  readonly on: Machine;
  /** The group of the workloads, and the name of the files. */
  readonly group: string;
  readonly file: string;
  /** How many rounds: in each, every contender was measured at every workload, in turns. */
  readonly rounds: number;
  /** Whether the workloads were cut down to be quick. */
  readonly quick: boolean;
  /** The rows, by the workload's letter or name. */
  readonly workloads: Record<string, Row>;
}

/** The machine and the code. */
export interface Machine {
  readonly deno: string;
  /** Where peers were measured on Node. */
  readonly node?: string;
  readonly os: string;
  readonly cores: number;
  readonly date: string;
  /** The commit, and a plus if files differed from the commit. */
  readonly commit?: string;
  /** The state of the memory before: MB, and whether the system gives huge pages. */
  readonly memory?: { readonly total: number; readonly free: number; readonly hugePages: string };
}

/** The results of a workload. */
export interface Row extends Pick<Workload, "title" | "unit" | "better" | "axis"> {
  /** By the contender's name. */
  readonly contenders: Record<string, Entry>;
}

/** The result of a contender at a workload. */
export type Entry = Figures | Failure;

/** Of all measurements: one or more in each round. */
export interface Figures {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** The median of the ratios to raw's figure of the same turn. */
  readonly ratio?: number;
  /** The figure of each measurement. */
  readonly rounds: readonly number[];
  /** The medians of other figures. */
  readonly details?: Readonly<Record<string, number>>;
}

/** The reason why there is no figure. */
export interface Failure {
  readonly failure: string;
}

/** A sample, and the number of its turn. */
export interface Taken extends Sample {
  readonly turn: number;
}

/** Sums up samples of a contender; `raw` has the limit's samples, some of the same turns. */
export function figures(samples: readonly Taken[], raw: readonly Taken[] | undefined): Figures {
  const rounds = samples.map(({ value }) => value);
  const rawAt = new Map(raw?.map(({ turn, value }) => [turn, value]));
  const ratios = samples.flatMap(({ value, ratio, turn }) => {
    const limit = rawAt.get(turn);
    return ratio ?? (limit === undefined ? [] : value / limit);
  });
  const names = Object.keys(samples[0]!.details ?? {});
  return {
    median: middle(rounds),
    min: Math.min(...rounds),
    max: Math.max(...rounds),
    ...ratios.length > 0 && { ratio: middle(ratios) },
    rounds,
    ...names.length > 0 && {
      details: Object.fromEntries(
        names.map((name) => [name, middle(samples.map(({ details }) => details![name]!))]),
      ),
    },
  };
}

/** By how much of their median rounds may differ before the figure is marked. */
const NOISE = 0.2;

/** Marks a figure whose rounds differ by more. */
export const NOISE_MARK = "≈";

/** Explains the mark, below a table or in a chart. */
export const NOISE_NOTE = `${NOISE_MARK} the rounds differ by more than a fifth`;

/** The mark behind a figure, if the rounds differ too much. */
export function noiseMark({ rounds }: Figures, count: number): string {
  return spread(rounds, count) > NOISE ? ` ${NOISE_MARK}` : "";
}

/** What a contender is: ours, a limit that is no pool, or a pool of others. */
export function kindOf(contender: string): "ours" | "limit" | "peer" {
  return contender.startsWith("ours")
    ? "ours"
    : /raw|batches|by hand|event loop/.test(contender)
    ? "limit"
    : "peer";
}

/** A figure with as many digits as say something. */
export function format(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString("en-US");
  return value.toPrecision(3).replace(/^0\.00.*/, "0");
}
