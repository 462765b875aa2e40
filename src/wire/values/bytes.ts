/**
 * Bytes that are copied or moved as a whole: buffers and typed arrays with nothing special. And
 * Node's `Buffer`: structured clone makes a plain `Uint8Array` of each, but an argument, a result or
 * another whole value becomes a `Buffer` again.
 */

import { lazyGlobal } from "../../runtime/lazy_global.ts";

/**
 * The size from which a copy is moved. Moving a buffer takes as long as copying half as many bytes.
 */
const MIN_MOVED_BYTES = 262_144;

type View = ArrayBufferView<ArrayBuffer>;
type ViewClass = new (source: ArrayBuffer | View, offset?: number, length?: number) => View;

const { isView } = ArrayBuffer;
const { getOwnPropertyDescriptor, getPrototypeOf, hasOwn } = Object;
const bufferPrototype = ArrayBuffer.prototype;

const viewClasses = new Map<string, ViewClass>();
for (
  const viewClass of [
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
    BigUint64Array,
  ]
) viewClasses.set(viewClass.name, viewClass as ViewClass);

const viewClassList: readonly ViewClass[] = [...viewClasses.values()];
const viewPrototypes: readonly unknown[] = viewClassList.map(({ prototype }) => prototype);

/**
 * The number of a typed array's class; `undefined` for `Buffer` and other subclasses, for memory that is
 * shared or can be resized, and for an array with a property that a writer of V8's format asks for.
 */
export function bytesClassIndex(view: ArrayBufferView): number | undefined {
  const index = viewPrototypes.indexOf(getPrototypeOf(view));
  if (index < 0 || hasOwn(view, "constructor")) return;
  try {
    const { buffer } = view;
    return isArrayBuffer(buffer) && !buffer.resizable && !buffer.detached ? index : undefined;
  } catch { /* The value only looks like a typed array. */ }
}

/** The class of this number. */
export function bytesClassAt(index: number): ViewClass | undefined {
  return viewClassList[index];
}

/** A value that is sent in place of bytes, and the buffer that is moved with the value. */
export interface Movable {
  readonly value: ArrayBuffer | View;
  readonly buffer: ArrayBuffer;
}

/**
 * A copy of large bytes, to be moved. Structured clone would copy on both sides; a moved copy costs
 * the event loop nothing.
 *
 * @returns `undefined` for few bytes, and for a view of a part of a buffer, which drags the buffer
 * along.
 */
export function copyBytes(value: unknown): Movable | undefined {
  if (!isView(value) && !isArrayBuffer(value)) return;
  const buffer = isView(value) ? value.buffer : value;
  try {
    if (!isArrayBuffer(buffer) || buffer.byteLength < MIN_MOVED_BYTES || buffer.resizable) return;
    const view = isView(value) ? value : new Uint8Array(buffer);
    const viewClass = classOf(view);
    if (viewClass === undefined || view.byteLength < buffer.byteLength) return;
    const copy = new viewClass(view as View);
    return { value: view === value ? copy : copy.buffer, buffer: copy.buffer };
  } catch { /* The value only looks like a buffer: structured clone knows what to do. */ }
}

/**
 * Takes bytes from their owner, to be moved: the owner's buffer is empty afterwards.
 *
 * @returns `undefined`, with the bytes untouched, if other things are to be moved, or if the bytes
 * cannot be moved.
 */
export function takeBytes(value: unknown, transferables: Transferable[]): Movable | undefined {
  const [only] = transferables;
  if (transferables.length !== 1 || !isArrayBuffer(only)) return;
  try {
    if (only.resizable) return;
    if (value === only) {
      const buffer = only.transfer();
      return { value: buffer, buffer };
    }
    if (!isView(value) || value.buffer !== only) return;
    const { byteOffset, length } = value as Uint8Array;
    const viewClass = classOf(value);
    if (viewClass === undefined) return;
    const buffer = only.transfer();
    return { value: new viewClass(buffer, byteOffset, length), buffer };
  } catch { /* The bytes are gone already: sending the value will tell. */ }
}

function isArrayBuffer(value: unknown): value is ArrayBuffer {
  return typeof value === "object" && value !== null && getPrototypeOf(value) === bufferPrototype;
}

/** The class of a typed array; `undefined` for other views. */
function classOf(view: ArrayBufferView): ViewClass | undefined {
  // `Buffer` and other subclasses arrive as the class which the subclass extends.
  return viewClasses.get((view as Uint8Array)[Symbol.toStringTag]);
}

/** Node's class, found also when code for the browser has removed the global. */
const classOfBuffers = lazyGlobal<BufferClass | undefined>("Buffer");
const bytesPrototype = Uint8Array.prototype;

/**
 * Whether a value is a `Buffer`. Mentions the class only if need be: the first mention loads the
 * class.
 */
export function isBuffer(value: unknown): value is Uint8Array {
  if (!isView(value)) return false;
  const prototype = getPrototypeOf(value);
  if (prototype === null || getPrototypeOf(prototype) !== bytesPrototype) return false;
  const constructor = getOwnPropertyDescriptor(prototype, "constructor")?.value;
  return constructor !== undefined && constructor === classOfBuffers();
}

/** Makes a `Buffer` of bytes that have arrived in the place of a `Buffer`. */
export function toBuffer(bytes: unknown): unknown {
  const { buffer, byteOffset, byteLength } = bytes as Uint8Array;
  return classOfBuffers()?.from(buffer, byteOffset, byteLength) ?? bytes;
}

/** The indexes of all buffers among some values; `undefined` if there are none. */
export function buffersAmong(values: readonly unknown[]): number[] | undefined {
  let indexes: number[] | undefined;
  for (let i = 0; i < values.length; i++) {
    if (isBuffer(values[i])) (indexes ??= []).push(i);
  }
  return indexes;
}

interface BufferClass {
  from(buffer: ArrayBufferLike, offset: number, length: number): Uint8Array;
}
