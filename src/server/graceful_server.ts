import type { Executor } from "../../executor.ts";
import { NotStartedError, ShutdownError } from "../api/errors.ts";
import { clearTimeout, deliveries, setTimeout } from "../runtime/real_timers.ts";
import type { ServeHandler } from "./handler.ts";
import { RequestClient } from "./request_client.ts";
import { asResponse, explain, STOPPING, unavailable } from "./responses.ts";
import { onStopSignal } from "./stop_signals.ts";

/**
 * A server with an executor, as {@linkcode serve} starts both.
 *
 * @typeParam A The type of the address: of a port or of a Unix socket.
 *
 * @example A request, and the end of the server
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { type ExecutorServer, serve } from "@genro/executor/serve";
 *
 * await using server: ExecutorServer = await serve(async (_request, { executor }) => {
 *   return new Response(await executor.runCpu(() => "computed"));
 * }, { hostname: "127.0.0.1", port: 0 });
 *
 * const response = await fetch(`http://127.0.0.1:${server.addr.port}`);
 * assertEquals(await response.text(), "computed");
 * await server.shutdown(); // Or at the end of the block.
 * assertEquals(server.executor.isRunning, false);
 * ```
 */
export interface ExecutorServer<A extends Deno.Addr = Deno.NetAddr> extends AsyncDisposable {
  /** The address of the server. */
  readonly addr: A;
  /** The executor, running. */
  readonly executor: Executor;
  /** Resolves when the server has stopped, and the executor has ended. */
  readonly finished: Promise<void>;
  /**
   * Stops the server as SIGTERM does: the server accepts nothing more, and lets the requests in flight
   * finish, then the tasks. A second call ends the rest at once.
   *
   * @returns The promise `finished`.
   */
  shutdown(): Promise<void>;
}

/** Starts a server, and stops the server in order. */
export class GracefulServer implements ExecutorServer<Deno.Addr> {
  readonly executor: Executor;
  readonly finished: Promise<void>;
  readonly #server: Deno.HttpServer;
  readonly #stopping = new AbortController();
  /** How to answer the requests that have no answer yet. */
  readonly #unanswered = new Set<(response: Response) => void>();
  readonly #ended = Promise.withResolvers<void>();
  /** The clients of the WebSockets that are open. */
  readonly #sockets = new Set<RequestClient>();
  /** Whether the server still listens, and only for the WebSockets to be closed. */
  #closesSockets = false;

  constructor(
    handler: ServeHandler,
    executor: Executor,
    listen: Deno.ServeTcpOptions,
    grace: number,
    signal: AbortSignal | undefined,
  ) {
    this.executor = executor;
    const { signal: stopping } = this.#stopping;
    // Without a prototype: Deno would find options on `Object.prototype`.
    const options = { __proto__: null, onError: explain, ...listen };
    this.#server = Deno.serve(options, (request, info) => {
      if (this.#closesSockets) return unavailable(STOPPING);
      const client = new RequestClient(request, info, executor);
      return this.#answer(handler(request, client.infoFor(info, stopping)), client);
    });
    const ignore = onStopSignal(this.#stop);
    signal?.addEventListener("abort", this.#stop);
    this.finished = this.#finish(grace).finally(() => {
      ignore();
      signal?.removeEventListener("abort", this.#stop);
    });
  }

  get addr(): Deno.Addr {
    return this.#server.addr;
  }

  shutdown(): Promise<void> {
    this.#stop();
    return this.finished;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stopping.signal.aborted ? this.finished : this.shutdown();
  }

  /** Answers as the handler does. `#end()` answers for a handler whose time is over. */
  #answer(
    answer: Response | Promise<Response>,
    client: RequestClient,
  ): Response | Promise<Response> {
    if (answer instanceof Response) return client.answered(answer, this.#sockets);
    return new Promise((resolve, reject) => {
      this.#unanswered.add(resolve);
      const done = () => this.#unanswered.delete(resolve);
      Promise.resolve(answer)
        .then((response) => client.answered(asResponse(response), this.#sockets))
        .then(resolve, reject).then(done);
    });
  }

  /** Begins to stop. The second call ends the rest at once. */
  readonly #stop = (): void => {
    if (this.#stopping.signal.aborted) this.#ended.resolve();
    else this.#stopping.abort();
  };

  async #finish(grace: number): Promise<void> {
    const { signal } = this.#stopping;
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    // A listener of this server's own, as the end of another server must not remove the listener.
    const print = (event: PromiseRejectionEvent) => printRefusal(event);
    addEventListener("unhandledrejection", print);
    const timer = grace === Infinity ? undefined : setTimeout(this.#ended.resolve, grace);
    const inTime = await Promise.race([this.#drain().then(() => true), this.#ended.promise]);
    if (timer !== undefined) clearTimeout(timer);
    if (!inTime) await this.#end();
    removeEventListener("unhandledrejection", print);
  }

  /** Finishes the requests and the tasks in flight. */
  async #drain(): Promise<void> {
    if (this.#sockets.size > 0) await this.#closeSockets();
    await this.#server.shutdown();
    await this.executor.shutdown();
  }

  /** Closes the WebSockets when their tasks are done. Deno's server would close them at once. */
  async #closeSockets(): Promise<void> {
    this.#closesSockets = true;
    await Promise.all(Array.from(this.#sockets, (client) => client.idle()));
    // Now the handlers that have awaited the results send these.
    await deliveries();
    for (const client of this.#sockets) client.close();
  }

  /** Ends the requests and the tasks that are left. */
  async #end(): Promise<void> {
    this.executor.terminate();
    // A handler whose task has just been rejected may have an answer of its own.
    await deliveries();
    for (const answer of this.#unanswered) answer(unavailable(STOPPING));
    for (const client of this.#sockets) client.close();
    // The server still listens if a WebSocket has kept #drain() waiting. Its end may never come.
    this.#server.shutdown();
    await deliveries();
    // The workers take a moment to end.
    await this.executor.shutdown();
  }
}

/**
 * Keeps a task that the server's end refuses or drops from ending the program, and with the program the
 * requests in flight. A task that an `onmessage` or a timer starts has no promise that reaches the
 * server.
 */
function printRefusal(event: PromiseRejectionEvent): void {
  const { defaultPrevented, reason } = event;
  if (defaultPrevented || !(reason instanceof ShutdownError || reason instanceof NotStartedError)) {
    return;
  }
  event.preventDefault();
  console.error(reason);
}
