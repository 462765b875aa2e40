/** Finds objects that calls of a message share: structured clone makes a single copy of such an object. */

import type { CallReader } from "../wire/calls.ts";

const { isArray } = Array;
const { getPrototypeOf, prototype: objectPrototype, values } = Object;
const datePrototype = Date.prototype;
const bufferPrototype = ArrayBuffer.prototype;
const viewPrototype = getPrototypeOf(Uint8Array.prototype);

/** The run of the call in which each object was found. */
const found = new Map<object, number>();
/** Objects still to be looked into. */
const unseen: object[] = [];

/**
 * Finds a call that may share an object with an earlier call of the message.
 *
 * @param calls Stands before the first call.
 * @returns The id of the call's task.
 */
export function taskThatShares(calls: CallReader): number | undefined {
  let task: number | undefined;
  while (task === undefined && calls.next()) {
    if (!isApart(calls)) ({ task } = calls);
  }
  found.clear();
  unseen.length = 0;
  return task;
}

/** Finds all objects of a call; `false` if an object is in another call, or may hide objects. */
function isApart(call: CallReader): boolean {
  const { count, run } = call;
  let left = 0;
  for (let i = 0; i < count; i++) left = add(call.argument(i), left);
  while (left > 0) {
    const object = unseen[--left]!;
    const owner = found.get(object);
    if (owner === run) continue;
    if (owner !== undefined) return false;
    found.set(object, run);
    const prototype = getPrototypeOf(object)!;
    if (prototype === objectPrototype || isArray(object)) {
      const inside = values(object);
      for (let i = 0; i < inside.length; i++) left = add(inside[i], left);
    } else if (getPrototypeOf(prototype) === viewPrototype) {
      left = add((object as Uint8Array).buffer, left);
    } else if (prototype !== bufferPrototype && prototype !== datePrototype) return false;
  }
  return true;
}

function add(value: unknown, left: number): number {
  if (typeof value === "object" && value !== null) unseen[left++] = value;
  return left;
}
