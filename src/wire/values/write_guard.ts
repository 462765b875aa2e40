/**
 * Notices that a value is nested too deep while the value is written, by the time of writing.
 *
 * A look into each value before sending costs a busy host a tenth of its time, as the values are
 * not in its caches. So a guard is the last part of a message: V8 reads the property of the guard
 * when all other parts are written. If writing has taken long, the values are looked into then,
 * before anything is sent.
 */

import { assertReadable } from "./cloneable.ts";
import { now } from "../../runtime/real_timers.ts";

/** The depth of the value by which this machine is measured. */
const SAMPLE_LEVELS = 128;
/**
 * A message may take as long to write as so many clones of the measured value, without being looked
 * into. A value too deep for its reader takes three times as long as a clone; eight objects of 1 KB
 * take half.
 */
const CLONES = 1.2;

const { structuredClone } = globalThis;

/**
 * How long, in ms, a message may take to write without being looked into; measured when first
 * needed.
 */
let suspiciousMs: number | undefined;

function measure(): number {
  let sample = {};
  for (let level = 0; level < SAMPLE_LEVELS; level++) sample = { sample };
  let least = Infinity;
  for (let i = 0; i < 3; i++) {
    const begun = now();
    structuredClone(sample);
    least = Math.min(least, now() - begun);
  }
  return CLONES * least;
}

/** A message that is being written. */
interface Writing {
  readonly values: readonly unknown[];
  readonly begun: number;
}

let current: Writing | undefined;

/**
 * Begins to write a message that ends with the {@linkcode guard}.
 *
 * @param values The values that may be nested too deep.
 * @returns The message that was being written: a getter of a value may send another message.
 */
export function beginWriting(values: readonly unknown[]): Writing | undefined {
  const outer = current;
  suspiciousMs ??= measure();
  current = { values, begun: now() };
  return outer;
}

/** Ends the writing that began last. */
export function endWriting(outer: Writing | undefined): void {
  current = outer;
}

/** The last part of a message; nothing for its reader. */
export const guard = {
  get end(): undefined {
    const { values, begun } = current!;
    if (now() - begun > suspiciousMs!) { for (const value of values) assertReadable(value); }
    return undefined;
  },
};
