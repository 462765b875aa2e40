/**
 * Classes of the web platform that cannot be cloned, but that Deno's structured clone turns
 * into an empty object without a word when they stand inside another value, as arguments
 * and results do on the wire.
 */
const uncloneable = new Map<object, string>(
  [
    AbortController,
    AbortSignal,
    BroadcastChannel,
    CompressionStream,
    DecompressionStream,
    Event,
    EventTarget,
    FormData,
    Headers,
    Request,
    Response,
    TextDecoder,
    TextEncoder,
    URL,
    URLPattern,
    URLSearchParams,
    WebSocket,
  ].map(({ prototype, name }) => [prototype, name]),
);

/**
 * Refuses a value that would silently arrive as an empty object.
 *
 * @throws {DOMException} Named `DataCloneError`, as structured clone throws it.
 */
export function assertCloneable(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  const name = uncloneable.get(Object.getPrototypeOf(value));
  if (name !== undefined) {
    throw new DOMException(`${name} object could not be cloned`, "DataCloneError");
  }
}
