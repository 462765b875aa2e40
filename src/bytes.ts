/** Bytes that are copied or moved as a whole: buffers and typed arrays with nothing special. */

import { apply, FixedMap, getOwnPropertyDescriptor, getPrototypeOf, onlyOf } from "./intrinsics.ts";

/** From how many bytes on a copy is moved; to move anything takes as long as to copy half of them. */
const LEAST = 262_144;

type View = ArrayBufferView<ArrayBuffer>;
type ViewClass = new (source: ArrayBuffer | View, offset?: number, length?: number) => View;

const { ArrayBuffer, Uint8Array } = globalThis;
const { isView } = ArrayBuffer;
const bufferPrototype = ArrayBuffer.prototype;
const { transfer } = bufferPrototype;
const viewPrototype = getPrototypeOf(Uint8Array.prototype)!;
const sizeOf = getter<ArrayBuffer, number>(bufferPrototype, "byteLength");
const isResizable = getter<ArrayBuffer, boolean>(bufferPrototype, "resizable");
const sizeOfView = getter<View, number>(viewPrototype, "byteLength");
const offsetOf = getter<View, number>(viewPrototype, "byteOffset");
const lengthOf = getter<View, number>(viewPrototype, "length");
/** The name of a typed array's class. */
const nameOf = getter<View, string>(viewPrototype, Symbol.toStringTag);

/** The buffer of a typed array. */
export const bufferOf: (view: View) => ArrayBuffer = getter(viewPrototype, "buffer");

const viewClasses = new FixedMap<string, ViewClass>();
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

/** What a getter of a prototype says, whatever the value has in its place. */
function getter<T, V>(prototype: object, name: PropertyKey): (value: T) => V {
  const { get } = getOwnPropertyDescriptor(prototype, name)!;
  return (value) => apply(get!, value, []);
}

/** What stands for bytes where they arrive, and the buffer that is moved for it. */
export interface Movable {
  readonly value: ArrayBuffer | View;
  readonly buffer: ArrayBuffer;
}

/**
 * A copy of large bytes, to be moved. A clone copies on both sides; so this is the only copy, and
 * the event loop makes none.
 *
 * @returns Nothing, if they are not large, or not whole: a view drags its buffer along.
 */
export function copyBytes(value: unknown): Movable | undefined {
  if (!isView(value) && (!isObject(value) || getPrototypeOf(value) !== bufferPrototype)) return;
  try {
    const buffer = isView(value) ? bufferOf(value as View) : value as ArrayBuffer;
    const size = sizeOf(buffer);
    const view = isView(value) ? value as View : new Uint8Array(buffer);
    if (size < LEAST || sizeOfView(view) < size || isResizable(buffer)) return;
    const viewClass = viewClasses.get(nameOf(view));
    if (viewClass === undefined) return;
    const copy = new viewClass(view);
    return { value: view === value ? copy : bufferOf(copy), buffer: bufferOf(copy) };
  } catch { /* Shared memory, or what only looks like a buffer: the clone knows what to do. */ }
}

/**
 * Takes bytes from whoever has them, to be moved: what is left there is empty.
 *
 * @returns Nothing, if they are not all that is to be moved, or cannot be; then they are untouched.
 */
export function takeBytes(value: unknown, transferables: Transferable[]): Movable | undefined {
  const only = onlyOf(transferables) as ArrayBuffer;
  try {
    if (isResizable(only)) return;
    if (value === only) {
      const buffer: ArrayBuffer = apply(transfer, only, []);
      return { value: buffer, buffer };
    }
    if (!isView(value) || bufferOf(value as View) !== only) return;
    const view = value as View;
    const viewClass = viewClasses.get(nameOf(view));
    if (viewClass === undefined) return;
    const offset = offsetOf(view);
    const length = lengthOf(view);
    const buffer: ArrayBuffer = apply(transfer, only, []);
    return { value: new viewClass(buffer, offset, length), buffer };
  } catch { /* A port or a stream, or gone already: sending it will tell. */ }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
