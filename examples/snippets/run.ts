/** The request for a snippet, and each way in which the snippet ends. */

import {
  QueueFullError,
  type Runner,
  tasksFrom,
  WorkerCrashedError,
  WorkerStartError,
} from "@genro/executor";
import { BodyTooLargeError, readBody } from "../body.ts";
import { readAnswer } from "./answer.ts";
import { BODY_TIMEOUT_MS, PATIENCE_MS, SOURCE_BYTES, TIME_LIMIT_MS } from "./limits.ts";

const { runSnippet } = tasksFrom(import.meta, () => import("./run_snippet.ts"));

/** The tasks whose module processes load before they take snippets. */
export const preload = [runSnippet];

/**
 * Runs the snippet in the body of a request.
 *
 * @param request The request.
 * @param executor Runs the snippet, and cancels the run when the client leaves.
 * @param user Whose snippet it is.
 * @returns The answer.
 */
export async function run(request: Request, executor: Runner, user: string): Promise<Response> {
  const source = await readSource(request);
  if (source instanceof Response) return source;
  const begun = performance.now();
  const patience = AbortSignal.timeout(PATIENCE_MS);
  try {
    const runner = executor.with({ tenant: user, timeout: TIME_LIMIT_MS, signal: patience });
    const answer = readAnswer(await runner.runCpu(runSnippet, source));
    if (answer === undefined) return problem(502, "The process sent no valid answer");
    return Response.json({ ...answer, ms: Math.round(performance.now() - begun) });
  } catch (error) {
    return explain(error, patience);
  }
}

async function readSource(request: Request): Promise<string | Response> {
  try {
    const bytes = await readBody(request, SOURCE_BYTES, AbortSignal.timeout(BODY_TIMEOUT_MS));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof BodyTooLargeError) return problem(413, error.message);
    if (error instanceof TypeError) return problem(400, "Expected a source in UTF-8");
    return problem(408, "The source did not arrive in time");
  }
}

/**
 * The answer for a snippet that has sent none. The error may be of the snippet's making: no text of
 * the error is printed or sent.
 */
function explain(error: unknown, patience: AbortSignal): Response {
  if (error instanceof QueueFullError) {
    return error.option === "maxQueuePerTenant"
      ? problem(429, "Too many of your snippets wait, try again")
      : problem(503, "Too much to do, try again");
  }
  if (patience.aborted && error === patience.reason) {
    return problem(503, "Too much to do: the snippet has not ended in time, try again");
  }
  if (error instanceof WorkerCrashedError) {
    return problem(502, "The snippet has ended its process, or was out of memory");
  }
  if (error instanceof DOMException) {
    if (error.name === "TimeoutError") {
      return problem(504, `The snippet has run for ${TIME_LIMIT_MS} ms, and was ended`);
    }
    // The client has gone away: there is nobody to answer.
    if (error.name === "AbortError") return new Response(null, { status: 499 });
  }
  return error instanceof WorkerStartError
    ? problem(503, "The snippet could not begin, try again")
    : problem(502, "The process sent no valid answer");
}

/** A refusal; the header `retry-after` says when another try may succeed. */
export function problem(status: number, message: string): Response {
  const headers: HeadersInit = status === 429 || status === 503 ? { "retry-after": "1" } : {};
  return Response.json({ ok: false, error: { name: "Refused", message } }, { status, headers });
}
