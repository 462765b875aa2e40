/** Where each contender is, by its name. */
const MODULES: Readonly<Record<string, string>> = {
  ours: "ours.ts",
  "ours, processes": "ours.ts?processes",
  "ours, not traced": "ours.ts",
  raw: "raw.ts",
  "raw process": "raw_process.ts",
  "one raw worker": "raw.ts?workers=1",
  "batches of 64": "batches.ts?size=64",
  "batches of 512": "batches.ts?size=512",
  piscina: "piscina.ts",
  tinypool: "tinypool.ts",
  workerpool: "workerpool.ts",
  poolifier: "poolifier.ts",
  multithreading: "multithreading.ts",
  comlink: "comlink.ts",
  "raw on Node": "raw_node.ts",
  "one raw worker on Node": "raw_node.ts?workers=1",
};

const NODE = " on Node";

/** Whether a contender is measured on Node. */
export function isOnNode(contender: string): boolean {
  return contender.endsWith(NODE);
}

/** The URL of a contender's module; `modules` names others of a group, from the folder `bench`. */
export function moduleOf(
  contender: string,
  modules: Readonly<Record<string, string>> = {},
): string {
  const name = contender in modules || contender in MODULES || !isOnNode(contender)
    ? contender
    : contender.slice(0, -NODE.length);
  const path = modules[name] ?? `contenders/${MODULES[name] ?? name}`;
  return import.meta.resolve(`../${path}`);
}
