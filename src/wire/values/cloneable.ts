import { isTooDeep, MAX_LEVELS } from "./depth.ts";

const { Deno, DOMException, structuredClone } = globalThis;
const { isView } = ArrayBuffer;
const { getOwnPropertyDescriptor, getPrototypeOf, prototype: objectPrototype } = Object;

/** Deno's words when a stream or a port is to be cloned. */
const UNMARKED = /^Unsupported object type|needs transfer/;

/** Whether a value was refused because of a stream or a port inside that does not move. */
export function isUnmarked(why: string): boolean {
  return UNMARKED.test(why);
}

/**
 * Classes of the platform of which Deno's structured clone makes an empty object without a word, at
 * least for an object inside another value, as arguments and results are on the wire. By name: Deno
 * loads each class at its first mention.
 */
const lost: ReadonlySet<unknown> = new Set([
  "AbortController",
  "AbortSignal",
  "BroadcastChannel",
  "ByteLengthQueuingStrategy",
  "Cache",
  "CacheStorage",
  "ChildProcess",
  "CloseEvent",
  "Command",
  "CompressionStream",
  "CountQueuingStrategy",
  "Crypto",
  // Only if the key has arrived before crypto.subtle was used.
  "CryptoKey",
  "CustomEvent",
  "DOMMatrix",
  "DOMMatrixReadOnly",
  "DOMPoint",
  "DOMPointReadOnly",
  "DOMQuad",
  "DOMRect",
  "DOMRectReadOnly",
  "DecompressionStream",
  "ErrorEvent",
  "Event",
  "EventSource",
  "EventTarget",
  "FileReader",
  "FormData",
  "FsFile",
  "Headers",
  "HttpClient",
  "ImageBitmap",
  "ImageData",
  "LockManager",
  "MessageChannel",
  "Navigator",
  "Performance",
  "PerformanceEntry",
  "PerformanceMark",
  "PerformanceMeasure",
  "PerformanceObserver",
  "PermissionStatus",
  "PromiseRejectionEvent",
  "ReadableStreamBYOBReader",
  "ReadableStreamDefaultReader",
  "Request",
  "Response",
  "SubtleCrypto",
  "TextDecoder",
  "TextDecoderStream",
  "TextEncoder",
  "TextEncoderStream",
  "URL",
  "URLPattern",
  "URLSearchParams",
  "WebSocket",
  "Worker",
  "WritableStreamDefaultWriter",
]);

/**
 * Refuses a value that would silently arrive as an empty object, or is too deep for its reader.
 *
 * @throws {DOMException} Named `DataCloneError`, as by structured clone.
 */
export function assertCloneable(value: unknown): void {
  if (typeof value !== "object" || value === null || isView(value)) return;
  assertNotLost(value);
  assertReadable(value);
}

/**
 * Refuses a value nested so deep that its reader could not read the value.
 *
 * @throws {DOMException} Named `DataCloneError`.
 */
export function assertReadable(value: unknown): void {
  if (typeof value !== "object" || value === null || !isTooDeep(value)) return;
  const message = `a value nested deeper than ${MAX_LEVELS} levels could not be cloned`;
  const refusal = new DOMException(message, "DataCloneError");
  refusals.add(refusal);
  throw refusal;
}

/** All errors thrown by {@linkcode assertReadable}. */
const refusals = new WeakSet<WeakKey>();

/** Whether an error was thrown by {@linkcode assertReadable}. */
export function isRefusal(error: unknown): boolean {
  return refusals.has(error as WeakKey);
}

/**
 * Refuses a value that would silently arrive as an empty object.
 *
 * @throws {DOMException} Named `DataCloneError`, as by structured clone.
 */
export function assertNotLost(value: unknown): void {
  if (typeof value !== "object" || value === null || isView(value)) return;
  const prototype = getPrototypeOf(value);
  if (prototype === objectPrototype || prototype === null) return;
  // Through descriptors, as the value may have getters.
  const constructor = getOwnPropertyDescriptor(prototype, "constructor")?.value;
  if (typeof constructor !== "function") return;
  const name = getOwnPropertyDescriptor(constructor, "name")?.value;
  if (!lost.has(name)) return;
  const globals = globalThis as unknown as Record<string, unknown>;
  const ofDeno = Deno as unknown as Record<string, unknown>;
  if (globals[name] !== constructor && ofDeno[name] !== constructor) return;
  try {
    // Objects of some classes are lost only sometimes, or by some versions of Deno.
    if (getPrototypeOf(structuredClone(value)) === prototype) return;
  } catch { /* Structured clone refuses the value, too. */ }
  throw new DOMException(`${name} object could not be cloned`, "DataCloneError");
}

/** Whether a value is a primitive that can be cloned. */
export function isPlain(value: unknown): boolean {
  switch (typeof value) {
    case "object":
      return value === null;
    case "function":
    case "symbol":
      return false;
    default:
      return true;
  }
}
