/**
 * Servers with an executor: it starts before the first request, and ends after the last one.
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
import {
  type ExecutorServer,
  GracefulServer,
  type ServeHandler,
} from "./src/server/graceful_server.ts";
import type { ExecutorOptions } from "./src/api/options.ts";
import { shareOf } from "./src/settings/executor_options.ts";
import { bare, milliseconds } from "./src/settings/checks.ts";
import { announceThread } from "./src/server/threads.ts";
import { asResponse, explain, requestInfo, type ServeInfo } from "./src/server/request_info.ts";
import { RequestClient } from "./src/server/request_client.ts";
import { assertSocket } from "./src/server/unix_socket.ts";

export type { ExecutorServer, ServeHandler, ServeInfo };

/**
 * Options of {@linkcode serve}, beside those of `Deno.serve`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { serve, type ServeOptions } from "@genro/executor/serve";
 *
 * const stop = new AbortController();
 * const options: ServeOptions = {
 *   executor: { cpu: { maxQueue: 100 } }, // Past it, a request is answered with 503.
 *   signal: stop.signal,
 *   grace: 2_000,
 * };
 * const listen = { hostname: "127.0.0.1", port: 0 };
 * await using server = await serve(() => new Response("ok"), { ...options, ...listen });
 * stop.abort(); // As SIGTERM does.
 * await server.finished;
 * assertEquals(server.executor.isRunning, false);
 * ```
 */
export interface ServeOptions {
  /**
   * The executor that runs the tasks, or the options to make one with. It is started with the
   * server, and shut down with it.
   */
  executor?: Executor | ExecutorOptions;
  /** Stops the server as SIGTERM does. */
  signal?: AbortSignal;
  /**
   * How many ms it may take to stop. What goes on then is ended: tasks reject, and requests that
   * have no answer are answered with 503. Deno Deploy ends a program 5 s after its SIGINT.
   *
   * @default {4_500}
   */
  grace?: number;
}

/**
 * Options of {@linkcode serve} on a port: those of `Deno.serve`, beside its own.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { type PortOptions, serve } from "@genro/executor/serve";
 *
 * const options: PortOptions = {
 *   hostname: "127.0.0.1",
 *   port: 0, // Any that is free.
 *   onListen: ({ port }) => console.log(`Port ${port}`),
 *   executor: { blocking: { maxWorkers: 8 } },
 * };
 * await using server = await serve(() => new Response("ok"), options);
 * const response = await fetch(`http://127.0.0.1:${server.addr.port}`);
 * assertEquals(await response.text(), "ok");
 * ```
 */
export interface PortOptions
  extends ServeOptions, Omit<Deno.ServeTcpOptions, "signal">, Partial<Deno.TlsCertifiedKeyPem> {}

/**
 * Options of {@linkcode serve} on a Unix socket: those of `Deno.serve`, beside its own. Deno has no
 * Unix sockets on Windows, where `serve` refuses them; use {@linkcode PortOptions} there.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { serve, type SocketOptions } from "@genro/executor/serve";
 *
 * const folder = await Deno.makeTempDir();
 * const options: SocketOptions = {
 *   path: `${folder}/socket`, // Where a proxy on the same machine passes requests to.
 *   executor: { blocking: { maxWorkers: 8 } },
 * };
 * if (Deno.build.os !== "windows") {
 *   await using server = await serve(() => new Response("ok"), options);
 *   assertEquals(server.addr.path, options.path);
 * }
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export interface SocketOptions extends ServeOptions, Omit<Deno.ServeUnixOptions, "signal"> {}

/**
 * Starts an executor, then a server whose handler has it. On SIGINT, SIGTERM or `signal` the
 * server accepts nothing more, lets the requests in flight finish, drains the executor, and is
 * done within `grace`; a second signal ends it at once. WebSockets are closed when the tasks that
 * they have in flight are done. It does not end the program, which ends by itself when nothing else
 * keeps it.
 *
 * A handler that lets a `QueueFullError` or a `ShutdownError` through answers 503; any other
 * error is printed and answers 500, unless there is an `onError`.
 *
 * @param handler Answers the requests.
 * @param options The executor, how to stop, and where to listen: what `Deno.serve` takes.
 * @returns The server, listening.
 * @throws {WorkerStartError} If the executor cannot start; the port was not opened.
 * @throws {Deno.errors.AddrInUse} If the port is in use; the executor is ended.
 * @throws {RangeError} If `grace` is negative or not a number.
 * @throws {TypeError} If an option is of the wrong type.
 * @throws {unknown} The reason of `signal`, if it has aborted by then.
 *
 * @example
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
 * Serves on a Unix socket, which Deno has on all systems but Windows.
 *
 * @param handler Answers the requests.
 * @param options The executor, how to stop, and the path of the socket.
 * @returns The server, listening.
 * @throws {WorkerStartError} If the executor cannot start; the socket was not made.
 * @throws {Deno.errors.AddrInUse} If there is something at the path; the executor is ended.
 * @throws {Deno.errors.NotSupported} If this is Windows; nothing was started.
 * @throws {RangeError} If `grace` is negative or not a number.
 * @throws {TypeError} If an option is of the wrong type.
 * @throws {unknown} The reason of `signal`, if it has aborted by then.
 *
 * @example
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
    // Whichever way to listen they name, they are passed on as they are.
    return new GracefulServer(handler, executor, listen as Deno.ServeTcpOptions, grace, signal);
  } catch (error) {
    if (!wasRunning) {
      executor.terminate();
      // Until its workers are gone.
      await executor.shutdown();
    }
    throw error;
  }
}

/**
 * An app of whatever framework: what `deno serve` takes, but told who runs its tasks.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor } from "@genro/executor";
 * import { type App, lifespan, type ServeInfo } from "@genro/executor/serve";
 *
 * const app: App = {
 *   async fetch(_request: Request, { executor }: ServeInfo) {
 *     return new Response(await executor.runCpu(() => "computed"));
 *   },
 * };
 * await using executor = new Executor();
 * const served = lifespan(app, { executor }); // export default served;
 * await using server = Deno.serve({ hostname: "127.0.0.1", port: 0 }, served.fetch);
 * const response = await fetch(`http://127.0.0.1:${server.addr.port}`);
 * assertEquals(await response.text(), "computed");
 * ```
 */
