/**
 * Classes of the web platform that cannot be cloned, but that Deno's structured clone turns
 * into an empty object without a word when they stand inside another value, as arguments
 * and results do on the wire. By name: Deno loads each when it is first mentioned.
 */
const uncloneable: ReadonlySet<unknown> = new Set([
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
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return;
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return;
  // Through descriptors, as what is given may have getters.
  const constructor = Object.getOwnPropertyDescriptor(prototype, "constructor")?.value;
  if (typeof constructor !== "function") return;
  const name = Object.getOwnPropertyDescriptor(constructor, "name")?.value;
  if (uncloneable.has(name) && Reflect.get(globalThis, name) === constructor) {
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
