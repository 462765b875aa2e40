/**
 * Errors inside of values. Structured clone keeps no property of an error but its message and its
 * stack, and not the name of its class: what a validator has found is gone without a word. So
 * errors that say more travel beside the value, as thrown ones do, and an empty object stands for
 * each.
 */

import { decodeThrown, encodeThrown, type Thrown } from "../thrown.ts";
import { MAX_CARRIED_ERRORS } from "../thrown_limits.ts";

/** Errors that travel beside a value. */
export interface CarriedErrors {
  /** The empty object in the place of each error in the value. */
  readonly holes: readonly object[];
  /** The errors, as a list that was thrown. */
  readonly errors: Thrown;
}

// Only Deno's own classes are cloned, and none of a library.
const { DOMException, Map, Set } = globalThis;
const { isArray } = Array;
const { isError } = Error;
const { defineProperty, getOwnPropertyNames, getPrototypeOf, keys, prototype: objectPrototype } =
  Object;

/** Whether an error has something to say that structured clone drops. */
function saysMore(error: object): boolean {
  if (error instanceof DOMException) return false;
  return getOwnPropertyNames(error).some((name) =>
    name !== "stack" && name !== "message" && name !== "cause"
  );
}

/** An empty object of the kind of this one, if its contents can be copied one by one. */
function emptyLike(value: object): object | undefined {
  if (isArray(value)) return new Array(value.length);
  switch (getPrototypeOf(value)) {
    case objectPrototype:
    case null:
      return {};
    case Map.prototype:
      return new Map();
    case Set.prototype:
      return new Set();
  }
}

/** Copies what a value holds to an empty one of its kind. */
function copyContents(from: object, to: object, copy: (value: unknown) => unknown): void {
  if (from instanceof Map) {
    for (const [key, value] of from) (to as Map<unknown, unknown>).set(copy(key), copy(value));
  } else if (from instanceof Set) {
    for (const member of from) (to as Set<unknown>).add(copy(member));
  } else {
    for (const name of keys(from)) {
      const value = copy((from as Record<string, unknown>)[name]);
      // Not by assignment: a name may be `__proto__`, or that of something frozen.
      defineProperty(to, name, { value, enumerable: true, writable: true });
    }
  }
}

/**
 * Takes the errors that say more out of a value. Getters are called, once.
 *
 * @returns A copy of the value without them, and the errors, if there are any.
 */
export function takeErrors(value: object): { value: unknown; errors: CarriedErrors | undefined } {
  const copies = new Map<object, object>();
  const copied: object[] = [];
  const holes: object[] = [];
  const found: unknown[] = [];
  const copy = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    let made = copies.get(value);
    if (made !== undefined) return made;
    // More than these arrive as structured clone makes them.
    const carried = isError(value) && found.length < MAX_CARRIED_ERRORS && saysMore(value);
    made = carried ? {} : emptyLike(value);
    if (made === undefined) return value;
    copies.set(value, made);
    if (carried) {
      found.push(value);
      holes.push(made);
    } else copied.push(value);
    return made;
  };
  const root = copy(value);
  // What is copied can grow the list.
  for (const object of copied) copyContents(object, copies.get(object)!, copy);
  const errors = found.length === 0 ? undefined : { holes, errors: encodeThrown(found) };
  return { value: root, errors };
}

/** Puts errors back into the value that they have travelled beside. */
export function putErrors(value: unknown, { holes, errors }: CarriedErrors): unknown {
  const found = decodeThrown(errors) as unknown[];
  const places = new Map<unknown, unknown>(holes.map((hole, i) => [hole, found[i]]));
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
      const entries = [...object].map(([key, value]) => [put(key), put(value)]);
      object.clear();
      for (const [key, value] of entries) object.set(key, value);
    } else if (object instanceof Set) {
      const members = [...object].map(put);
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
