import type { Executor } from "../../executor.ts";
import type { ExecutorOptions } from "../api/options.ts";

/**
 * The executor of a server, and how the server stops: options of {@linkcode serve}, beside those of
 * `Deno.serve`.
 *
 * @example A server that refuses more than 100 waiting tasks, and stops within 2 s
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { serve, type ServeOptions } from "@genro/executor/serve";
 *
 * const stop = new AbortController();
 * const options: ServeOptions = {
 *   executor: { cpu: { maxQueue: 100 } }, // A request with one more task is answered with 503.
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
   * The executor for the tasks, or the options of an executor. The executor starts with the server, and
   * shuts down with the server.
   */
  executor?: Executor | ExecutorOptions;
  /** Stops the server as SIGTERM does. */
  signal?: AbortSignal;
  /**
   * How many ms the server may take to stop. Then the rest is ended: tasks reject, and requests without
   * an answer are answered with 503. Deno Deploy ends a program 5 s after its SIGINT.
   *
   * @default {4_500}
   */
  grace?: number;
}

/**
 * Options of {@linkcode serve} on a port: those of `Deno.serve`, beside its own.
 *
 * @example A server on any free port
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { type PortOptions, serve } from "@genro/executor/serve";
 *
 * const options: PortOptions = {
 *   hostname: "127.0.0.1",
 *   port: 0, // Any free port.
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
 * Unix sockets on Windows, where `serve` refuses a path; use {@linkcode PortOptions} there.
 *
 * @example A server behind a proxy on the same machine
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { serve, type SocketOptions } from "@genro/executor/serve";
 *
 * const folder = await Deno.makeTempDir();
 * const options: SocketOptions = {
 *   path: `${folder}/socket`, // The proxy passes requests to this socket.
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
