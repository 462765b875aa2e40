/**
 * Small values on their way from a worker to its host, in memory that both share: a ring of bytes.
 * The host can read a value there as soon as the worker has written the value, without a message,
 * and whatever becomes of the worker. So values that a task makes fast travel together, and no value
 * waits for the next.
 *
 * The ring has entries, which the host reads in the order in which the worker has written them. An
 * entry begins with a byte that says what the entry is. Small are numbers, `undefined`, `null`,
 * booleans, strings with up to {@linkcode MAX_CHARACTERS}, and objects and arrays with few such
 * values and nothing else: of these the host makes exactly what structured clone would make.
 */

import type { DONE, Said } from "./protocol.ts";
import { isPlain } from "./values/cloneable.ts";
import { transferablesOf } from "./values/transfer.ts";

/** What an entry is: a value of a run, and of what use, by the kind of message for such a value. */
export type Use = typeof DONE | Said[0];

/** The entry that goes on at the beginning of the ring. */
export const WRAP = 0;
/** The entry of the names of an object's properties, which stand for a number from now on. */
export const NAMES = 1;
/** The entry with how many values went in messages before the next entries. */
export const AFTER = 3;

/** How many bytes of entries there may be; a power of two. */
export const CAPACITY = 262_144;
/** After so many bytes of results the host must be told, or there may be no room for more. */
const MANY_BYTES = CAPACITY / 4;
/** The bytes that the words take: apart, as the two sides write different words. */
export const WORDS_BYTES = 192;
/** How far the worker has written, how far the host has read, and from where the host must be told. */
export const WRITTEN = 0, READ = 16, WANTED = 32;
/** The bytes that the memory of a ring takes. */
export const RING_BYTES = WORDS_BYTES + CAPACITY;

/** At most so many bytes has an entry. */
export const MAX_ENTRY_BYTES = 4_096;
/** At most so many characters has a string that is small. */
export const MAX_CHARACTERS = 1_024;
/** A string with at most so many characters is encoded and decoded here, which takes less time. */
const FEW_CHARACTERS = 24;
/** At most so many bytes take a number, or the length of a string, with the byte before. */
const MAX_HEAD_BYTES = 9;
/** At most so many bytes has a character of a string. */
const MAX_CHARACTER_BYTES = 3;
/** At most so many values has an object or an array that is small. */
export const MAX_VALUES = 32;
/** How many lists of names both sides know; a new list takes the place of the oldest. */
export const MAX_LISTS = 32;

/** What a value is, in an entry. */
export const UNDEFINED = 0, NULL = 1, TRUE = 2, FALSE = 3, INTEGER = 4, NUMBER = 5;
/** A string of one byte for each character, and a string in UTF-8. */
export const SHORT = 6, TEXT = 7;
export const OBJECT = 8, ARRAY = 9;

const { load, store } = Atomics;
const { isArray } = Array;
const { defineProperty, getOwnPropertyDescriptor, getPrototypeOf, keys } = Object;
const { prototype: objectPrototype } = Object;
const arrayPrototype = Array.prototype;
const { isView } = ArrayBuffer;
const { toStringTag } = Symbol;
const { call } = Function.prototype;
const kindOf = call.bind(objectPrototype.toString) as (value: object) => string;
const charCodeOf = call.bind(String.prototype.charCodeAt) as (text: string, at: number) => number;
const isWellFormed = call.bind(String.prototype.isWellFormed) as (text: string) => boolean;

const encoder = new TextEncoder();
const encodeInto = encoder.encodeInto.bind(encoder);

/** An object without properties of its own. */
const empty = {};

/**
 * Whether an object is a proxy, which structured clone refuses. Only Deno's own code can tell: see
 * `removeInternals()`, which takes the way to this function from tasks.
 */
const isProxy = (Deno as unknown as Record<symbol, { core?: Core } | undefined> & {
  internal: symbol;
})[(Deno as unknown as { internal: symbol }).internal]?.core?.isProxy;

