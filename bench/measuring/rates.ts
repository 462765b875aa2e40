/** Repeats a measurement until the code is compiled and the figure is steady. */

import type { Contender } from "../contenders/contender.ts";
import type { Sample } from "../rows/workload.ts";
import { middle } from "./statistics.ts";

/** A repetition: the figure, and the ms that the work took. */
export interface Turn {
  readonly figure: number;
  readonly ms: number;
}

const now = () => performance.now();

/** Has all workers started, and the functions compiled. */
export async function warmUp(contender: Contender): Promise<void> {
  await Promise.all(Array.from({ length: 20 }, () => contender.run("spin", 20)));
  for (let i = 0; i < 100; i++) await contender.run("echo", i);
}

/**
 * The medians of several measurements that are repeated in turns, the first half of the repetitions
 * aside: a server runs for days, and until the code is compiled, short tasks take up to twice as
 * long. A cold start has a workload of its own. A quick run warms up likewise, and stops
 * after a second of work.
 */
async function repeat(
  measurements: readonly (() => Promise<Turn>)[],
  quick: boolean,
): Promise<number[][]> {
  const [least, enoughMs, patienceMs] = quick ? [5, 1_000, 2_000] : [7, 2_000, 4_000];
  const begun = now();
  const all: number[][] = [];
  let worked = 0;
  const goesOn = () => {
    const since = now() - begun;
    return all.length < least ? since < patienceMs : worked < enoughMs && since < 3 * patienceMs;
  };
  do {
    const figures: number[] = [];
    for (const measure of measurements) {
      const { figure, ms } = await measure();
      figures.push(figure);
      worked += ms;
    }
    all.push(figures);
  } while (goesOn());
  return all.slice(all.length >> 1);
}

/** The median of a measurement; see {@linkcode repeat}. */
export async function median(measure: () => Promise<Turn>, quick: boolean): Promise<number> {
  return middle((await repeat([measure], quick)).map(([figure]) => figure!));
}

/** A measurement beside another, in turns: the median, and the median of the ratios. */
export async function inTurns(
  measure: () => Promise<Turn>,
  beside: () => Promise<Turn>,
  quick: boolean,
): Promise<Sample> {
  const pairs = await repeat([measure, beside], quick);
  return {
    value: middle(pairs.map(([mine]) => mine!)),
    ratio: middle(pairs.map(([mine, other]) => mine! / other!)),
    details: { beside: middle(pairs.map(([, other]) => other!)) },
  };
}

/** Calls a second, when all are made at once. */
export async function burst(
  count: number,
  call: (i: number) => Promise<unknown>,
): Promise<Turn> {
  const begun = now();
  const results = await Promise.all(Array.from({ length: count }, (_, i) => call(i)));
  const ms = now() - begun;
  if (results.length !== count) throw new Error("results are missing");
  return { figure: count / ms * 1_000, ms };
}

/** Values a second that come out of an iterable, each of which may be several values. */
export async function drain<T>(
  count: number,
  values: AsyncIterable<T>,
  sizeOf: (value: T) => number = () => 1,
): Promise<Turn> {
  const begun = now();
  let came = 0;
  for await (const value of values) came += sizeOf(value);
  const ms = now() - begun;
  if (came !== count) throw new Error(`${came} of ${count} values came`);
  return { figure: count / ms * 1_000, ms };
}
