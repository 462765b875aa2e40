/**
 * The WebSocket that a request was upgraded to. A handler, or the framework around it, has called
 * `Deno.upgradeWebSocket()` and hands back the response alone; Deno keeps the socket in a property
 * of that response, under a symbol that has no public name.
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
