import type { Executor } from "../../executor.ts";
import type { Runner } from "../api/runner.ts";
import { upgradedSocket } from "../runtime/upgraded_socket.ts";
import type { ServeInfo } from "./handler.ts";
import { counting, InFlight } from "./in_flight.ts";

/**
 * Whether a signal that is first read when its client has gone still aborts. This is so since Deno 2.8;
 * 2.9 has brought locks.
 */
const watchesLate = "locks" in navigator;

/** The reasons of aborts because a client had gone. */
const departures = new WeakSet<object>();

/**
 * Keeps a client that has gone from ending the program. A task that an `onmessage` or a timer of a
 * handler starts has no promise that reaches the server: there the abort would be an unhandled
 * rejection.
 */
function ignoreDeparture(event: PromiseRejectionEvent): void {
  if (departures.has(event.reason)) event.preventDefault();
}

/**
 * The client of one request, and the tasks that run for the client. The tasks are aborted when the
 * client goes away: before the answer is complete, or, of an upgraded request, when the WebSocket
 * closes. A complete answer aborts nothing.
 */
export class RequestClient {
  readonly #request: Request;
  readonly #executor: Executor;
  /** Aborts when the client goes away; made for the first task. */
  #departure: AbortController | undefined;
  /** Whether the answer is complete, to the end of a stream; also set by an upgrade. */
  #answered = false;
  #gone = false;
  #runner: Runner | undefined;
  /** The calls in flight of an upgraded request. */
  #inFlight: InFlight | undefined;
  #socket: WebSocket | undefined;

  constructor(request: Request, info: Deno.ServeHandlerInfo, executor: Executor) {
    this.#request = request;
    this.#executor = executor;
    // Read now: after the answer Deno gives a promise that never settles.
    info.completed.then(() => this.#answered = true, this.#leave);
    if (!watchesLate) void request.signal;
  }

  /**
   * The handler's second argument. All properties are its own and need no `this`, so that a framework
   * may wrap or copy the object.
   *
   * @param stopping Aborts when the server begins to stop.
   */
  infoFor({ remoteAddr, completed }: Deno.ServeHandlerInfo, stopping: AbortSignal): ServeInfo {
    // Deno watches the connection only after the first task has read the signal.
    const executor = counting(() => this.#bound, () => this.#inFlight);
    return { remoteAddr, completed, executor, stopping };
  }

  /** The executor's calls, with the signal of the client. */
  get #bound(): Runner {
    return this.#runner ??= this.#executor.with({ signal: this.#watch() });
  }

  #watch(): AbortSignal {
    const departure = this.#departure = new AbortController();
    if (this.#gone) this.#leave();
    else if (!this.#answered) {
      const { signal } = this.#request;
      // Deno may abort after a complete answer as well. Then `completed` has resolved before, and
      // #answered is set in a microtask.
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
    this.#inFlight?.giveUp();
    if (this.#departure === undefined || this.#departure.signal.aborted) return;
    const reason = new DOMException("The client has gone away", "AbortError");
    departures.add(reason);
    addEventListener("unhandledrejection", ignoreDeparture);
    this.#departure.abort(reason);
  };

  /**
   * Takes the answer of the handler. After an upgrade, the WebSocket is the client.
   *
   * @param sockets Contains this client as long as the WebSocket is open.
   * @returns The response.
   */
  answered(response: Response, sockets?: Set<RequestClient>): Response {
    if (response.status === 101) this.#upgraded(upgradedSocket(response), sockets);
    return response;
  }

  #upgraded(socket: WebSocket | undefined, sockets: Set<RequestClient> | undefined): void {
    this.#socket = socket;
    this.#inFlight = new InFlight();
    if (socket === undefined) return;
    sockets?.add(this);
    const end = () => {
      sockets?.delete(this);
      this.#leave();
    };
    socket.addEventListener("close", end);
    // An upgrade that fails has an "error" event only.
    socket.addEventListener("error", end);
  }

  /** Resolves when the calls have ended that are in flight now. */
  async idle(): Promise<void> {
    await this.#inFlight?.idle();
  }

  /** Closes the WebSocket, as the server stops. */
  close(): void {
    this.#socket?.close(1001, "The server is stopping");
  }
}
