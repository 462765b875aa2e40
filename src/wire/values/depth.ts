/**
 * How deep a value is nested. V8 needs more stack to read nested objects than to write them, so
 * some values can be sent and never read: and a side that cannot read a message reads no later
 * message. The sender must refuse such a value, and only a look into the value can tell. The result
 * of a getter is not looked into: a getter must be called only once, by the clone.
 */

/**
 * How many levels of objects a value may have. On Linux workers and the event loop read 2,450 to
 * 2,690 levels, by the version of Deno, and write 3,800. Deno's build for Windows has larger frames
 * on its stack: 1,300 levels are read, and 2,000 written.
 */
export const MAX_LEVELS = Deno.build.os === "windows" ? 1_024 : 2_048;
/** Up to how many levels a value is looked into without noting which objects were seen. */
const FEW_LEVELS = 32;
/**
 * After so many values, objects are noted, too: a few objects can have endless paths among them.
 */
const MANY_VALUES = 100_000;
/** An object with at most so many values, and no object among the values, is not noted. */
const FEW_VALUES = 16;

const { Map, Set } = globalThis;
const { isArray } = Array;
const { isView } = ArrayBuffer;
const { isError } = Error;
const { getOwnPropertyDescriptor, getPrototypeOf, keys, prototype: objectPrototype } = Object;
// Not the methods of a subclass.
const { forEach: forEachEntry } = Map.prototype;
const { forEach: forEachMember } = Set.prototype;

/** How many values may still be looked at. */
let left = 0;
/** Whether an error or a getter was met. */
let met = false;
/** The class met last whose objects have nothing but properties. */
let ordinary: object | null = null;

/** Whether an error or a getter was met in the latest value. */
export function hasMetErrors(): boolean {
  const result = met;
  met = false;
  return result;
}

/**
 * Whether a value has more than {@linkcode MAX_LEVELS}, in the order in which V8 writes the value.
 */
export function isTooDeep(value: object): boolean {
  left = MANY_VALUES;
  met = false;
  return !isShallow(value, FEW_LEVELS) && exceeds(value, MAX_LEVELS);
}

/**
 * Whether no path into a value has so many levels; `false` also if there is too much to look at.
 */
function isShallow(value: object, levels: number): boolean {
  if (levels === 0 || left < 0) return false;
  if (isArray(value)) {
    left -= value.length;
    if (left < 0) return false;
    return typeof value[0] === "number"
      ? areNumbersShallow(value, levels)
      : areShallow(value, levels);
  }
  const special = specialContentsOf(value);
  if (special !== undefined) {
    left -= special.length;
    return areShallow(special, levels);
  }
  const names = keys(value);
  left -= names.length;
  for (let i = 0; i < names.length; i++) {
    // Calls no getter, and costs no more than to read a property of objects of many shapes.
    const property = getOwnPropertyDescriptor(value, names[i]!);
    const inner = property?.value;
    if (typeof inner === "object" && inner !== null) {
      if (!isShallow(inner, levels - 1)) return false;
    } else if (inner === undefined && property?.get !== undefined) met = true;
  }
  return true;
}

function areShallow(values: readonly unknown[], levels: number): boolean {
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value === "object" && value !== null && !isShallow(value, levels - 1)) return false;
  }
  return true;
}

/** The same: V8 compiles this function for numbers alone, which takes half as long. */
function areNumbersShallow(values: readonly unknown[], levels: number): boolean {
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value === "object" && value !== null && !isShallow(value, levels - 1)) return false;
  }
  return true;
}

/** Whether a value has more levels, as V8 writes the value: each object where it is met first. */
function exceeds(root: object, levels: number): boolean {
  const seen = new Set<object>();
  // The objects yet to be looked into, the next object last, and the depth of each.
  const waiting = [root];
  const depths = [1];
  let count = 1;
  while (count > 0) {
    const value = waiting[--count]!;
    const depth = depths[count]!;
    if (seen.has(value)) continue;
    if (depth > levels) return true;
    const contents = isArray(value) && !isSparse(value)
      ? value
      : specialContentsOf(value) ?? valuesOf(value);
    const first = count;
    for (let i = contents.length - 1; i >= 0; i--) {
      const inner = contents[i];
      if (typeof inner !== "object" || inner === null) continue;
      waiting[count] = inner;
      depths[count++] = depth + 1;
    }
    // Looking at such an object again costs less than noting the object.
    if (count > first || contents.length > FEW_VALUES) seen.add(value);
  }
  return false;
}

/** Whether a long array may be empty for the most part: then its length says nothing. */
function isSparse(values: readonly unknown[]): boolean {
  return values.length > MANY_VALUES && values[values.length >> 1] === undefined;
}

function valuesOf(value: object): readonly unknown[] {
  const contents = keys(value) as unknown[];
  for (let i = 0; i < contents.length; i++) {
    const property = getOwnPropertyDescriptor(value, contents[i] as string);
    if (property?.get !== undefined) met = true;
    contents[i] = property?.value;
  }
  return contents;
}

/**
 * The contents that V8 writes in place of the properties of a value, if its class has such
 * contents.
 */
function specialContentsOf(value: object): readonly unknown[] | undefined {
  const prototype = getPrototypeOf(value);
  if (prototype === objectPrototype || prototype === null || prototype === ordinary) return;
  const contents: unknown[] = [];
  if (isView(value)) return contents;
  try {
    if (value instanceof Map) {
      forEachEntry.call(value, (entry, key) => contents.push(key, entry));
      return contents;
    }
    if (value instanceof Set) {
      forEachMember.call(value, (member) => contents.push(member));
      return contents;
    }
  } catch { /* The value only inherits from a Map or a Set. */ }
  if (isError(value)) {
    met = true;
    return [getOwnPropertyDescriptor(value, "cause")?.value];
  }
  ordinary = prototype;
}
