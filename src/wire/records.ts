/**
 * What a process writes into its pipe, where the process has a pipe: a descriptor beside the channel
 * of Node's. A process writes there synchronously, so that the kernel has what is written even if
 * the process dies at the next moment. The messages of Node's channel wait for the event loop.
 *
 * A pipe carries records. A record has a head of 16 bytes: the kind, two bytes that only bytes have,
 * at 4 the run, and at 8 a number. After the head of a message or of bytes comes the body.
 */

import type { DONE, FromProcess, Said } from "./protocol.ts";
import { bytesClassAt, bytesClassIndex } from "./values/bytes.ts";

/** The descriptor of the pipe in a process. Node's channel has the descriptor before. */
export const PIPE_FD = 4;
/**
 * The descriptor of a second pipe, which a thread of the process serves whatever its tasks do. The host
 * writes the last run that the process is to give back: the process begins none of the runs up to this
 * run that it has not claimed. The thread answers by the run that was claimed last, and by 0 when it is
 * there. All are numbers of 32 bits.
 */
export const RECALL_FD = 5;

/** The process is there, and goes on with records. The first record. */
export const HERE = 0;
/** The process is about to begin this run. Written before the run begins. */
export const BEGINS = 1;
/** The process passes over this run, as the caller has given up. */
export const DROPPED = 2;
/** The run that ends next took so many ms. */
export const TOOK = 3;
/** A message in V8's format; the run is the size of the message in bytes. */
const MESSAGE = 4;
/** A message whose value is bytes; the number is their size. */
const BYTES = 5;
/** The run has ended with this result: a number, or a value of which there is one only. */
const NUMBER = 6, UNDEFINED = 7, FALSE = 10;
/** The values of the kinds from {@linkcode UNDEFINED} on. */
const CONSTANTS: readonly unknown[] = [undefined, null, true, false];

const HEAD_BYTES = 16;
/** As many bytes are gathered before they are written. */
const GATHERED_BYTES = 8_192;

const { DataView, Uint8Array } = globalThis;
const { isView } = ArrayBuffer;

/** Whether a record can have a value as a result; any other result needs a message. */
export function isResult(value: unknown): boolean {
  return typeof value === "number" || CONSTANTS.includes(value);
}

/** A message that tells a value of a run. */
type ValueKind = typeof DONE | Said[0];

/** Writes records. Each record is written at the latest with the next `flush()`. */
export class RecordWriter {
  readonly #write: (bytes: ArrayBufferView) => void;
  readonly #serialize: (value: unknown) => Uint8Array;
  readonly #bytes = new Uint8Array(GATHERED_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /**
   * @param write Writes bytes at once, all of them.
   * @param serialize Writes a value in V8's format.
   */
  constructor(
    write: (bytes: ArrayBufferView) => void,
    serialize: (value: unknown) => Uint8Array,
  ) {
    this.#write = write;
    this.#serialize = serialize;
  }

  /** Adds a record without a body. */
  add(kind: number, run: number, value = 0): void {
    this.#makeRoom(HEAD_BYTES);
    const view = this.#view;
    const at = this.#length;
    this.#length = at + HEAD_BYTES;
    view.setInt32(at, kind, true);
    view.setInt32(at + 4, run, true);
    view.setFloat64(at + 8, value, true);
  }

  /** Adds the result of a run, for which {@linkcode isResult} is true. */
  addResult(run: number, value: unknown): void {
    if (typeof value === "number") this.add(NUMBER, run, value);
    else this.add(UNDEFINED + CONSTANTS.indexOf(value), run);
  }

  /** Writes a message, after all that was added before. */
  send(message: FromProcess): void {
    const body = this.#addHead(message);
    if (this.#length + body.byteLength <= GATHERED_BYTES) {
      // Bytes of the caller's are larger.
      this.#bytes.set(body as Uint8Array, this.#length);
      this.#length += body.byteLength;
      this.flush();
    } else {
      this.flush();
      this.#write(body);
    }
  }

  /** Adds the head of a message; returns the body. */
  #addHead(message: FromProcess): ArrayBufferView {
    const value = typeof message === "object" && message.length === 3 ? message[2] : undefined;
    if (isView(value) && value.byteLength > GATHERED_BYTES) {
      const index = bytesClassIndex(value);
      if (index !== undefined) {
        const [kind, run] = message as readonly [ValueKind, number, unknown];
        this.add(BYTES | index << 8 | kind << 16, run, value.byteLength);
        return value;
      }
    }
    const body = this.#serialize(message);
    this.add(MESSAGE, body.byteLength | 0);
    return body;
  }

  #makeRoom(bytes: number): void {
    if (this.#length + bytes > GATHERED_BYTES) this.flush();
  }

  /** Writes all that was added. */
  flush(): void {
    if (this.#length === 0) return;
    const bytes = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    this.#write(bytes);
  }
}

