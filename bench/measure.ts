/**
 * Measures one contender at one workload, in a process of its own, and prints the sample as the
 * last line. Runs on Deno and on Node. Arguments: the group, the workload, the contender's module,
 * raw's, and `quick`.
 */

import process from "node:process";
import { groups } from "./rows/groups.ts";

const [group, name, module, raw, quick] = process.argv.slice(2);
const open = (url: string) => async () => (await import(url)).start;
const { workloads } = groups[group!]!;
const sample = await workloads[name!]!.measure(open(module!), open(raw!), quick === "quick");
console.log(`\n${JSON.stringify(sample)}`);
// Whatever a contender leaves behind.
process.exit();
