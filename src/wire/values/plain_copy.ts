const { isArray } = Array;
const { isView } = ArrayBuffer;
const { defineProperty, getOwnPropertyDescriptor, getPrototypeOf, prototype: objectPrototype } =
  Object;

/** The prototypes of objects that structured clone copies as a whole. */
const wholes: readonly unknown[] = [ArrayBuffer, SharedArrayBuffer, Date, RegExp]
  .map(({ prototype }) => prototype);

/**
 * Copies the plain objects and the lists of a value, and nothing else.
 *
 * @param keep The objects that are not to be copied.
 * @returns `undefined` if only structured clone can copy some object inside of the value.
 */
export function copyPlain<T>(value: T, keep: readonly unknown[]): T | undefined {
  const copies = new Map<object, Record<string, unknown>>();
  const todo: object[] = [];
  let isPlain = true;
  const copy = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null || isView(value) || keep.includes(value)) {
      return value;
    }
    let made = copies.get(value);
    if (made !== undefined) return made;
    const prototype = getPrototypeOf(value);
    if (wholes.includes(prototype)) return value;
    if (!isArray(value) && prototype !== objectPrototype && prototype !== null) isPlain = false;
    made = (isArray(value) ? new Array(value.length) : {}) as Record<string, unknown>;
    copies.set(value, made);
    todo.push(value);
    return made;
  };
  const root = copy(value);
  for (let object = todo.pop(); object !== undefined && isPlain; object = todo.pop()) {
    const made = copies.get(object)!;
    for (const key of Object.keys(object)) {
      const property = getOwnPropertyDescriptor(object, key);
      if (property === undefined || !("value" in property) || key === "__proto__") return;
      // Not by assignment: of a frozen `Object.prototype` each name would be read-only here, too.
      const value = copy(property.value);
      defineProperty(made, key, { value, writable: true, enumerable: true, configurable: true });
    }
  }
  return isPlain ? root as T : undefined;
}