interface Core {
  readonly isProxy?: (value: unknown) => boolean;
}

/** The worker's side: writes the entries. */
export class RingWriter {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** How many bytes were written, with those that the host cannot see yet. */
  #at = 0;
  /** How many bytes the host had read when there was no room last. */
  #read = 0;
  /** The wish of the host that was answered last: each wish is another number of bytes. */
  #answered = -1;
  /** How many bytes were written when the host was told last of results. */
  #told = 0;
  /** How many values went in messages, and of how many the entries tell. */
  #posted = 0;
  #toldPosted = 0;
  /** The lists of names by their numbers, the number of the latest list, and of the next. */
  readonly #lists: (readonly string[])[] = [];
  #list = 0;
  #nextList = 0;
  /** The values of the latest object, as they were read, and their number if it was refused. */
  readonly #values: unknown[] = [];
  #count = 0;
  /** An object whose getters were called in vain, and the object to send in its place. */
  #refused: object | undefined;
  #instead: object | undefined;

  constructor(memory: ArrayBufferLike, offset: number) {
    this.#words = new Int32Array(memory, offset, WORDS_BYTES / Int32Array.BYTES_PER_ELEMENT);
    this.#bytes = new Uint8Array(memory, offset + WORDS_BYTES, CAPACITY);
    this.#view = new DataView(memory, offset + WORDS_BYTES, CAPACITY);
  }

