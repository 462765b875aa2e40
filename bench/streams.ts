/** Tasks with many values or many steps. */

import type { TaskContext } from "../mod.ts";

/** The size of the batches made by hand. */
export const BATCH = 100;

/** Single numbers. */
export function* numbers(count: number): Generator<number> {
  for (let i = 0; i < count; i++) yield i;
}

/** Single small objects. */
export function* objects(count: number): Generator<object> {
  for (let i = 0; i < count; i++) yield { id: i, name: "Ann", active: true };
}

/** The same objects, a hundred at a time. */
export function* batches(count: number): Generator<object[]> {
  for (let i = 0; i < count; i += BATCH) {
    yield Array.from({ length: BATCH }, (_, n) => ({ id: i + n, name: "Ann", active: true }));
  }
}

/** Tells of `count` steps, in groups of `each`. */
export function steps(this: TaskContext, count: number, each: number): void {
  for (let i = 0; i < count; i += each) {
    this.progress(each === 1 ? i : Array.from({ length: each }, (_, n) => i + n));
  }
}
