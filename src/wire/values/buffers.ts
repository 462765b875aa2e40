/**
 * Node's `Buffer`. Structured clone makes a plain `Uint8Array` of each; an argument, a result or
 * another whole value becomes a `Buffer` again.
 */

import { lazyGlobal } from "../../runtime/lazy_global.ts";

/** Node's class, found also when code for the browser has removed the global. */
const classOfBuffers = lazyGlobal<BufferClass | undefined>("Buffer");
const { isView } = ArrayBuffer;
const { getOwnPropertyDescriptor, getPrototypeOf } = Object;
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
