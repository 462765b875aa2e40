/**
 * The shape of what a worker or a process sends. A task may get hold of the channel to the host, so
 * the host takes nothing for granted: this module says whether a message is of a form that this
 * package sends, before anything in the message is read. Whether the message fits what its worker
 * was asked for is for member.ts to say.
 */

import {
  BEGUN,
  BUFFER,
  DONE,
  DYING,
  FAILED,
  type FailureKind,
  type FromProcess,
  KEPT,
  LIVES,
  LOADED,
  OUTLIVES,
  PROGRESS,
  READY,
  SHARED,
  STREAM_STATE,
  UNLOADABLE,
  YIELDED,
} from "./protocol.ts";
import { type ErrorRecord, FIELDS, type Slot, type Thrown } from "./thrown.ts";
import {
  endOfMessage,
  MAX_ALL_FRAMES_CHARACTERS,
  MAX_CARRIED_ERRORS,
  MAX_ERRORS,
  MAX_FRAMES_CHARACTERS,
  MAX_LISTS,
  MAX_MESSAGE_CHARACTERS,
  MAX_NAME_CHARACTERS,
  MAX_SLOTS,
  MAX_TEXT_CHARACTERS,
} from "./thrown_limits.ts";
import { ENDED, HELD, LEFT } from "./values/moved_ends.ts";

const { isArray } = Array;

const FAILURES: ReadonlySet<unknown> = new Set<FailureKind>([
  "threw",
  "load",
  "find",
  "clone",
  "tell",
]);
const END_STATES: ReadonlySet<unknown> = new Set([HELD, LEFT, ENDED]);
/** What stands where the encoder has cut something is a little longer than what it has cut. */
const SLACK = 2;

/** Whether a message has the form of one that a worker or a process of this package sends. */
export function isWellFormed(message: unknown): message is FromProcess {
  if (typeof message === "number") {
    return message === KEPT || message === READY || message === LIVES || message === OUTLIVES;
  }
  if (!isArray(message)) return false;
  const { length, 0: kind, 1: first, 2: second, 3: third } = message;
  switch (kind) {
    case DONE:
    case PROGRESS:
    case YIELDED:
      return isRun(first) && (length === 3 || length === 4 && isExtra(third, second));
    case FAILED:
      return length === 4 && isRun(first) && FAILURES.has(second) && isThrown(third);
    case SHARED:
      return length === 2 && typeof first === "number";
    case STREAM_STATE:
      return length === 3 && isRun(first) && END_STATES.has(second);
    case LOADED:
      return length === 2 && typeof first === "string";
    case UNLOADABLE:
      return length === 3 && typeof first === "string" && isThrown(second);
    case DYING:
      return length === 2 && isThrown(first);
    case BEGUN:
      return length === 2 && (isRun(first) || typeof first === "string");
  }
  return false;
}

