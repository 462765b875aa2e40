import type { Executor } from "../../executor.ts";
import type { Runner } from "../api/runner.ts";
import { upgradedSocket } from "../runtime/upgraded_socket.ts";

/**
 * Whether a signal that is first read when its client has gone still aborts. It does since Deno 2.8;
 * 2.9 has brought locks.
 */
const watchesLate = "locks" in navigator;

/** The reasons that tasks were aborted for because their client had gone. */
const departures = new WeakSet<object>();

/**
 * Keeps a client that has gone from ending the program. What an `onmessage` or a timer of a handler
 * starts has no promise that reaches the server: there the abort would be an unhandled rejection.
 */
function ignoreDeparture(event: PromiseRejectionEvent): void {
  if (departures.has(event.reason)) event.preventDefault();
}

/**
 * The client of one request, and the tasks that run for the client. They are aborted when the
 * client goes away: before the answer is complete, or, of an upgraded request, when the WebSocket
 * closes. A complete answer aborts nothing.
 */
export class RequestClient {
  readonly #request: Request;
  readonly #executor: Executor;
  /** Aborts when the client goes away; made for the first task. */
  #departure: AbortController | undefined;
  /** Whether the answer has gone out: an upgrade, too, or all of a stream. */
  #answered = false;
  #gone = false;
  #runner: Runner | undefined;
  /** The tasks in flight of an upgraded request; each resolves when the task has ended. */
  #inFlight: Set<PromiseWithResolvers<void>> | undefined;
  #socket: WebSocket | undefined;

  constructor(request: Request, info: Deno.ServeHandlerInfo, executor: Executor) {
    this.#request = request;
    this.#executor = executor;
    // Read now: when the answer has gone out, Deno gives a promise that never settles.
    info.completed.then(() => this.#answered = true, this.#leave);
    if (!watchesLate) void request.signal;
  }

  /** Runs tasks for the client. Until the first one, Deno does not watch the connection. */
  runner(): Runner {
    return this.#tracking(() => this.#bound);
  }

  /** Calls whose tasks are those of the client. */
  #tracking(bound: () => Runner): Runner {
    return {
      runBlocking: (task, ...args) => this.#track(bound().runBlocking(task, ...args)),
      runCpu: (task, ...args) => this.#track(bound().runCpu(task, ...args)),
      mapBlocking: (task, items, options) =>
        this.#trackLoop(bound().mapBlocking(task, items, options)),
      mapCpu: (task, items, options) => this.#trackLoop(bound().mapCpu(task, items, options)),
      streamBlocking: (task, ...args) => this.#trackLoop(bound().streamBlocking(task, ...args)),
      streamCpu: (task, ...args) => this.#trackLoop(bound().streamCpu(task, ...args)),
      with: (options) => {
        const narrower = bound().with(options);
        return this.#tracking(() => narrower);
      },
    };
  }

  /** The executor's calls with the signal of the client. */
  get #bound(): Runner {
    return this.#runner ??= this.#executor.with({ signal: this.#watch() });
  }

  #watch(): AbortSignal {
    const departure = this.#departure = new AbortController();
    if (this.#gone) this.#leave();
    else if (!this.#answered) {
      const { signal } = this.#request;
      // Deno may abort after a complete answer as well. It then has resolved `completed` before, and
      // that is noted in a microtask.
      const check = () =>
        queueMicrotask(() => {
          if (!this.#answered) this.#leave();
        });
      if (signal.aborted) check();
      else signal.addEventListener("abort", check);
    }
    return departure.signal;
  }

  readonly #leave = (): void => {
    this.#gone = true;
    for (const { resolve } of this.#inFlight ?? []) resolve();
    if (this.#departure === undefined || this.#departure.signal.aborted) return;
    const reason = new DOMException("The client has gone away", "AbortError");
    departures.add(reason);
    addEventListener("unhandledrejection", ignoreDeparture);
    this.#departure.abort(reason);
  };

  /**
   * Notes what the handler has answered: if that is an upgrade, its WebSocket is the client now.
   *
   * @param sockets Has this client as long as the WebSocket is open.
   * @returns The response.
   */
  answered(response: Response, sockets?: Set<RequestClient>): Response {
    if (response.status === 101) this.#upgraded(upgradedSocket(response), sockets);
    return response;
  }

  #upgraded(socket: WebSocket | undefined, sockets: Set<RequestClient> | undefined): void {
    this.#socket = socket;
    this.#inFlight = new Set();
    if (socket === undefined) return;
    sockets?.add(this);
    const end = () => {
      sockets?.delete(this);
      this.#leave();
    };
    // An upgrade that fails is an error alone.
    socket.addEventListener("close", end);
    socket.addEventListener("error", end);
  }

  /** Resolves when the tasks have ended that are in flight now. */
  async idle(): Promise<void> {
    await Promise.all(Array.from(this.#inFlight ?? [], ({ promise }) => promise));
  }

  /** Says goodbye. */
  close(): void {
    this.#socket?.close(1001, "The server is stopping");
  }

  #track<T>(result: Promise<T>): Promise<T> {
    return this.#inFlight === undefined ? result : this.#tracked(this.#inFlight, result);
  }

  async #tracked<T>(inFlight: Set<PromiseWithResolvers<void>>, result: Promise<T>): Promise<T> {
    const ended = Promise.withResolvers<void>();
    inFlight.add(ended);
    try {
      return await result;
    } finally {
      inFlight.delete(ended);
      ended.resolve();
    }
  }

  #trackLoop<T>(results: AsyncIterableIterator<T>): AsyncIterableIterator<T> {
    return this.#inFlight === undefined ? results : this.#trackedLoop(this.#inFlight, results);
  }

  async *#trackedLoop<T>(
    inFlight: Set<PromiseWithResolvers<void>>,
    results: AsyncIterableIterator<T>,
  ): AsyncGenerator<T, void, undefined> {
    const ended = Promise.withResolvers<void>();
    inFlight.add(ended);
    try {
      yield* results;
    } finally {
      inFlight.delete(ended);
      ended.resolve();
    }
  }
}
