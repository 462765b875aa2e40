/**
 * Servers with an executor, which starts before the first request, and ends after the last one.
 *
 * ```ts ignore
 * import { serve } from "@genro/executor/serve";
 *
 * const server = await serve(async (_request, { executor }) => {
 *   const names = await executor.runBlocking(() => [...Deno.readDirSync(".")]);
 *   return Response.json(names);
 * });
 * await server.finished; // after SIGINT or SIGTERM
 * ```
 *
 * @module
 */

import { Executor } from "./executor.ts";
import { type ExecutorServer, GracefulServer } from "./src/server/graceful_server.ts";
import type { ServeHandler, ServeInfo } from "./src/server/handler.ts";
import { type App, lifespan, type LifespanOptions } from "./src/server/lifespan.ts";
import type { PortOptions, ServeOptions, SocketOptions } from "./src/server/serve_options.ts";
import { assertSocket } from "./src/server/unix_socket.ts";
import { bare, milliseconds } from "./src/settings/checks.ts";

export { lifespan };
export type {
  App,
  ExecutorServer,
  LifespanOptions,
  PortOptions,
  ServeHandler,
  ServeInfo,
  ServeOptions,
  SocketOptions,
};

/**
 * Starts an executor, then a server whose handler receives the executor's calls. On SIGINT, SIGTERM or
 * `signal` the server accepts nothing more, lets the requests in flight finish, drains the executor,
 * and is done within `grace`; a second signal ends the rest at once. A WebSocket is closed when its
 * tasks in flight are done. The program ends by itself when nothing else keeps the program alive.
 *
 * A handler that lets a `QueueFullError` or a `ShutdownError` through answers 503. Any other error is
 * printed and answered with 500, unless there is an `onError`.
 *
 * @param handler Answers the requests.
 * @param options The executor, how to stop, and where to listen: the options of `Deno.serve`.
 * @returns The server, listening.
 * @throws {WorkerStartError} If the executor cannot start; the port was not opened.
 * @throws {Deno.errors.AddrInUse} If the port is in use; the executor is ended.
 * @throws {RangeError} If `grace` is negative or not a number.
 * @throws {TypeError} If an option is of the wrong type.
 * @throws {unknown} The reason of `signal`, if the signal has aborted by then.
 *
 * @example A server that computes in a worker
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { serve } from "@genro/executor/serve";
 *
 * await using server = await serve(async (_request, { executor }) => {
 *   return new Response(`${await executor.runCpu((n: number) => n * 2, 21)}`);
 * }, { hostname: "127.0.0.1", port: 0 });
 *
 * const response = await fetch(`http://127.0.0.1:${server.addr.port}`);
 * assertEquals(await response.text(), "42");
 * ```
 */
export async function serve(
  handler: ServeHandler,
  options?: PortOptions,
): Promise<ExecutorServer<Deno.NetAddr>>;
/**
 * Starts an executor, then a server on a Unix socket, which Deno has on all systems but Windows.
 *
 * @param handler Answers the requests.
 * @param options The executor, how to stop, and the path of the socket.
 * @returns The server, listening.
 * @throws {WorkerStartError} If the executor cannot start; the socket was not made.
 * @throws {Deno.errors.AddrInUse} If the path exists; the executor is ended.
 * @throws {Deno.errors.NotSupported} If this is Windows; nothing was started.
 * @throws {RangeError} If `grace` is negative or not a number.
 * @throws {TypeError} If an option is of the wrong type.
 * @throws {unknown} The reason of `signal`, if the signal has aborted by then.
 *
 * @example A server on a socket, and a request through the socket
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { serve, type ServeHandler } from "@genro/executor/serve";
 *
 * const handler: ServeHandler = async (_request, { executor }) => {
 *   return new Response(`${await executor.runCpu((n: number) => n * 2, 21)}`);
 * };
 * if (Deno.build.os !== "windows") {
 *   const folder = await Deno.makeTempDir();
 *   await using server = await serve(handler, { path: `${folder}/socket` });
 *
 *   using client = Deno.createHttpClient({ proxy: { transport: "unix", path: server.addr.path } });
 *   const response = await fetch("http://localhost", { client });
 *   assertEquals(await response.text(), "42");
 *   await Deno.remove(folder, { recursive: true });
 * }
 * ```
 */
export async function serve(
  handler: ServeHandler,
  options: SocketOptions,
): Promise<ExecutorServer<Deno.UnixAddr>>;
export async function serve(
  handler: ServeHandler,
  options: PortOptions | SocketOptions = {},
): Promise<ExecutorServer<Deno.Addr>> {
  if (typeof handler !== "function") {
    throw new TypeError(`Cannot serve: expected a function, received ${typeof handler}`);
  }
  const { executor: given, signal, grace: givenGrace, ...listen } = bare(options);
  const grace = milliseconds("grace", givenGrace, 4_500);
  assertSocket(listen);
  const executor = given instanceof Executor ? given : new Executor(given);
  const wasRunning = executor.isRunning;
  signal?.throwIfAborted();
  await executor.startup();
  try {
    signal?.throwIfAborted();
    // The options are passed on as they are, for a port or for a socket.
    return new GracefulServer(handler, executor, listen as Deno.ServeTcpOptions, grace, signal);
  } catch (error) {
    if (!wasRunning) {
      executor.terminate();
      // Waits until the workers have ended.
      await executor.shutdown();
    }
    throw error;
  }
}