export interface App {
  /**
   * Answers a request.
   *
   * @param request The request.
   * @param info Who sent it, and who runs its tasks: a {@linkcode ServeInfo}. Hono has it in `c.env`.
   * @returns The answer.
   */
  // deno-lint-ignore no-explicit-any -- each framework has a type of its own for it
  fetch(request: Request, info: any): Response | Promise<Response>;
  /** As for `deno serve`. */
  onListen?: (localAddr: Deno.Addr) => void;
}

/**
 * Options of {@linkcode lifespan}.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor } from "@genro/executor";
 * import { lifespan, type LifespanOptions } from "@genro/executor/serve";
 *
 * await using executor = new Executor();
 * const options: LifespanOptions = { executor }; // The rest of the program uses it, too.
 * const served = lifespan(async (_request, { executor }) => {
 *   return new Response(await executor.runCpu(() => "computed"));
 * }, options); // export default served;
 *
 * await using server = Deno.serve({ hostname: "127.0.0.1", port: 0 }, served.fetch);
 * const response = await fetch(`http://127.0.0.1:${server.addr.port}`);
 * assertEquals([await response.text(), executor.stats().cpu.completed], ["computed", 1]);
 * ```
 */
export interface LifespanOptions {
  /**
   * The executor that runs the tasks, or the options to make one with. The threads of `deno serve
   * --parallel` share the `maxWorkers` that are not given.
   */
  executor?: Executor | ExecutorOptions;
}

/**
 * Gives an app an executor under `deno serve`, which calls what is exported: the executor starts
 * with the first request, and ends when the program does. On SIGINT and SIGTERM Deno itself
 * accepts nothing more, and lets the requests in flight finish.
 *
 * With `deno serve --parallel` each thread has an executor of its own, sized to its share of the
 * cores. What a handler throws is answered as by {@linkcode serve}.
 *
 * @param app A handler, or an object with a method `fetch`, as most frameworks have.
 * @param options The executor.
 * @returns What to `export default`.
 * @throws {RangeError} If a number among the options is out of its range.
 * @throws {TypeError} If `app` is neither, or an option is of the wrong type.
 *
 * @example
 * ```ts
 * import { lifespan } from "@genro/executor/serve";
 *
 * const app = lifespan(async (_request, { executor }) => {
 *   return new Response(`${await executor.runCpu((n: number) => n * 2, 21)}`);
 * });
 * // export default app;
 * ```
 */
export function lifespan(
  app: App | ServeHandler,
  options: LifespanOptions = {},
): Deno.ServeDefaultExport {
  const { fetch, onListen } = typeof app === "function" ? bare<App>({ fetch: app }) : app;
  if (typeof fetch !== "function") {
    throw new TypeError("Cannot serve the app: expected a function, or an object with fetch()");
  }
  const { executor: given } = bare(options);
  // Made now for its checks, and to be used unless there are others to share with.
  const whole = given instanceof Executor ? given : new Executor(given);
  const stopping = new AbortController();
  const countThreads = announceThread(() => stopping.abort());
  let executor: Executor | undefined;
  let sizing: Promise<Executor> | undefined;
  const size = async () => {
    const threads = given instanceof Executor ? 1 : await countThreads();
    return threads === 1 ? whole : new Executor(shareOf(given as ExecutorOptions, threads));
  };
  addEventListener("unload", () => executor?.terminate());
  return {
    async fetch(request: Request, info: Deno.ServeHandlerInfo): Promise<Response> {
      try {
        executor ??= await (sizing ??= size());
        await executor.startup();
        const client = new RequestClient(request, info, executor);
        const told = requestInfo(client, info, stopping.signal);
        return client.answered(asResponse(await fetch.call(app, request, told)));
      } catch (error) {
        return explain(error);
      }
    },
    ...onListen && { onListen: onListen.bind(app) },
  };
}
