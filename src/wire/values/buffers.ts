/** Node's `Buffer`, of which structured clone makes a plain `Uint8Array`: as a whole value it is one again. */

import { lazyGlobal } from "../../runtime/lazy_global.ts";

/** The class of Node's part of Deno, there also when code for the browser has removed the global. */
const classOfBuffers = lazyGlobal<BufferClass | undefined>("Buffer");
const { isView } = ArrayBuffer;
const { getOwnPropertyDescriptor, getPrototypeOf } = Object;
const bytesPrototype = Uint8Array.prototype;

/** Whether a value is a `Buffer`; without a mention of the class, with which Deno would load it. */
export function isBuffer(value: unknown): value is Uint8Array {
  if (!isView(value)) return false;
  const prototype = getPrototypeOf(value);
  if (prototype === null || getPrototypeOf(prototype) !== bytesPrototype) return false;
  const constructor = getOwnPropertyDescriptor(prototype, "constructor")?.value;
  return constructor !== undefined && constructor === classOfBuffers();
}

/** Makes a `Buffer` of the bytes that have arrived for one. */
export function toBuffer(bytes: unknown): unknown {
  const { buffer, byteOffset, byteLength } = bytes as Uint8Array;
  return classOfBuffers()?.from(buffer, byteOffset, byteLength) ?? bytes;
}

/** Where among some values there are any, if anywhere. */
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
