/**
 * Measures one contender at one workload, in a process of its own, and prints the sample as
 * the last line. Arguments: the workload's letter, the contender's module, raw's, and `quick`.
 */

import { workloads } from "./workloads.ts";

const [letter, module, raw, quick] = Deno.args;
const open = (url: string) => async () => (await import(url)).start;
const sample = await workloads[letter!]!.measure(open(module!), open(raw!), quick === "quick");
console.log(`\n${JSON.stringify(sample)}`);
// Whatever a contender leaves behind.
Deno.exit();
