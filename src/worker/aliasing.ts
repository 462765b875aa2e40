/** Finds objects that calls of a message share: structured clone makes a single copy of such an object. */

const { isArray } = Array;
const { getPrototypeOf, prototype: objectPrototype, values } = Object;
const datePrototype = Date.prototype;
const bufferPrototype = ArrayBuffer.prototype;
const viewPrototype = getPrototypeOf(Uint8Array.prototype);

/** The call in which each object was found. */
const found = new Map<object, number>();
/** Objects that are yet to be looked into. */
const unseen: object[] = [];

/**
 * Finds a call that may share an object with an earlier call.
 *
 * @param calls A message; see `RUN_TOGETHER` of protocol.ts.
 * @returns The id of the call's task.
 */
export function taskThatShares(calls: readonly unknown[]): number | undefined {
  let task: number | undefined;
  for (let i = 2; i < calls.length && task === undefined;) {
    const count = calls[i + 1] as number;
    const end = i + 3 + count * (calls[i + 2] as number);
    const id = calls[i] as number;
    for (i += 3; i < end && task === undefined; i += count) {
      if (!isApart(calls, i, count)) task = id;
    }
  }
  found.clear();
  unseen.length = 0;
  return task;
}

/** Finds all objects of a call; `false` if an object is in another call, or may hide objects. */
function isApart(calls: readonly unknown[], first: number, count: number): boolean {
  let left = 0;
  for (let i = first; i < first + count; i++) left = add(calls[i], left);
  while (left > 0) {
    const object = unseen[--left]!;
    const call = found.get(object);
    if (call === first) continue;
    if (call !== undefined) return false;
    found.set(object, first);
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
