/**
 * Copies for a process. Deno writes messages to one in V8's format, and one that cannot be
 * written does not throw: it breaks the channel, or ends the writer. So each value is cloned
 * first, and the clone, which has neither getters nor proxies, is looked through for what
 * structured clone takes and this format does not.
 */

import { isUnmarked } from "./cloneable.ts";

const { DOMException, Map, Set, structuredClone } = globalThis;
const { isArray } = Array;
const { isView } = ArrayBuffer;
const { getPrototypeOf, keys } = Object;
const { isError } = Error;
const sharedMemory = SharedArrayBuffer.prototype;

/** What a value of a class can hold that must be looked at, too. */
type Contents = "nothing" | "properties" | "entries" | "members";

const classes = new Map<object | null, Contents>();
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
  // What an object holds is added behind it, and looked at in its turn.
  const found = new Set<object>();
  const add = (value: unknown) => {
    if (typeof value === "object" && value !== null) found.add(value);
  };
  add(copy);
  for (const object of found) addContents(object, add);
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
    for (const item of value) add(item);
    return;
  }
  switch (classes.get(getPrototypeOf(value))) {
    case "nothing":
      return;
    case "properties":
      for (const key of keys(value)) add((value as Record<string, unknown>)[key]);
      return;
    case "entries":
      for (const [key, entry] of value as Map<unknown, unknown>) (add(key), add(entry));
      return;
    case "members":
      for (const member of value as Set<unknown>) add(member);
      return;
  }
  // Those of the language; a DOMException would arrive as another class.
  if (isError(value) && !(value instanceof DOMException)) return add(value.cause);
  refuse(`${String(value.constructor?.name ?? "an")} object`);
}

function refuse(what: string): never {
  throw new DOMException(`${what} could not be cloned for a process`, "DataCloneError");
}
