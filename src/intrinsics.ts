/**
 * What a worker uses of the language and the platform, taken before any task runs. Tasks share
 * the globals of their worker, and what one of them overwrites must neither break the next nor
 * show it what is not its own. Where syntax does it, syntax is safe; a prototype's method is not.
 */

export const { apply, defineProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect;
const { setPrototypeOf } = Reflect;
const NativePromise = Promise;
const promisePrototype = Promise.prototype;

/** Copies the methods of a class to one that extends it, whose own nobody can change. */
function fix({ prototype }: { prototype: object }, { prototype: original }: { prototype: object }) {
  for (const key of ownKeys(original)) {
    defineProperty(prototype, key, getOwnPropertyDescriptor(original, key)!);
  }
  Object.freeze(prototype);
}

/** A `Map` whose methods nobody can change. */
export class FixedMap<K, V> extends Map<K, V> {
  static {
    fix(this, Map);
  }
}

/** A `Set` whose methods nobody can change. */
export class FixedSet<T> extends Set<T> {
  static {
    fix(this, Set);
  }
}

/** An array that inherits nothing: putting something into it calls no setter. For loops by index. */
export function bareArray<T>(): T[] {
  const array: T[] = [];
  setPrototypeOf(array, null);
  return array;
}

/** What {@linkcode fixedList} makes: its own iterator, so one at a time. */
class FixedList<T> {
  /** What is in it is read by index only. */
  readonly #items: readonly T[];
  #next = 0;

  constructor(items: readonly T[]) {
    this.#items = items;
  }

  [Symbol.iterator]() {
    this.#next = 0;
    return this;
  }

  next() {
    const done = this.#next >= this.#items.length;
    return { done, value: done ? undefined : this.#items[this.#next++] };
  }

  static onlyOf<T>(list: FixedList<T>): T | undefined {
    return list.#items.length === 1 ? list.#items[0] : undefined;
  }
}
Object.freeze(FixedList.prototype);

/** A copy of a list, for Deno to iterate: nobody else sees what is in it. */
export function fixedList<T>(items: readonly T[]): T[] {
  // Most have one item, and a bare array costs ten times as much.
  let copy = [items[0]!];
  if (items.length !== 1) {
    copy = bareArray();
    for (let i = 0; i < items.length; i++) copy[i] = items[i]!;
  }
  return new FixedList(copy) as Iterable<T> as T[];
}

/** The one item of a list that {@linkcode fixedList} has made, if it has one only. */
export function onlyOf<T>(list: T[]): T | undefined {
  return FixedList.onlyOf(list as Iterable<T> as FixedList<T>);
}

/** Readies a promise for `await`, which asks it for its `constructor`, and if need be for `then`. */
export function awaitable<T extends object>(promise: T): T {
  if (getPrototypeOf(promise) === promisePrototype) {
    const own = { __proto__: null, value: NativePromise, configurable: true };
    defineProperty(promise, "constructor", own as PropertyDescriptor);
  }
  return promise;
}