/** What a reader of records finds. All of it may be a lie. */
export interface RecordEvents {
  /** A record without a body, or a result. */
  onRecord(kind: number, run: number, value: number): void;
  /** The result of a run. */
  onResult(run: number, value: unknown): void;
  onMessage(message: unknown): void;
  /** No process of this package writes this. Nothing more is read. */
  onBroken(why: string): void;
}

/** A record whose body is to come. */
interface Open {
  readonly kind: number;
  readonly run: number;
  readonly parts: Uint8Array[];
  readonly size: number;
  missing: number;
}

/** Reads records from chunks of any size. What a chunk costs is in proportion to its size. */
export class RecordReader {
  readonly #events: RecordEvents;
  readonly #deserialize: (bytes: Uint8Array) => unknown;
  /** The part of a head that has come. */
  readonly #head = new Uint8Array(HEAD_BYTES);
  readonly #headView = new DataView(this.#head.buffer);
  #headSize = 0;
  #open: Open | undefined;
  #isBroken = false;

  /**
   * @param deserialize Reads a value in V8's format.
   */
  constructor(events: RecordEvents, deserialize: (bytes: Uint8Array) => unknown) {
    this.#events = events;
    this.#deserialize = deserialize;
  }

  /** Reads a chunk. */
  read(chunk: Uint8Array): void {
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let at = 0; at < chunk.length && !this.#isBroken;) {
      const left = chunk.length - at;
      if (this.#open !== undefined) at += this.#takeBody(this.#open, chunk.subarray(at));
      else if (this.#headSize === 0 && left >= HEAD_BYTES) {
        this.#takeHead(view, at);
        at += HEAD_BYTES;
      } else {
        const part = chunk.subarray(at, at + HEAD_BYTES - this.#headSize);
        this.#head.set(part, this.#headSize);
        this.#headSize += part.length;
        at += part.length;
        if (this.#headSize < HEAD_BYTES) return;
        this.#headSize = 0;
        this.#takeHead(this.#headView, 0);
      }
    }
  }

  #takeHead(view: DataView, at: number): void {
    const kind = view.getInt32(at, true);
    const run = view.getInt32(at + 4, true);
    const value = view.getFloat64(at + 8, true);
    switch (kind & 255) {
      case MESSAGE:
        return this.#begin(kind, run, run >>> 0);
      case BYTES:
        return this.#begin(kind, run, value);
    }
    if (kind < HERE || kind > FALSE) this.#break(`a record of kind ${kind}`);
    else if (kind < MESSAGE) this.#events.onRecord(kind, run, value);
    else this.#events.onResult(run, kind === NUMBER ? value : CONSTANTS[kind - UNDEFINED]);
  }

  /** The body of a record is to come. */
  #begin(kind: number, run: number, size: number): void {
    if (!Number.isSafeInteger(size) || size <= 0) return this.#break(`a record of ${size} bytes`);
    this.#open = { kind, run, parts: [], size, missing: size };
  }

  /** Takes the next part of a body; returns how many bytes that were. */
  #takeBody(open: Open, bytes: Uint8Array): number {
    const part = bytes.subarray(0, open.missing);
    open.parts.push(part);
    open.missing -= part.length;
    if (open.missing > 0) return part.length;
    this.#open = undefined;
    let message: unknown;
    try {
      const body = joined(open);
      message = open.kind === MESSAGE ? this.#deserialize(body) : bytesMessage(open, body);
    } catch (error) {
      this.#break(`what cannot be read: ${(error as Error).message}`);
      return part.length;
    }
    this.#events.onMessage(message);
    return part.length;
  }

  #break(why: string): void {
    this.#isBroken = true;
    this.#events.onBroken(why);
  }
}

/** The body of a record, in a buffer of its own. */
function joined({ parts, size }: Open): Uint8Array {
  const body = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    body.set(part, at);
    at += part.length;
  }
  return body;
}

/** The message that tells these bytes. */
function bytesMessage({ kind, run }: Open, { buffer }: Uint8Array): unknown {
  const viewClass = bytesClassAt(kind >> 8 & 255);
  if (viewClass === undefined) throw new TypeError(`bytes of kind ${kind}`);
  return [kind >> 16, run, new viewClass(buffer as ArrayBuffer)];
}
