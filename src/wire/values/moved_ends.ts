/** Streams and ports that move with a message: each has an end on either side. */

import { copyPlain } from "./plain_copy.ts";
import {
  type Guard,
  type Guarded,
  type GuardEvents,
  guardPort,
  guardReadable,
  guardWritable,
  isReadable,
  isTransform,
  isWritable,
  newTransform,
} from "./guards.ts";

const { DOMException, Map, MessagePort, Set, structuredClone } = globalThis;
const { isView } = ArrayBuffer;
const { defineProperty, getPrototypeOf } = Object;
const bufferPrototype = ArrayBuffer.prototype;

/** A stream or a port. A `TransformStream` moves as its two halves. */
export type End = ReadableStream | WritableStream | MessagePort;

/** An end that moves with a message, in which the end is listed beside the value that holds it. */
export interface MovedEnd {
  /** The number of the stream or port, for both sides. */
  readonly id: number;
  readonly end: End;
  /** If the end is a half of a `TransformStream`: the object in its place in the value. */
  readonly transform?: object;
}

/** The worker uses the stream or port, or may yet do so. */
export const HELD = 0;
/** The task that was given the stream has ended, and nobody reads the stream or writes to it. */
export const LEFT = 1;
/** The worker's end of the stream or port was closed. */
export const ENDED = 2;

export type EndState = typeof HELD | typeof LEFT | typeof ENDED;

/** Values whose streams and ports can be moved, and the guard in the way of each stream. */
export interface Loan {
  readonly values: unknown[];
  readonly transfer: Transferable[];
  readonly moved: MovedEnd[];
  /** The guard of each stream, by its id; a port that is sent away has none. */
  readonly guards: ReadonlyMap<number, Guard>;
}

/** Whether there is a stream or a port among things to be moved. */
export function movesEnds(transferables: Iterable<Transferable>): boolean {
  for (const item of transferables) if (isEnd(item)) return true;
  return false;
}

function isEnd(value: unknown): value is End | TransformStream {
  if (typeof value !== "object" || value === null) return false;
  // Asked first, as Deno loads its streams at their first mention.
  if (getPrototypeOf(value) === bufferPrototype) return false;
  return isReadable(value) || isWritable(value) || isTransform(value) ||
    value instanceof MessagePort;
}

/**
 * Readies values whose streams and ports are to be moved. The values stay as they are; the values
 * of the loan are sent in their place, with guards instead of streams.
 *
 * @param newId Returns the id of the next stream or port.
 * @param onEnd Is called when a stream has ended on this side.
 * @throws {unknown} An error of structured clone.
 */
export function lend(
  values: readonly unknown[],
  transferables: Iterable<Transferable>,
  newId: () => number,
  onEnd: (id: number) => void,
): Loan {
  let list = [...transferables];
  // The values of the caller must not change: a copy is made. If the values cannot be copied here, a
  // clone is made, and each chunk of a stream has another port to pass.
  let own = copyPlain(values, list) as unknown[] | undefined;
  if (own === undefined) [own, list] = structuredClone([[...values], list], { transfer: list });
  const lender = new Lender(newId, onEnd);
  const { guards, moved, replacements, transfer } = lender;
  try {
    for (const item of list) lender.add(item);
  } catch (error) {
    for (const guard of guards.values()) guard.fail(error);
    throw error;
  }
  replaceIn(own!, replacements);
  return { values: own!, transfer, moved, guards };
}

/** Puts a guard in the way of each stream that is to be moved. */
class Lender {
  readonly transfer: Transferable[] = [];
  readonly moved: MovedEnd[] = [];
  readonly guards = new Map<number, Guard>();
  /** The object in the place of each stream, in the values that are sent. */
  readonly replacements = new Map<object, object>();
  readonly #newId: () => number;
  readonly #onEnd: (id: number) => void;

  constructor(newId: () => number, onEnd: (id: number) => void) {
    this.#newId = newId;
    this.#onEnd = onEnd;
  }

