import { FixedSet, getOwnPropertyDescriptor, getPrototypeOf } from "./intrinsics.ts";

const { isView } = ArrayBuffer;
const objectPrototype = Object.prototype;

/**
 * Classes of the web platform that cannot be cloned, but that Deno's structured clone turns
 * into an empty object without a word when they stand inside another value, as arguments
 * and results do on the wire. By name: Deno loads each when it is first mentioned.
 */
const uncloneable: ReadonlySet<unknown> = new FixedSet([
  "AbortController",
  "AbortSignal",
  "BroadcastChannel",
  "CompressionStream",
  "DecompressionStream",
  "Event",
  "EventTarget",
  "FormData",
  "Headers",
  "Request",
  "Response",
  "TextDecoder",
  "TextEncoder",
  "URL",
  "URLPattern",
  "URLSearchParams",
  "WebSocket",
]);

/**
 * Refuses a value that would silently arrive as an empty object.
 *
 * @throws {DOMException} Named `DataCloneError`, as structured clone throws it.
 */
export function assertCloneable(value: unknown): void {
  if (typeof value !== "object" || value === null || isView(value)) return;
  const prototype = getPrototypeOf(value);
  if (prototype === objectPrototype || prototype === null) return;
  // Through descriptors, as what is given may have getters.
  const constructor = getOwnPropertyDescriptor(prototype, "constructor")?.value;
  if (typeof constructor !== "function") return;
  const name = getOwnPropertyDescriptor(constructor, "name")?.value;
  if (uncloneable.has(name) && (globalThis as Record<string, unknown>)[name] === constructor) {
    throw new DOMException(`${name} object could not be cloned`, "DataCloneError");
  }
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
