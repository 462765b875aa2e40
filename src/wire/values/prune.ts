/** Copies of values without the parts that cannot be cloned, for the properties of errors. */

/**
 * How many objects are copied, the nearest to the root first: an HTTP client's error may hold its
 * sockets.
 */
const MOST_OBJECTS = 1_000;

// Only Deno's own classes are cloned, and none of a library.
const { DOMException, Map, Set, structuredClone } = globalThis;
const { isArray } = Array;
const { isView } = ArrayBuffer;
const { isError } = Error;
const { defineProperty, getPrototypeOf, keys } = Object;

/** Stands for a value of which nothing is left. */
const LOST = Symbol();

/**
 * Copies a value that cannot be cloned as a whole. Functions, symbols, other values that cannot be
 * cloned, and values that throw while they are read, are left out; in a list `undefined` takes
 * their place.
 *
 * @throws {DOMException} Named `DataCloneError`, if nothing is left.
 */
export function cloneWhatCanBe(value: unknown): unknown {
  const copies = new Map<object, unknown>();
  const waiting: object[] = [];
  const copyOf = (value: unknown): unknown => {
    if (typeof value === "function" || typeof value === "symbol") return LOST;
    if (typeof value !== "object" || value === null) return value;
    if (copies.has(value)) return copies.get(value);
    if (waiting.length === MOST_OBJECTS) return LOST;
    const copy = emptyCopyOf(value);
    copies.set(value, copy ?? wholeCopyOf(value));
    if (copy !== undefined) waiting.push(value);
    return copies.get(value);
  };
  const root = copyOf(value);
  // Level by level, so that a crowd of objects deep inside does not take the place of others.
  for (const object of waiting) fill(copies.get(object)!, object, copyOf);
  if (root === LOST) throw new DOMException("it could not be cloned", "DataCloneError");
  return root;
}

/** An empty container like the value; `undefined` if the value is no container. */
function emptyCopyOf(value: object): object | undefined {
  if (isArray(value)) return [];
  if (isView(value) || isError(value)) return;
  const prototype = getPrototypeOf(value);
  if (prototype === Map.prototype) return new Map();
  if (prototype === Set.prototype) return new Set();
  // Dates and the like have no properties.
  return keys(value).length > 0 || prototype === Object.prototype || prototype === null
    ? {}
    : undefined;
}

function wholeCopyOf(value: object): unknown {
  try {
    return structuredClone(value);
  } catch {
    return LOST;
  }
}

/** Puts copies of the contents of a container into its copy. */
function fill(copy: object, value: object, copyOf: (value: unknown) => unknown): void {
  if (copy instanceof Map) {
    for (const [key, entry] of value as Map<unknown, unknown>) {
      const copies = [copyOf(key), copyOf(entry)] as const;
      if (!copies.includes(LOST)) copy.set(...copies);
    }
    return;
  }
  if (copy instanceof Set) {
    for (const member of value as Set<unknown>) {
      const inner = copyOf(member);
      if (inner !== LOST) copy.add(inner);
    }
    return;
  }
  for (const name of keys(value)) {
    let inner: unknown = LOST;
    try {
      inner = copyOf((value as Record<string, unknown>)[name]);
    } catch { /* A property that throws while it is read is left out. */ }
    if (inner === LOST && !isArray(copy)) continue;
    defineProperty(copy, name, {
      value: inner === LOST ? undefined : inner,
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
}
