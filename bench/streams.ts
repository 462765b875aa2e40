/** Tasks that yield many values, or tell of many steps. */

import type { TaskContext } from "../mod.ts";

/** How many values travel together where they are put together by hand. */
export const BATCH = 100;

/** Numbers, one by one. */
export function* numbers(count: number): Generator<number> {
  for (let i = 0; i < count; i++) yield i;
}

/** Small objects, one by one. */
export function* objects(count: number): Generator<object> {
  for (let i = 0; i < count; i++) yield { id: i, name: "Ann", active: true };
}

/** The same objects, a hundred at a time. */
export function* batches(count: number): Generator<object[]> {
  for (let i = 0; i < count; i += BATCH) {
    yield Array.from({ length: BATCH }, (_, n) => ({ id: i + n, name: "Ann", active: true }));
  }
}

/** Tells of `count` steps, `each` at a time. */
export function steps(this: TaskContext, count: number, each: number): void {
  for (let i = 0; i < count; i += each) {
    this.progress(each === 1 ? i : Array.from({ length: each }, (_, n) => i + n));
  }
}
