/** What a row of the benchmark is. */

import type { Start } from "../contenders/contender.ts";

/** What one measurement gives. */
export interface Sample {
  /** The figure that is compared, in the workload's unit. */
  readonly value: number;
  /** Divided by raw's, where the two were measured in turns; else by raw's of the same turn. */
  readonly ratio?: number;
  /** Others worth showing, by name; of a curve the figures, by where each is. */
  readonly details?: Readonly<Record<string, number>>;
}

/** Imports a contender. */
export type Open<S = Start> = () => Promise<S>;

/** One row of the benchmark. */
export interface Workload {
  readonly title: string;
  readonly unit: string;
  readonly better: "more" | "less";
  /** Which limits are shown; ratios are to the first. */
  readonly limits: readonly string[];
  /** Who else can do it; everybody who is chosen if not given. */
  readonly contenders?: readonly string[];
  /** Who is measured in the same process, in turns; one raw worker if not given. */
  readonly beside?: string;
  /** Whether it is to run on one core only, so that nothing but the work counts. */
  readonly pinned?: boolean;
  /** How long one measurement may take, in ms. */
  readonly patience: number;
  /** How often it is measured in a round, if more than once: where processes differ most. */
  readonly times?: number;
  /** What becomes of the spans of tasks, where the program is traced; a limit is not. */
  readonly tracing?: "dropped" | "recorded";
  /** Whether a contender starts a program of its own, and so is measured from Deno in any case. */
  readonly spawns?: boolean;
  /** What the details are, if they are a curve. */
  readonly axis?: string;
  /** Measures a contender, and one raw worker where the two are measured in turns. */
  measure(open: Open, openRaw: Open, quick: boolean): Promise<Sample>;
}

/** Rows that are measured and shown together. */
export interface Group {
  readonly title: string;
  /** What the figure in brackets says, if there is one. */
  readonly ratio?: string;
  /** How the file of the results is named. */
  readonly file: string;
  /** Who is measured if nobody is named. */
  readonly contenders: readonly string[];
  /** The modules of contenders that are others in this group, from the folder of the benchmark. */
  readonly modules?: Readonly<Record<string, string>>;
  /** By the letter or the short name. */
  readonly workloads: Readonly<Record<string, Workload>>;
}
