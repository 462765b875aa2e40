import { isTooDeep, MAX_LEVELS } from "./depth.ts";

const { Deno, DOMException, structuredClone } = globalThis;
const { isView } = ArrayBuffer;
const { getOwnPropertyDescriptor, getPrototypeOf, prototype: objectPrototype } = Object;

/** What Deno says of a stream or a port that is to be cloned. */
const UNMARKED = /^Unsupported object type|needs transfer/;

/** Whether this is why a value was refused: there is a stream or a port in it that does not move. */
export function isUnmarked(why: string): boolean {
  return UNMARKED.test(why);
}

/**
 * Classes of the platform of which Deno's structured clone makes an empty object without a word,
 * at least where they stand inside another value, as arguments and results do on the wire. By name:
 * Deno loads each when it is first mentioned.
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
  // Only where it has arrived before crypto.subtle was used.
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
 * Refuses a value that would silently arrive as an empty object, or that its reader could not read.
 *
 * @throws {DOMException} Named `DataCloneError`, as structured clone throws it.
 */
export function assertCloneable(value: unknown): void {
  if (typeof value !== "object" || value === null || isView(value)) return;
  assertNotLost(value);
  assertReadable(value);
}

/**
 * Refuses a value that is nested so deep that its reader could not read it.
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

/** What {@linkcode assertReadable} has thrown. */
const refusals = new WeakSet<WeakKey>();

/** Whether an error is what {@linkcode assertReadable} has thrown. */
export function isRefusal(error: unknown): boolean {
  return refusals.has(error as WeakKey);
}

/**
 * Refuses a value that would silently arrive as an empty object.
 *
 * @throws {DOMException} Named `DataCloneError`, as structured clone throws it.
 */
export function assertNotLost(value: unknown): void {
  if (typeof value !== "object" || value === null || isView(value)) return;
  const prototype = getPrototypeOf(value);
  if (prototype === objectPrototype || prototype === null) return;
  // Through descriptors, as what is given may have getters.
  const constructor = getOwnPropertyDescriptor(prototype, "constructor")?.value;
  if (typeof constructor !== "function") return;
  const name = getOwnPropertyDescriptor(constructor, "name")?.value;
  if (!lost.has(name)) return;
  const globals = globalThis as unknown as Record<string, unknown>;
  const ofDeno = Deno as unknown as Record<string, unknown>;
  if (globals[name] !== constructor && ofDeno[name] !== constructor) return;
  try {
    // Some are lost only sometimes, or by some versions.
    if (getPrototypeOf(structuredClone(value)) === prototype) return;
  } catch { /* It is refused, as it is here. */ }
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
