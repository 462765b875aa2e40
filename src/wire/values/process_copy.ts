/**
 * Copies for a process. Deno writes messages to a process in V8's format. A message that cannot be
 * written does not throw, but breaks the channel, or ends the writer. So each value is cloned
 * first. The clone has neither getters nor proxies, and is searched for objects that structured
 * clone takes and the format does not.
 */

import { bytesClassIndex } from "./bytes.ts";
import { isPlain, isUnmarked } from "./cloneable.ts";

const { DOMException, Map, Set, structuredClone } = globalThis;
const { isArray } = Array;
const { isView } = ArrayBuffer;
const { getPrototypeOf, keys } = Object;
const { isError } = Error;
const sharedMemory = SharedArrayBuffer.prototype;

/** The parts of a value, by its class, that must be looked at, too. */
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

/** Whether a part of a message can be written as the part is: a primitive, or a typed array. */
function isWritable(part: unknown): boolean {
  return isPlain(part) || isView(part) && bytesClassIndex(part) !== undefined;
}

/**
 * A copy of a message that can be written to a process, or the message itself if nothing in the
 * message has to be looked at: the message is written before anybody can change the message.
 *
 * @param transfer The objects that are moved to the copy.
 * @throws {DOMException} Named `DataCloneError`, if some object inside cannot be written.
 */
export function copyForProcess<T>(message: T, transfer?: Transferable[]): T {
  if (transfer === undefined && isArray(message) && message.every(isWritable)) return message;
  const copy = cloneOf(message, transfer);
  // The contents of an object are added behind the object, and looked at in their turn.
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

/** Adds the contents of a value. */
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
  // Errors of the language; a DOMException would arrive as another class.
  if (isError(value) && !(value instanceof DOMException)) return add(value.cause);
  refuse(`${String(value.constructor?.name ?? "an")} object`);
}

function refuse(what: string): never {
  throw new DOMException(`${what} could not be cloned for a process`, "DataCloneError");
}
