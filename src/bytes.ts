/** Bytes that are copied or moved as a whole: buffers and typed arrays with nothing special. */

/** From how many bytes on a copy is moved; to move anything takes as long as to copy half of them. */
const LEAST = 262_144;

type View = ArrayBufferView<ArrayBuffer>;
type ViewClass = new (source: ArrayBuffer | View, offset?: number, length?: number) => View;

const { isView } = ArrayBuffer;
const { getPrototypeOf } = Object;
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
  if (!isView(value) && !isBuffer(value)) return;
  const buffer = isView(value) ? value.buffer : value;
  try {
    if (!isBuffer(buffer) || buffer.byteLength < LEAST || buffer.resizable) return;
    const view = isView(value) ? value : new Uint8Array(buffer);
    const viewClass = classOf(view);
    if (viewClass === undefined || view.byteLength < buffer.byteLength) return;
    const copy = new viewClass(view as View);
    return { value: view === value ? copy : copy.buffer, buffer: copy.buffer };
  } catch { /* What only looks like a buffer: the clone knows what to do. */ }
}

/**
 * Takes bytes from whoever has them, to be moved: what is left there is empty.
 *
 * @returns Nothing, if they are not all that is to be moved, or cannot be; then they are untouched.
 */
export function takeBytes(value: unknown, transferables: Transferable[]): Movable | undefined {
  const [only] = transferables;
  if (transferables.length !== 1 || !isBuffer(only)) return;
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
  } catch { /* Gone already: sending it will tell. */ }
}

function isBuffer(value: unknown): value is ArrayBuffer {
  return typeof value === "object" && value !== null && getPrototypeOf(value) === bufferPrototype;
}

/** The class of a typed array; nothing for other views. */
function classOf(view: ArrayBufferView): ViewClass | undefined {
  // Of `Buffer` and other subclasses it is the one that they extend.
  return viewClasses.get((view as Uint8Array)[Symbol.toStringTag]);
}
