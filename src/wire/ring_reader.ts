import { DONE, PROGRESS, YIELDED } from "./protocol.ts";
import {
  AFTER,
  ARRAY,
  CAPACITY,
  FALSE,
  INTEGER,
  MAX_ENTRY_BYTES,
  MAX_LISTS,
  MAX_VALUES,
  NAMES,
  NULL,
  NUMBER,
  OBJECT,
  READ,
  SHORT,
  TEXT,
  TRUE,
  UNDEFINED,
  type Use,
  WANTED,
  WORDS_BYTES,
  WRAP,
  WRITTEN,
} from "./ring.ts";

const { load, store } = Atomics;
const { fromCharCode } = String;
const { defineProperty } = Object;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const decode = decoder.decode.bind(decoder);

/** A list of names, and an object with these names, which is copied to make an object fast. */
interface Names {
  readonly names: readonly string[];
  readonly template: Readonly<Record<string, unknown>>;
}

/**
 * The host's side: reads the entries, which may be anything. Each is read from a copy, which the
 * worker cannot change between a check and its use.
 */
export class RingReader {
  readonly #words: Int32Array;
  readonly #shared: Uint8Array;
  /** A copy of the entries that the worker may write over by now. */
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  /** The place of the next entry in the copy, and the end of the copied entries. */
  #at = 0;
  #end = 0;
  /** How many bytes were copied so far. */
  #read = 0;
  readonly #lists: Names[] = [];
  /** How many values have arrived in messages. */
  #heard = 0;
  /** The run of the next entry. */
  #run = 0;
  /** How many bytes were read when the worker was last asked for a message. */
  #wanted = 0;

  constructor(memory: ArrayBufferLike, offset: number) {
    this.#words = new Int32Array(memory, offset, WORDS_BYTES / Int32Array.BYTES_PER_ELEMENT);
    this.#shared = new Uint8Array(memory, offset + WORDS_BYTES, CAPACITY);
  }

