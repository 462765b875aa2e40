import { NotStartedError, QueueFullError, ShutdownError } from "../api/errors.ts";
import type { Runner } from "../api/runner.ts";
import type { RequestClient } from "./request_client.ts";

/**
 * What a handler is told beside the request: what Deno tells, and who runs its tasks.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { serve, type ServeInfo } from "@genro/executor/serve";
 *
 * // An event stream, which goes on until the server stops.
 * function events(_request: Request, { stopping }: ServeInfo): Response {
 *   const { readable, writable } = new TextEncoderStream();
 *   const writer = writable.getWriter();
 *   writer.write("data: hello\n\n");
 *   stopping.addEventListener("abort", () => writer.close());
 *   return new Response(readable, { headers: { "content-type": "text/event-stream" } });
 * }
 * await using server = await serve(events, { hostname: "127.0.0.1", port: 0 });
 * const response = await fetch(`http://127.0.0.1:${server.addr.port}`);
 * const [text] = await Promise.all([response.text(), server.shutdown()]);
 * assertEquals(text, "data: hello\n\n");
 * ```
 */
export interface ServeInfo extends Deno.ServeHandlerInfo {
  /**
   * Runs tasks for this request. They are aborted when its client goes away before the answer is
   * complete; those of a request that was upgraded, when its WebSocket closes.
   */
  readonly executor: Runner;
  /**
   * Aborts when the server begins to stop. End with it what would go on for ever, such as an event
   * stream: Deno cannot cut off a response that has begun, which keeps the program from ending.
   */
  readonly stopping: AbortSignal;
}

/**
 * What a handler is told of one request. Whatever wraps or copies the object keeps all of it: these
 * are its own properties, and need no `this`.
 */
export function requestInfo(
  client: RequestClient,
  { remoteAddr, completed }: Deno.ServeHandlerInfo,
  stopping: AbortSignal,
): ServeInfo {
  return { remoteAddr, completed, executor: client.runner(), stopping };
}

/**
 * What a handler has answered. Deno 2.8 ends the program if that comes later and is no answer.
 *
 * @throws {TypeError} If it is not a `Response`.
 */
export function asResponse(answer: unknown): Response {
  if (answer instanceof Response) return answer;
  throw new TypeError(
    `Cannot answer the request: the handler returned ${
      answer === null ? "null" : typeof answer
    }, expected a Response`,
  );
}

/** Answers for a handler that has thrown. */
export function explain(error: unknown): Response {
  if (error instanceof QueueFullError) {
    return unavailable("Too much to do, try again", error.status);
  }
  if (error instanceof ShutdownError || error instanceof NotStartedError) {
    return unavailable(STOPPING);
  }
  // The client has gone away: there is nobody to answer.
  if (error instanceof DOMException && error.name === "AbortError") {
    return new Response(null, { status: 499 });
  }
  console.error(error);
  return new Response("Internal Server Error", { status: 500 });
}

/** Why a server that ends does not answer. */
export const STOPPING = "The server is stopping";

/** The answer of a server that cannot answer now. */
export function unavailable(why: string, status = 503): Response {
  return new Response(why, { status, headers: { "Retry-After": "1" } });
}
