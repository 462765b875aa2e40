/**
 * Copies for a process. Deno writes messages to one in V8's format, and one that cannot be
 * written does not throw: it breaks the channel, or ends the writer. So each value is cloned
 * first, and the clone, which has neither getters nor proxies, is looked through for what
 * structured clone takes and this format does not.
 */

import { isUnmarked } from "./cloneable.ts";
import { apply, bareArray, FixedMap, FixedSet, getPrototypeOf } from "./intrinsics.ts";

const { Array, ArrayBuffer, DOMException, Error, Object, SharedArrayBuffer, structuredClone } =
  globalThis;
const { isArray } = Array;
const { isView } = ArrayBuffer;
const { keys } = Object;
const { forEach: forEachEntry } = Map.prototype;
const { forEach: forEachMember } = Set.prototype;
const { isError } = Error;
const sharedMemory = SharedArrayBuffer.prototype;

/** What a value of a class can hold that must be looked at, too. */
type Contents = "nothing" | "properties" | "entries" | "members";

const classes = new FixedMap<object | null, Contents>();
classes.set(null, "properties");
classes.set(Object.prototype, "properties");
classes.set(Array.prototype, "properties");
classes.set(Map.prototype, "entries");
classes.set(Set.prototype, "members");
for (const { prototype } of [ArrayBuffer, Date, RegExp, Number, String, Boolean, BigInt]) {
  classes.set(prototype, "nothing");
}

/**
 * A copy of a message that can be written to a process.
 *
 * @param transfer What is moved to the copy.
 * @throws {DOMException} Named `DataCloneError`, if there is something in it that cannot be.
 */
export function copyForProcess<T>(message: T, transfer?: Transferable[]): T {
  const copy = cloneOf(message, transfer);
  const seen = new FixedSet<object>();
  const found = bareArray<object>();
  const add = (value: unknown) => {
    if (typeof value !== "object" || value === null || seen.has(value)) return;
    seen.add(value);
    found[found.length] = value;
  };
  add(copy);
  for (let i = 0; i < found.length; i++) addContents(found[i]!, add);
  return copy;
}

function cloneOf<T>(message: T, transfer: Transferable[] | undefined): T {
  try {
    return transfer === undefined
      ? structuredClone(message)
      : structuredClone(message, { transfer });
  } catch (error) {
    if (isError(error) && isUnmarked(error.message)) refuse("a stream or a port");
    throw error;
  }
}

/** Adds what a value holds. */
function addContents(value: object, add: (value: unknown) => void): void {
  if (isView(value)) {
    if (getPrototypeOf(value.buffer) === sharedMemory) refuse("SharedArrayBuffer object");
    return;
  }
  if (isArray(value) && keys(value).length === value.length) {
    for (let i = 0; i < value.length; i++) add(value[i]);
    return;
  }
  const contents = classes.get(getPrototypeOf(value));
  switch (contents) {
    case "nothing":
      return;
    case "properties": {
      const names = keys(value);
      for (let i = 0; i < names.length; i++) add((value as Record<string, unknown>)[names[i]!]);
      return;
    }
    case "entries":
      return apply(forEachEntry, value, [(entry: unknown, key: unknown) => (add(key), add(entry))]);
    case "members":
      return apply(forEachMember, value, [add]);
  }
  // Those of the language; a DOMException would arrive as another class.
  if (isError(value) && !(value instanceof DOMException)) return add(value.cause);
  refuse(`${String(value.constructor?.name ?? "an")} object`);
}

function refuse(what: string): never {
  throw new DOMException(`${what} could not be cloned for a process`, "DataCloneError");
}
