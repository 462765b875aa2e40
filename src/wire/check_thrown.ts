import { isInt32, isListOf, isObject } from "./form.ts";
import { type ErrorRecord, FIELDS, type Slot, type Thrown } from "./thrown.ts";
import {
  endOfMessage,
  MAX_ALL_FRAMES_CHARACTERS,
  MAX_ERRORS,
  MAX_FRAMES_CHARACTERS,
  MAX_LISTS,
  MAX_MESSAGE_CHARACTERS,
  MAX_NAME_CHARACTERS,
  MAX_SLOTS,
  MAX_TEXT_CHARACTERS,
} from "./thrown_limits.ts";

const { isArray } = Array;

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