  /**
   * The use of the next value; `undefined` if there is none, or if a value in a message comes first.
   * Reads no more than a ring has, as a worker could write lists of names without end.
   *
   * @throws {RangeError} If no worker writes such an entry.
   */
  peek(): Use | undefined {
    if (this.#at === this.#end && !this.#copy()) return;
    while (this.#at < this.#end) {
      const at = this.#at;
      const kind = this.#bytes[at];
      switch (kind) {
        case DONE:
        case PROGRESS:
        case YIELDED:
          this.#run = this.#view.getInt32(at + 1);
          return kind;
        case AFTER:
          if ((this.#view.getInt32(at + 1) - this.#heard | 0) > 0) return;
          this.#at += 5;
          break;
        case NAMES:
          this.#readNames();
          break;
        case WRAP:
          this.#at += CAPACITY - (this.#read - this.#end + at & CAPACITY - 1);
          break;
        default:
          throw new RangeError(`an entry of the kind ${kind}`);
      }
      this.#check();
    }
  }

  /** The run of the value that `peek()` has found. */
  get run(): number {
    return this.#run;
  }

  /**
   * Takes the value that `peek()` has found.
   *
   * @throws {RangeError} If no worker writes such a value.
   */
  take(): unknown {
    this.#at += 5;
    const kind = this.#bytes[this.#at];
    const value = kind === OBJECT
      ? this.#getObject()
      : kind === ARRAY
      ? this.#getArray()
      : this.#get();
    this.#check();
    return value;
  }

  /** Whether all was read. */
  get isEmpty(): boolean {
    return this.#at === this.#end && load(this.#words, WRITTEN) === this.#read;
  }

  /** Whether the next value comes after a value in a message that has not arrived. */
  get isWaiting(): boolean {
    return this.#at < this.#end;
  }

  /** A value has arrived in a message: the entries after the message can be read. */
  noteHeard(): void {
    this.#heard = this.#heard + 1 | 0;
  }

  /** Whether entries were read since the worker was last asked for a message, and none is left. */
  get mayWant(): boolean {
    return this.#read !== this.#wanted && this.#at === this.#end;
  }

  /**
   * Asks the worker for a message when there is another entry.
   *
   * @returns Whether there is an entry by now.
   */
  want(): boolean {
    this.#wanted = this.#read;
    store(this.#words, WANTED, this.#read);
    return load(this.#words, WRITTEN) !== this.#read;
  }

  /** Copies what the worker has written. */
  #copy(): boolean {
    const written = load(this.#words, WRITTEN);
    const length = written - this.#read | 0;
    if (length === 0) return false;
    if (length < 0 || length > CAPACITY) throw new RangeError(`${length} bytes of entries`);
    if (length > this.#bytes.length) {
      let size = MAX_ENTRY_BYTES;
      while (size < length) size *= 2;
      this.#bytes = new Uint8Array(size);
      this.#view = new DataView(this.#bytes.buffer);
    }
    const from = this.#read & CAPACITY - 1;
    const first = from + length > CAPACITY ? CAPACITY - from : length;
    this.#bytes.set(this.#shared.subarray(from, from + first));
    if (first < length) this.#bytes.set(this.#shared.subarray(0, length - first), first);
    this.#read = written;
    store(this.#words, READ, written);
    this.#at = 0;
    this.#end = length;
    return true;
  }

  #check(): void {
    if (this.#at > this.#end) throw new RangeError("an entry beyond the end");
  }

  #readNames(): void {
    const list = this.#bytes[this.#at + 1]!;
    const count = this.#bytes[this.#at + 2]!;
    if (list >= MAX_LISTS || count > MAX_VALUES) throw new RangeError(`${count} names`);
    this.#at += 3;
    const names: string[] = [];
    const template: Record<string, unknown> = {};
    for (let i = 0; i < count; i++) {
      const name = this.#get();
      if (typeof name !== "string" || name === "__proto__") throw new RangeError("no name");
      names[i] = name;
      // Not by assignment: of a frozen `Object.prototype` each name would be read-only here, too.
      defineProperty(template, name, {
        value: undefined,
        writable: true,
        enumerable: true,
        configurable: true,
      });
    }
    this.#lists[list] = { names, template };
  }

  #getObject(): Record<string, unknown> {
    const found = this.#lists[this.#bytes[this.#at + 1]!];
    if (found === undefined) throw new RangeError("an object without names");
    this.#at += 2;
    const { names, template } = found;
    const object = { ...template };
    for (let i = 0; i < names.length; i++) object[names[i]!] = this.#get();
    return object;
  }

  #getArray(): unknown[] {
    const length = this.#bytes[this.#at + 1]!;
    this.#at += 2;
    const items: unknown[] = [];
    for (let i = 0; i < length; i++) items[i] = this.#get();
    return items;
  }

  /** The primitive at the place, which moves on. */
  #get(): unknown {
    const bytes = this.#bytes;
    const at = this.#at;
    switch (bytes[at]) {
      case UNDEFINED:
        this.#at = at + 1;
        return;
      case NULL:
        this.#at = at + 1;
        return null;
      case TRUE:
        this.#at = at + 1;
        return true;
      case FALSE:
        this.#at = at + 1;
        return false;
      case INTEGER:
        this.#at = at + 5;
        return this.#view.getInt32(at + 1);
      case NUMBER:
        this.#at = at + 9;
        return this.#view.getFloat64(at + 1);
      case SHORT:
        return this.#getShort(at + 2, bytes[at + 1]!);
      case TEXT: {
        const start = at + 3;
        const end = start + (bytes[at + 1]! << 8) + bytes[at + 2]!;
        this.#at = end;
        this.#check();
        return decode(bytes.subarray(start, end));
      }
    }
    throw new RangeError(`a value of the kind ${bytes[at]}`);
  }

  #getShort(at: number, length: number): string {
    const bytes = this.#bytes;
    const end = at + length;
    this.#at = end;
    this.#check();
    let text = "";
    for (; at + 8 <= end; at += 8) {
      text += fromCharCode(
        bytes[at]!,
        bytes[at + 1]!,
        bytes[at + 2]!,
        bytes[at + 3]!,
        bytes[at + 4]!,
        bytes[at + 5]!,
        bytes[at + 6]!,
        bytes[at + 7]!,
      );
    }
    for (; at < end; at++) text += fromCharCode(bytes[at]!);
    return text;
  }
}
