/** Rows of the benchmark, and groups of rows. */

import type { Start } from "../contenders/contender.ts";

/** The result of a measurement. */
export interface Sample {
  /** The figure that is compared, in the workload's unit. */
  readonly value: number;
  /** Divided by raw's, where the two were measured in turns; else by raw's of the same turn. */
  readonly ratio?: number;
  /** Other figures, by name; of a curve the points, by their x. */
  readonly details?: Readonly<Record<string, number>>;
}

/** Imports a contender. */
export type Open<S = Start> = () => Promise<S>;

/** A row of the benchmark. */
export interface Workload {
  readonly title: string;
  readonly unit: string;
  readonly better: "more" | "less";
  /** Which limits are shown; ratios are to the first. */
  readonly limits: readonly string[];
  /** The contenders that can do the work; every chosen contender if not given. */
  readonly contenders?: readonly string[];
  /** The contender measured in the same process, in turns; a raw worker if not given. */
  readonly beside?: string;
  /** Whether the process gets a single core, so that nothing but the work counts. */
  readonly pinned?: boolean;
  /** How long a measurement may take, in ms. */
  readonly patience: number;
  /** The number of measurements in a round, if more than one: where processes differ most. */
  readonly times?: number;
  /** The fate of the tasks' spans, if contenders are traced; limits never are. */
  readonly tracing?: "dropped" | "recorded";
  /** Whether a contender starts its own program: then the measuring process is always a Deno. */
  readonly spawns?: boolean;
  /** The unit of a curve's x axis, if the details are a curve. */
  readonly axis?: string;
  /** Measures a contender, and one raw worker where the two are measured in turns. */
  measure(open: Open, openRaw: Open, quick: boolean): Promise<Sample>;
}

/** Rows that are measured and shown together. */
export interface Group {
  readonly title: string;
  /** The meaning of the figure in brackets, if there are brackets. */
  readonly ratio?: string;
  /** How the file of the results is named. */
  readonly file: string;
  /** The contenders measured by default. */
  readonly contenders: readonly string[];
  /** The modules that contenders have in this group alone, from the folder `bench`. */
  readonly modules?: Readonly<Record<string, string>>;
  /** By the letter or the short name. */
  readonly workloads: Readonly<Record<string, Workload>>;
}
