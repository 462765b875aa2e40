/**
 * Measures what a value costs to cross to a worker and back, by its kind and size, beyond what the
 * call itself costs. Prints the tables of crossing-the-boundary.md: `deno run -A docs/boundary.ts`
 */

import { Executor, type TaskContext, transfer } from "@genro/executor";

// deno-lint-ignore no-explicit-any -- a value of any kind
type Call = (executor: Executor, value: any) => Promise<unknown>;

const sizes = { "1 KB": 1e3, "100 KB": 1e5, "1 MB": 1e6, "10 MB": 1e7 };
const times = (count: number) => Array.from({ length: count }, (_, i) => i);
const records = (bytes: number) =>
  times(bytes / 50).map((i) => ({ id: i, name: `customer ${i}`, active: i % 2 === 0 }));
const echo: Call = (executor, value) => executor.runCpu((value) => value, value);
const move: Call = (executor, view) => {
  const back = function (this: TaskContext, view: Uint8Array<ArrayBuffer>) {
    return this.transfer(view, [view.buffer]);
  };
  return executor.runCpu(back, transfer(view, [view.buffer]));
};
const asJson: Call = async (executor, value) => {
  const back = (json: string) => JSON.stringify(JSON.parse(json));
  return JSON.parse(await executor.runCpu(back, JSON.stringify(value)));
};

/** Each kind: its name, a value of about so many bytes, and how it is sent. */
const kinds: [name: string, make: (bytes: number) => unknown, call?: Call][] = [
  ["number", (bytes) => bytes > 1e3 ? undefined : 42],
  ["`string`", (bytes) => "x".repeat(bytes)],
  ["`Uint8Array`", (bytes) => new Uint8Array(bytes)],
  ["`Uint8Array`, transferred", (bytes) => new Uint8Array(bytes), move],
  ["`Blob`", (bytes) => new Blob([new Uint8Array(bytes)])],
  ["`Error`", (bytes) => bytes > 1e3 ? undefined : new Error("x".repeat(bytes / 2))],
  ["array of objects", records],
  ["the same, as JSON", records, asJson],
  ["`Map` of numbers", (bytes) => new Map(times(bytes / 16).map((i) => [i, i * 1_000]))],
  [
    "object, each key another",
    (bytes) => Object.fromEntries(times(bytes / 16).map((i) => [`key ${i}`, i * 1_000])),
  ],
];

const timed = async (call: () => Promise<unknown>) => {
  const begun = performance.now();
  await call();
  return (performance.now() - begun) * 1_000;
};
const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;
const rounded = (n: number) => Number(n.toPrecision(2)).toLocaleString("en");
const show = (us: number) =>
  us < 0.95 ? "~0" : us < 950 ? `${rounded(us)} µs` : `${rounded(us / 1e3)} ms`;

for (const isolation of ["worker", "process"] as const) {
  await using executor = await Executor.start({ cpu: { isolation, maxWorkers: 1 } });
  /** The median of calls with such values, less that of calls with none; in µs. */
  const cost = async (make: () => unknown, call: Call) => {
    const [full, empty]: number[][] = [[], []];
    for (const end = performance.now() + 2_000; full!.length < 1_000;) {
      const value = make();
      full!.push(await timed(() => call(executor, value)));
      empty!.push(await timed(() => echo(executor, undefined)));
      if (full!.length >= 7 && performance.now() > end) break;
    }
    return median(full!) - median(empty!);
  };
  console.log(`\n| to a ${isolation} and back | ${Object.keys(sizes).join(" | ")} |`);
  console.log(`| --- |${" ---: |".repeat(4)}`);
  for (const [name, make, call = echo] of kinds) {
    const cells: string[] = [];
    for (const bytes of Object.values(sizes)) {
      if (make(bytes) === undefined) cells.push("");
      else cells.push(await cost(() => make(bytes), call).then(show, () => "refused"));
    }
    console.log(`| ${name} | ${cells.join(" | ")} |`);
  }
}
