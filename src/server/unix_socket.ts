/** Where Deno can serve on a Unix socket. */

/**
 * Checks that a server can listen where its options say.
 *
 * @param listen The options of `Deno.serve`.
 * @throws {Deno.errors.NotSupported} If the options name a Unix socket on Windows. Deno itself would
 * refuse the socket later, after the start of the executor, and name an operation of its own.
 */
export function assertSocket(listen: object, os = Deno.build.os): void {
  const { path } = listen as { path?: unknown };
  if (os !== "windows" || path === undefined) return;
  throw new Deno.errors.NotSupported(
    `Cannot serve on the Unix socket ${JSON.stringify(path)}: Deno has no Unix sockets on ` +
      'Windows; use a port that only this machine reaches: { hostname: "127.0.0.1", port: 8000 }',
  );
}