/** Whether something can be the number of a run, which wraps around at 32 bits; or that of a stream. */
function isRun(value: unknown): boolean {
  return typeof value === "number" && (value | 0) === value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** Whether something is a short list of such items. A list may have gaps, which no method visits. */
function isListOf<T>(
  list: unknown,
  most: number,
  isItem: (item: unknown) => item is T,
): list is T[] {
  if (!isArray(list) || list.length > most) return false;
  for (let i = 0; i < list.length; i++) if (!isItem(list[i])) return false;
  return true;
}

/** Whether something says how a value is to be made whole. */
function isExtra(extra: unknown, value: unknown): boolean {
  if (extra === BUFFER) return value instanceof Uint8Array;
  if (isArray(extra)) return areMovedEnds(extra);
  if (!isObject(extra)) return false;
  const { holes, errors } = extra;
  if (!isListOf(holes, MAX_CARRIED_ERRORS, isObject) || !isThrown(errors)) return false;
  return "list" in errors.root && errors.root.list.length === holes.length;
}

/** Whether these are streams and ports of the worker's, each of them once and free to be used. */
function areMovedEnds(moved: readonly unknown[]): boolean {
  const ids = new Set<unknown>();
  const ends = new Set<unknown>();
  for (let i = 0; i < moved.length; i++) {
    const item = moved[i];
    if (!isObject(item)) return false;
    const { id, end, transform } = item;
    // The ids of what the host has moved are positive.
    if (!isRun(id) || id as number >= 0 || !isFreeEnd(end)) return false;
    if (transform !== undefined && (!isObject(transform) || end instanceof MessagePort)) {
      return false;
    }
    ids.add(id);
    ends.add(end);
  }
  return ids.size === moved.length && ends.size === moved.length;
}

function isFreeEnd(end: unknown): boolean {
  if (end instanceof ReadableStream || end instanceof WritableStream) return !end.locked;
  return end instanceof MessagePort;
}

/** Whether something is an encoded error, or another thing that was thrown, and within the limits. */
export function isThrown(thrown: unknown): thrown is Thrown {
  if (!isObject(thrown) || !isArray(thrown.errors)) return false;
  const check = new ThrownCheck(thrown.errors.length);
  return isListOf(thrown.errors, MAX_ERRORS, check.isError) && check.isSlot(thrown.root, 0);
}

/** Looks through one thrown value, and counts what that has in all. */
class ThrownCheck {
  readonly #errors: number;
  #slots = 0;
  #text = 0;
  #frames = 0;

  constructor(errors: number) {
    this.#errors = errors;
  }

  /** Whether something is a property or an item. Each is counted as often as it is met. */
  isSlot(slot: unknown, lists: number): slot is Slot {
    if (!isObject(slot) || ++this.#slots > SLACK * MAX_SLOTS) return false;
    if ("error" in slot) {
      const { error } = slot;
      return isRun(error) && error as number >= 0 && error as number < this.#errors;
    }
    if (!("list" in slot)) return "value" in slot;
    const isItem = (item: unknown): item is Slot => this.isSlot(item, lists + 1);
    return lists <= MAX_LISTS && isListOf(slot.list, SLACK * MAX_SLOTS, isItem);
  }

  readonly isError = (record: unknown): record is ErrorRecord => {
    if (!isObject(record)) return false;
    const { type, name, message, stack, properties } = record;
    if (!this.#isText(type, MAX_NAME_CHARACTERS) || !this.#isText(name, MAX_NAME_CHARACTERS)) {
      return false;
    }
    if (!this.#isText(message, MAX_MESSAGE_CHARACTERS) || typeof stack !== "string") return false;
    const end = endOfMessage(stack, message);
    // What comes before the message repeats the name.
    this.#frames += stack.length - end;
    return end - message.length <= SLACK * MAX_FRAMES_CHARACTERS &&
      stack.length - end <= SLACK * MAX_FRAMES_CHARACTERS &&
      this.#frames <= SLACK * MAX_ALL_FRAMES_CHARACTERS &&
      isListOf(properties, SLACK * MAX_SLOTS, this.#isProperty);
  };

  readonly #isProperty = (property: unknown): property is ErrorRecord["properties"][number] => {
    if (!isArray(property) || property.length !== 3) return false;
    const [key, slot, enumerable] = property;
    return this.#isText(key, MAX_NAME_CHARACTERS) && !FIELDS.has(key) && this.isSlot(slot, 0) &&
      typeof enumerable === "boolean";
  };

  #isText(text: unknown, most: number): text is string {
    if (typeof text !== "string" || text.length > most) return false;
    this.#text += text.length;
    return this.#text <= SLACK * MAX_TEXT_CHARACTERS;
  }
}

/** How much of a text is shown. */
const SHOWN_CHARACTERS = 40;
/** How many parts of a message are shown. */
const SHOWN_PARTS = 4;

/** A message in a few words, whatever it is: nothing in it is called or converted. */
export function describeMessage(message: unknown): string {
  if (!isArray(message)) return describe(message);
  const parts = Array.from(message.slice(0, SHOWN_PARTS), describe);
  if (message.length > SHOWN_PARTS) parts.push("…");
  return `[${parts.join(", ")}]`;
}

function describe(value: unknown): string {
  switch (typeof value) {
    case "string": {
      const shown = JSON.stringify(value.slice(0, SHOWN_CHARACTERS));
      return value.length > SHOWN_CHARACTERS ? `${shown}…` : shown;
    }
    case "number":
    case "boolean":
    case "undefined":
      return String(value);
    case "object":
      if (value === null) return "null";
      return isArray(value) ? `a list of ${value.length}` : "an object";
    default:
      return `a ${typeof value}`;
  }
}
