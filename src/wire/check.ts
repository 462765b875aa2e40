/**
 * The form of the messages of a worker or a process. A task may get hold of the channel to the
 * host, so the host takes nothing for granted: before the host reads a message, this module says
 * whether this package sends messages of the form. The inbox of a member says whether the message
 * fits the runs and loads of its worker.
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
import { isInt32, isListOf, isObject } from "./form.ts";
import { ENDED, HELD, LEFT } from "./values/moved_ends.ts";
import { type ErrorRecord, FIELDS, type Slot, type Thrown } from "./thrown.ts";

const { isArray } = Array;

const FAILURES: ReadonlySet<unknown> = new Set<FailureKind>([
  "threw",
  "load",
  "find",
  "clone",
  "tell",
]);
const END_STATES: ReadonlySet<unknown> = new Set([HELD, LEFT, ENDED]);

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
      return isInt32(first) && (length === 3 || length === 4 && isExtra(third, second));
    case FAILED:
      return length === 4 && isInt32(first) && FAILURES.has(second) && isThrown(third);
    case SHARED:
      return length === 2 && typeof first === "number";
    case STREAM_STATE:
      return length === 3 && isInt32(first) && END_STATES.has(second);
    case LOADED:
      return length === 2 && typeof first === "string";
    case UNLOADABLE:
      return length === 3 && typeof first === "string" && isThrown(second);
    case DYING:
      return length === 2 && isThrown(first);
    case BEGUN:
      return length === 2 && (isInt32(first) || typeof first === "string");
  }
  return false;
}

/** Whether an extra says how to make this value whole. */
function isExtra(extra: unknown, value: unknown): boolean {
  if (extra === BUFFER) return value instanceof Uint8Array;
  if (isArray(extra)) return areMovedEnds(extra);
  if (!isObject(extra)) return false;
  const { holes, errors } = extra;
  if (!isListOf(holes, MAX_CARRIED_ERRORS, isObject) || !isThrown(errors)) return false;
  return "list" in errors.root && errors.root.list.length === holes.length;
}

/** Whether a list has streams and ports of the worker's, each once and free to be used. */
function areMovedEnds(moved: readonly unknown[]): boolean {
  const ids = new Set<unknown>();
  const ends = new Set<unknown>();
  for (let i = 0; i < moved.length; i++) {
    const item = moved[i];
    if (!isObject(item)) return false;
    const { id, end, transform } = item;
    // The ids of streams and ports from the host are positive.
    if (!isInt32(id) || id >= 0 || !isFreeEnd(end)) return false;
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

/** How much of a text is shown. */
const SHOWN_CHARACTERS = 40;
/** How many parts of a message are shown. */
const SHOWN_PARTS = 4;

/** Any message in a few words. Nothing in the message is called or converted. */
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

/**
 * Each limit is taken times this number: the mark that the encoder puts in the place of what it
 * cuts makes a text a little longer than the limit.
 */
const SLACK = 2;

/**
 * Whether a value is an encoded error, or another encoded value that was thrown, within the limits.
 */
export function isThrown(thrown: unknown): thrown is Thrown {
  if (!isObject(thrown) || !isArray(thrown.errors)) return false;
  const check = new ThrownCheck(thrown.errors.length);
  return isListOf(thrown.errors, MAX_ERRORS, check.isError) && check.isSlot(thrown.root, 0);
}

/** Looks through one thrown value, and counts the parts of all its errors together. */
class ThrownCheck {
  /** How many errors there are. */
  readonly #errors: number;
  /** How many slots were seen, and how many characters of text and of stacks. */
  #slots = 0;
  #text = 0;
  #frames = 0;

  constructor(errors: number) {
    this.#errors = errors;
  }

  /**
   * Whether a value is a property or an item. Each is counted as often as it is met.
   *
   * @param lists How many lists the value is nested in.
   */
  isSlot(slot: unknown, lists: number): slot is Slot {
    if (!isObject(slot) || ++this.#slots > SLACK * MAX_SLOTS) return false;
    if ("error" in slot) {
      const { error } = slot;
      return isInt32(error) && error >= 0 && error < this.#errors;
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
    // The part before the message repeats the name.
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
