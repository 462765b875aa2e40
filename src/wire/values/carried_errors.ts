/**
 * Errors inside of values. Structured clone keeps no property of an error but its message and its
 * stack, and not the name of its class: what a validator has found is gone without a word. So errors
 * that say more travel beside the value, as thrown ones do, and an empty object stands for each.
 */

import { apply, bareArray, defineProperty, FixedMap, getPrototypeOf } from "../../intrinsics.ts";
import { decodeThrown, encodeThrown, type Thrown } from "../../thrown.ts";

/** Errors that travel beside a value. */
export interface CarriedErrors {
  /** What stands for each in the value. */
  readonly holes: readonly object[];
  /** The errors, as a list that was thrown. */
  readonly errors: Thrown;
}

const { Array, DOMException, Error, Object } = globalThis;
const { isArray } = Array;
const { isError } = Error;
const { getOwnPropertyNames, keys, prototype: objectPrototype } = Object;
const NativeMap = Map;
const NativeSet = Set;
const { forEach: forEachEntry, set: setEntry } = Map.prototype;
const { add: addMember, forEach: forEachMember } = Set.prototype;

/** Whether an error has something to say that structured clone drops. */
function saysMore(error: object): boolean {
  if (error instanceof DOMException) return false;
  const names = getOwnPropertyNames(error);
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    if (name !== "stack" && name !== "message" && name !== "cause") return true;
  }
  return false;
}

/** An empty object of the kind of this one, if its contents can be copied one by one. */
function emptyLike(value: object): object | undefined {
  if (isArray(value)) {
    const copy: unknown[] = [];
    copy.length = value.length;
    return copy;
  }
  switch (getPrototypeOf(value)) {
    case objectPrototype:
    case null:
      return {};
    case NativeMap.prototype:
      return new NativeMap();
    case NativeSet.prototype:
      return new NativeSet();
  }
}

/** Copies what a value holds to an empty one of its kind. */
function copyContents(from: object, to: object, copy: (value: unknown) => unknown): void {
  if (to instanceof NativeMap) {
    const add = (value: unknown, key: unknown) => apply(setEntry, to, [copy(key), copy(value)]);
    return apply(forEachEntry, from, [add]);
  }
  if (to instanceof NativeSet) {
    return apply(forEachMember, from, [(member: unknown) => apply(addMember, to, [copy(member)])]);
  }
  const names = keys(from);
  for (let i = 0; i < names.length; i++) {
    const value = copy((from as Record<string, unknown>)[names[i]!]);
    const property = { __proto__: null, value, enumerable: true, writable: true };
    defineProperty(to, names[i]!, property as PropertyDescriptor);
  }
}

/**
 * Takes the errors that say more out of a value. Getters are called, once.
 *
 * @returns A copy of the value without them, and the errors, if there are any.
 */
export function takeErrors(value: object): { value: unknown; errors: CarriedErrors | undefined } {
  const copies = new FixedMap<object, object>();
  const copied = bareArray<object>();
  const holes = bareArray<object>();
  const found: unknown[] = [];
  const copy = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    let made = copies.get(value);
    if (made !== undefined) return made;
    const carried = isError(value) && saysMore(value);
    made = carried ? {} : emptyLike(value);
    if (made === undefined) return value;
    copies.set(value, made);
    if (carried) {
      found[found.length] = value;
      holes[holes.length] = made;
    } else copied[copied.length] = value;
    return made;
  };
  const root = copy(value);
  for (let i = 0; i < copied.length; i++) {
    copyContents(copied[i]!, copies.get(copied[i]!)!, copy);
  }
  const errors = found.length === 0 ? undefined : { holes, errors: encodeThrown(found) };
  return { value: root, errors };
}

/** Puts errors back into the value that they have travelled beside. */
export function putErrors(value: unknown, { holes, errors }: CarriedErrors): unknown {
  const found = decodeThrown(errors) as Error[];
  const places = new Map<unknown, Error>(holes.map((hole, i) => [hole, found[i]!]));
  if (places.has(value)) return places.get(value);
  const seen = new Set<object>();
  const put = (inner: unknown): unknown => {
    const error = places.get(inner);
    if (error !== undefined) return error;
    if (typeof inner === "object" && inner !== null) seen.add(inner);
    return inner;
  };
  put(value);
  for (const object of seen) {
    if (object instanceof Map) {
      const entries = Array.from(object, ([key, value]) => [put(key), put(value)]);
      object.clear();
      for (const [key, value] of entries) object.set(key, value);
    } else if (object instanceof Set) {
      const members = Array.from(object, put);
      object.clear();
      for (const member of members) object.add(member);
    } else if (Array.isArray(object) || getPrototypeOf(object) === objectPrototype) {
      const record = object as Record<string, unknown>;
      for (const key of Object.keys(record)) {
        const inner = put(record[key]);
        if (inner !== record[key]) record[key] = inner;
      }
    }
  }
  return value;
}
