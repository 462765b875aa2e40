/** The arguments of `deno task bench`. */

import { parseArgs } from "node:util";
import { groups } from "./rows/groups.ts";
import type { Workload } from "./rows/workload.ts";

/** The choices of whoever runs the benchmark. */
export interface Plan {
  readonly quick: boolean;
  readonly rounds: number;
  /** The names of the workloads, by group. */
  readonly chosen: ReadonlyMap<string, readonly string[]>;
  /** The contenders; each group's own choice if not given. */
  readonly contenders?: readonly string[];
  /** How long one measurement may take, in s, instead of the workload's own patience. */
  readonly patience?: number;
  readonly out: string;
}

/** Reads the arguments; throws a `RangeError` if a group or a workload does not exist. */
export function planOf(args: readonly string[]): Plan {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      rounds: { type: "string" },
      group: { type: "string" },
      workloads: { type: "string" },
      contenders: { type: "string" },
      patience: { type: "string" },
      out: { type: "string", default: import.meta.dirname! },
    },
  });
  return {
    quick: values.quick,
    rounds: Number(values.rounds ?? (values.quick ? 1 : 3)),
    chosen: chosenFrom(values.group, values.workloads?.split(",")),
    ...values.contenders !== undefined && { contenders: values.contenders.split(/,(?! )/) },
    ...values.patience !== undefined && { patience: Number(values.patience) },
    out: values.out,
  };
}

function chosenFrom(group: string | undefined, names: string[] | undefined): Plan["chosen"] {
  const all = Object.keys(groups);
  const from = group === "all" || group === undefined && names !== undefined
    ? all
    : (group ?? "calls").split(",");
  for (const name of from) {
    if (!all.includes(name)) {
      throw new RangeError(`No group "${name}"; there are all, ${all.join(", ")}`);
    }
  }
  const known = from.flatMap((name) => Object.keys(groups[name]!.workloads));
  for (const name of names ?? []) {
    if (!known.includes(name)) {
      throw new RangeError(`No workload "${name}"; there are ${known.join(", ")}`);
    }
  }
  return new Map(
    from.map((name): [string, string[]] => [
      name,
      Object.keys(groups[name]!.workloads).filter((one) => names?.includes(one) ?? true),
    ]).filter(([, chosen]) => chosen.length > 0),
  );
}

/** The contenders of a workload: first the limits, then all that can do the work. */
export function contendersAt(
  { limits, contenders: able }: Workload,
  chosen: readonly string[],
  isNamed: boolean,
): string[] {
  // A name that no group has is a module of the user's own, and is measured everywhere.
  const rest = chosen.filter((name) => (able?.includes(name) ?? true) || isNamed && !isKnown(name));
  return [...new Set([...limits, ...rest])];
}

function isKnown(name: string): boolean {
  return Object.values(groups).some(({ contenders }) => contenders.includes(name));
}
