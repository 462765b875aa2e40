import { NotStartedError, QueueFullError, ShutdownError } from "../api/errors.ts";

/**
 * The answer of a handler. The check is here, as Deno 2.8 ends the program if an asynchronous answer is
 * no `Response`.
 *
 * @throws {TypeError} If the answer is not a `Response`.
 */
export function asResponse(answer: unknown): Response {
  if (answer instanceof Response) return answer;
  throw new TypeError(
    `Cannot answer the request: the handler returned ${
      answer === null ? "null" : typeof answer
    }, expected a Response`,
  );
}

/** The answer for an error of a handler. */
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

/** The text of the answers while the server stops. */
export const STOPPING = "The server is stopping";

/** The answer of a server that cannot answer now. */
export function unavailable(why: string, status = 503): Response {
  return new Response(why, { status, headers: { "Retry-After": "1" } });
}
