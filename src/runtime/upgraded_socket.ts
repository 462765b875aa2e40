/**
 * Finds the WebSocket of an upgraded request. A handler, or the framework around the handler, has called
 * `Deno.upgradeWebSocket()`, and returns only the response. Deno keeps the socket in a property of the
 * response, under a symbol without a public name.
 *
 * @param response A response whose status is 101.
 * @returns The socket; `undefined` where a later Deno keeps it elsewhere.
 */
export function upgradedSocket(response: Response): WebSocket | undefined {
  const properties = response as unknown as Record<symbol, unknown>;
  for (const symbol of Object.getOwnPropertySymbols(response)) {
    const value = properties[symbol];
    if (value instanceof WebSocket) return value;
  }
}
