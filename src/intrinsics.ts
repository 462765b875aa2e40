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

/** Readies a promise for `await`, which asks it for its `constructor`, and if need be for `then`. */
export function awaitable<T extends object>(promise: T): T {
  if (getPrototypeOf(promise) === promisePrototype) {
    const own = { __proto__: null, value: NativePromise, configurable: true };
    defineProperty(promise, "constructor", own as PropertyDescriptor);
  }
  return promise;
}