  /** Writes a value of a run; `false` if the value is not small, or if there is no room. */
  write(use: Use, run: number, value: unknown): boolean {
    let list = -1;
    let length = 0;
    if (typeof value === "object" && value !== null) {
      if (isProxy === undefined || isProxy(value)) return false;
      if (isArray(value)) {
        ({ length } = value);
        if (!isSmallArray(value)) return false;
      } else {
        if (!isPlainObject(value)) return false;
        list = this.#listOf(value as Record<string, unknown>);
        if (list < 0) return false;
        ({ length } = this.#lists[list]!);
      }
    }
    if (this.#posted !== this.#toldPosted && !this.#writePosted()) return false;
    const from = this.#makeRoom();
    if (from < 0) return false;
    const limit = from + MAX_ENTRY_BYTES;
    const bytes = this.#bytes;
    bytes[from] = use;
    this.#view.setInt32(from + 1, run);
    let at = from + 5;
    if (typeof value !== "object" || value === null) at = this.#put(at, value, limit);
    else {
      const isObject = list >= 0;
      bytes[at] = isObject ? OBJECT : ARRAY;
      bytes[at + 1] = isObject ? list : length;
      try {
        at = isObject
          ? this.#putProperties(at + 2, value as Record<string, unknown>, limit)
          : this.#putItems(at + 2, value as unknown[], limit);
        if (at < 0) this.#refuse(value as Record<string, unknown>, this.#count);
      } catch (error) {
        at = -1;
        this.#refuseFor(value, error);
      }
      if (at < 0) this.#values.length = 0;
    }
    if (at < 0) return false;
    this.#at = this.#at + at - from | 0;
    return true;
  }

  /** Shows the host what was written. */
  publish(): void {
    store(this.#words, WRITTEN, this.#at);
  }

  /** Whether the host waits for a message about what was published last; the caller sends one. */
  takeWish(): boolean {
    const wanted = load(this.#words, WANTED);
    // If the host has read all by now, the wish is for the entry after.
    if (wanted === this.#answered || wanted === this.#at) return false;
    this.#answered = wanted;
    return true;
  }

  /** Whether there are so many results that the host must be told now. */
  get hasMany(): boolean {
    if ((this.#at - this.#told | 0) < MANY_BYTES) return false;
    this.#told = this.#at;
    return true;
  }

  /** A value goes in a message: the host reads all later entries after the message. */
  notePosted(): void {
    this.#posted = this.#posted + 1 | 0;
  }

  /**
   * The value to send in a message, in place of the value that was refused last: the same value,
   * unless a getter was called, which must not be called again.
   */
  unwritten(value: unknown): unknown {
    if (this.#refused === undefined) return value;
    const result = this.#refused === value ? this.#instead : value;
    this.#refused = this.#instead = undefined;
    return result;
  }

  /** The index of a place for an entry; -1 if there is none. */
  #makeRoom(): number {
    const at = this.#at;
    const index = at & CAPACITY - 1;
    const rest = CAPACITY - index;
    const wraps = rest < MAX_ENTRY_BYTES;
    const end = at + MAX_ENTRY_BYTES + (wraps ? rest : 0);
    if ((end - this.#read | 0) > CAPACITY) {
      this.#read = load(this.#words, READ);
      if ((end - this.#read | 0) > CAPACITY) return -1;
    }
    if (!wraps) return index;
    this.#bytes[index] = WRAP;
    this.#at = at + rest | 0;
    return 0;
  }

  /** Writes how many values went in messages. */
  #writePosted(): boolean {
    const at = this.#makeRoom();
    if (at < 0) return false;
    this.#bytes[at] = AFTER;
    this.#view.setInt32(at + 1, this.#posted);
    this.#at = this.#at + 5 | 0;
    this.#toldPosted = this.#posted;
    return true;
  }

  /** The number of the list of an object's names; -1 if the object is not small. */
  #listOf(value: Record<string, unknown>): number {
    // The loop would take a name that all objects inherit for a name of this object.
    for (const _ in empty) return -1;
    const names = this.#lists[this.#list];
    if (names !== undefined) {
      let i = 0;
      let isSame = true;
      for (const name in value) {
        if (names[i++] === name) continue;
        isSame = false;
        break;
      }
      if (isSame && i === names.length) return this.#list;
    }
    return this.#findList(value);
  }

  /** The same for an object with other names than the object before. No getter is called. */
  #findList(value: Record<string, unknown>): number {
    const names = keys(value);
    const { length } = names;
    // An object without properties may be a map, or another object that has lost its prototype.
    if (length === 0 || length > MAX_VALUES) return -1;
    for (let i = 0; i < length; i++) {
      const property = getOwnPropertyDescriptor(value, names[i]!);
      if (property === undefined || !("value" in property)) return -1;
      if (!isPlain(property.value) || typeof property.value === "bigint") return -1;
    }
    const lists = this.#lists;
    for (let list = 0; list < lists.length; list++) {
      if (areSame(lists[list]!, names)) return this.#list = list;
    }
    return this.#writeNames(names) ? this.#list : -1;
  }

  /** Writes a list of names, which takes the place of the oldest list. */
  #writeNames(names: readonly string[]): boolean {
    const from = this.#makeRoom();
    if (from < 0) return false;
    const list = this.#nextList;
    const bytes = this.#bytes;
    let at = from;
    bytes[at++] = NAMES;
    bytes[at++] = list;
    bytes[at++] = names.length;
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!;
      // The host could not assign such a property.
      if (name === "__proto__") return false;
      at = this.#putString(at, name, from + MAX_ENTRY_BYTES);
      if (at < 0) return false;
    }
    this.#at = this.#at + at - from | 0;
    this.#lists[list] = names;
    this.#list = list;
    this.#nextList = (list + 1) % MAX_LISTS;
    return true;
  }

  // Each of these writes from an index on, and returns the index after: -1 for what is not small.

  #putProperties(at: number, value: Record<string, unknown>, limit: number): number {
    const values = this.#values;
    const { length } = this.#lists[this.#list]!;
    let i = 0;
    for (const name in value) {
      const property = value[name];
      values[i++] = property;
      at = this.#put(at, property, limit);
      if (at < 0 || i > length) break;
    }
    this.#count = i;
    // A getter may have changed its object.
    return i === length ? at : -1;
  }

  #putItems(at: number, items: readonly unknown[], limit: number): number {
    const values = this.#values;
    const { length } = items;
    for (let i = 0; i < length; i++) {
      const item = items[i];
      values[i] = item;
      at = this.#put(at, item, limit);
      if (at < 0) {
        this.#count = i + 1;
        break;
      }
    }
    return at;
  }

  #put(at: number, value: unknown, limit: number): number {
    if (at + MAX_HEAD_BYTES > limit) return -1;
    const bytes = this.#bytes;
    switch (typeof value) {
      case "number":
        if ((value | 0) === value && (value !== 0 || 1 / value > 0)) {
          bytes[at] = INTEGER;
          this.#view.setInt32(at + 1, value);
          return at + 5;
        }
        bytes[at] = NUMBER;
        this.#view.setFloat64(at + 1, value);
        return at + 9;
      case "string":
        return this.#putString(at, value, limit);
      case "boolean":
        bytes[at] = value ? TRUE : FALSE;
        return at + 1;
      case "undefined":
        bytes[at] = UNDEFINED;
        return at + 1;
    }
    if (value !== null) return -1;
    bytes[at] = NULL;
    return at + 1;
  }

  #putString(at: number, value: string, limit: number): number {
    const { length } = value;
    const most = MAX_CHARACTER_BYTES * length;
    if (length > MAX_CHARACTERS || at + MAX_HEAD_BYTES + most > limit) return -1;
    const bytes = this.#bytes;
    if (length <= FEW_CHARACTERS) {
      let i = 0;
      for (; i < length; i++) {
        const code = charCodeOf(value, i);
        if (code > 255) break;
        bytes[at + 2 + i] = code;
      }
      if (i === length) {
        bytes[at] = SHORT;
        bytes[at + 1] = length;
        return at + 2 + length;
      }
    }
    const { written } = encodeInto(value, bytes.subarray(at + 3, at + 3 + most));
    // Half of a pair of surrogates has no form in UTF-8.
    if (written !== length && !isWellFormed(value)) return -1;
    bytes[at] = TEXT;
    bytes[at + 1] = written >> 8;
    bytes[at + 2] = written;
    return at + 3 + written;
  }

  /**
   * An object was refused after so many of its values were read, of which some may be results of
   * getters.
   */
  #refuse(value: Record<string, unknown>, count: number): void {
    const names = keys(value);
    const values = this.#values;
    const instead = isArray(value) ? [] : {};
    let hasGetters = false;
    for (let i = 0; i < names.length && i < count; i++) {
      if (getOwnPropertyDescriptor(value, names[i]!)?.get !== undefined) hasGetters = true;
    }
    if (!hasGetters) return;
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!;
      const property = i < count ? values[i] : value[name];
      defineProperty(instead, name, { value: property, enumerable: true, writable: true });
    }
    this.#refused = value;
    this.#instead = instead;
  }

  /** A getter of an object has thrown, and must throw the same when the object is sent. */
  #refuseFor(value: object, error: unknown): void {
    this.#refused = value;
    this.#instead = {
      get property() {
        throw error;
      },
    };
  }
}

function isPlainObject(value: object): boolean {
  const prototype = getPrototypeOf(value);
  if (prototype !== objectPrototype && prototype !== null) return false;
  // An error, a date or a view may have lost its prototype. Neither the arguments of a function nor
  // the exports of a module can be cloned.
  return !(toStringTag in value) && kindOf(value) === "[object Object]" && !isView(value) &&
    transferablesOf(value) === undefined;
}

/** Whether an array has few items, each at its place, and nothing else. */
function isSmallArray(value: readonly unknown[]): boolean {
  const { length } = value;
  if (length > MAX_VALUES) return false;
  if (getPrototypeOf(value) !== arrayPrototype || transferablesOf(value) !== undefined) {
    return false;
  }
  // The names of the items come first, in their order.
  const names = keys(value);
  return names.length === length && (length === 0 || names[length - 1] === `${length - 1}`);
}

function areSame(one: readonly string[], other: readonly string[]): boolean {
  if (one.length !== other.length) return false;
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
  return true;
}