  /** Adds a stream, a port or a buffer; throws if a stream is locked. */
  add(item: Transferable): void {
    if (isReadable(item)) this.replacements.set(item, this.#guard(item, guardReadable));
    else if (isWritable(item)) this.replacements.set(item, this.#guard(item, guardWritable));
    else if (isTransform(item)) {
      const transform = {};
      this.#guard(item.readable, guardReadable, transform);
      this.#guard(item.writable, guardWritable, transform);
      this.replacements.set(item, transform);
    } else {
      if (item instanceof MessagePort) this.moved.push({ id: this.#newId(), end: item });
      this.transfer.push(item);
    }
  }

  #guard<S extends ReadableStream | WritableStream>(
    stream: S,
    make: (stream: S, events: GuardEvents) => Guarded<S>,
    transform?: object,
  ): S {
    if (stream.locked) {
      throw new DOMException(`Cannot transfer a locked ${kindOf(stream)}`, "DataCloneError");
    }
    const id = this.#newId();
    const guarded = make(stream, eventsOf(id, { onEnd: this.#onEnd }));
    this.guards.set(id, guarded.guard);
    this.moved.push({ id, end: guarded.stream, ...transform && { transform } });
    this.transfer.push(guarded.stream);
    return guarded.stream;
  }
}

function kindOf(stream: ReadableStream | WritableStream): string {
  return isReadable(stream) ? "ReadableStream" : "WritableStream";
}

/** A stream or port that has arrived. */
export interface AdoptedEnd {
  readonly id: number;
  /** The stream or port in its place. */
  readonly end: End;
  readonly guard: Guard;
}

/** What an adopted stream or port tells. */
export interface EndEvents {
  onUse?(id: number): void;
  onEnd(id: number): void;
}

/** Ends streams and ports that nobody has any more. */
const collected = new FinalizationRegistry<Guard>((guard) => guard.fail(leftReason()));

function leftReason(): DOMException {
  return new DOMException("The stream was left", "AbortError");
}

/**
 * The events of a guard. Made here, because a closure made beside a stream would keep the stream.
 */
function eventsOf(id: number, { onUse, onEnd }: EndEvents): GuardEvents {
  let ended = false;
  return {
    onUse: onUse && (() => onUse(id)),
    onEnd() {
      if (!ended) onEnd(id);
      ended = true;
    },
  };
}

/**
 * Puts guards in the place of the streams that have arrived inside of values; changes the list.
 *
 * @throws {TypeError} If two streams are to be the same half of a `TransformStream`; then all
 * streams and ports were ended.
 */
export function adopt(
  values: unknown[],
  moved: readonly MovedEnd[],
  ends: EndEvents,
): AdoptedEnd[] {
  const adopted = moved.map(({ id, end }): AdoptedEnd => {
    const events = eventsOf(id, ends);
    if (end instanceof MessagePort) {
      const guard = guardPort(end, events.onEnd);
      collected.register(end, guard);
      return { id, end, guard };
    }
    const { stream, guard } = isReadable(end)
      ? guardReadable(end, events)
      : guardWritable(end, events);
    collected.register(stream, guard);
    return { id, end: stream, guard };
  });
  try {
    replaceIn(values, replacementsOf(moved, adopted));
  } catch (error) {
    for (const { guard } of adopted) guard.fail(error);
    throw error;
  }
  return adopted;
}

/** What takes the place of each stream that has arrived, and of each pair of streams. */
function replacementsOf(
  moved: readonly MovedEnd[],
  adopted: readonly AdoptedEnd[],
): Map<object, object> {
  const replacements = new Map<object, object>();
  for (let i = 0; i < moved.length; i++) {
    const { end, transform } = moved[i]!;
    const { end: value } = adopted[i]!;
    if (transform === undefined) {
      replacements.set(end, value);
      continue;
    }
    let shell = replacements.get(transform);
    if (shell === undefined) replacements.set(transform, shell = newTransform());
    defineProperty(shell, isReadable(end) ? "readable" : "writable", { value });
  }
  return replacements;
}

/**
 * Ends streams and ports that have arrived, and that nobody adopts. Deno does not end them with the
 * thread at the other end.
 */
export function refuse(moved: readonly MovedEnd[], reason: unknown): void {
  for (const { end } of moved) {
    if (end instanceof MessagePort) end.close();
    else (isReadable(end) ? end.cancel(reason) : end.abort(reason)).catch(() => {});
  }
}

/** Replaces objects in a result of structured clone, which is nothing but plain data. */
function replaceIn(values: unknown[], replacements: ReadonlyMap<object, object>): void {
  const seen = new Set<object>();
  const unseen: object[] = [values];
  const swap = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    const replacement = replacements.get(value);
    if (replacement !== undefined) return replacement;
    if (!seen.has(value) && !isView(value)) {
      seen.add(value);
      unseen.push(value);
    }
    return value;
  };
  for (let object = unseen.pop(); object !== undefined; object = unseen.pop()) {
    if (object instanceof Map) {
      const entries = [...object].map(([key, value]) => [swap(key), swap(value)] as const);
      object.clear();
      for (const [key, value] of entries) object.set(key, value);
    } else if (object instanceof Set) {
      const members = [...object].map(swap);
      object.clear();
      for (const member of members) object.add(member);
    } else {
      const holder = object as Record<string, unknown>;
      // The cause of an error is not enumerable.
      if (object instanceof Error && "cause" in object) object.cause = swap(object.cause);
      for (const key of Object.keys(holder)) {
        const value = holder[key];
        const swapped = swap(value);
        if (swapped !== value) holder[key] = swapped;
      }
    }
  }
}
