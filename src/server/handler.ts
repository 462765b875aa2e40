import type { Runner } from "../api/runner.ts";

/**
 * Answers a request.
 *
 * @param request The request.
 * @param info The client, and the calls for the request's tasks.
 * @returns The answer.
 *
 * @example A handler that counts words in a worker
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { serve, type ServeHandler } from "@genro/executor/serve";
 *
 * const countWords: ServeHandler = async (request, { executor }) => {
 *   const count = (text: string) => text.split(" ").length;
 *   return Response.json(await executor.runCpu(count, await request.text()));
 * };
 * await using server = await serve(countWords, { hostname: "127.0.0.1", port: 0 });
 *
 * const url = `http://127.0.0.1:${server.addr.port}`;
 * const response = await fetch(url, { method: "POST", body: "a b c" });
 * assertEquals(await response.json(), 3);
 * ```
 */
export type ServeHandler = (request: Request, info: ServeInfo) => Response | Promise<Response>;

/**
 * What a handler is given beside the request: the client, as Deno describes the client, and the calls
 * for the request's tasks.
 *
 * @example An event stream, which goes on until the server stops
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { serve, type ServeInfo } from "@genro/executor/serve";
 *
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
   * Runs tasks for this request. The tasks are aborted when the client goes away before the answer is
   * complete; the tasks of an upgraded request, when its WebSocket closes.
   */
  readonly executor: Runner;
  /**
   * Aborts when the server begins to stop. For answers without an end, such as an event stream: Deno
   * cannot cut off a response that has begun, and the program would not end.
   */
  readonly stopping: AbortSignal;
}
