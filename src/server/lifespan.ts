import { Executor } from "../../executor.ts";
import type { ExecutorOptions } from "../api/options.ts";
import { bare } from "../settings/checks.ts";
import { shareOf } from "../settings/settings.ts";
import type { ServeHandler } from "./handler.ts";
import { RequestClient } from "./request_client.ts";
import { asResponse, explain } from "./responses.ts";
import { announceThread } from "./threads.ts";

/**
 * An app of any framework, in the form that `deno serve` takes, whose handler also receives the calls
 * for its tasks.
 *
 * @example An app that computes in a worker
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
   * @param info The client, and the calls for the request's tasks: a {@linkcode ServeInfo}, in Hono the
   * value of `c.env`.
   * @returns The answer.
   */
  // deno-lint-ignore no-explicit-any -- each framework has a type of its own for it
  fetch(request: Request, info: any): Response | Promise<Response>;
  /** As for `deno serve`. */
  onListen?: (localAddr: Deno.Addr) => void;
}

/**
 * The executor of an app: options of {@linkcode lifespan}.
 *
 * @example An executor that the rest of the program uses, too
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Executor } from "@genro/executor";
 * import { lifespan, type LifespanOptions } from "@genro/executor/serve";
 *
 * await using executor = new Executor();
 * const options: LifespanOptions = { executor };
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
   * The executor for the tasks, or the options of an executor. The threads of `deno serve --parallel`
   * share the default `maxWorkers`.
   */
  executor?: Executor | ExecutorOptions;
}

/**
 * Gives an app an executor under `deno serve`, which calls the exported app: the executor starts with
 * the first request, and ends when the program does. On SIGINT and SIGTERM Deno itself accepts nothing
 * more, and lets the requests in flight finish.
 *
 * With `deno serve --parallel` each thread has an executor of its own, sized to its share of the cores.
 * An error of a handler is answered as by {@linkcode serve}.
 *
 * @param app A handler, or an object with a method `fetch`, as most frameworks have.
 * @param options The executor.
 * @returns The object to `export default`.
 * @throws {RangeError} If a number among the options is out of its range.
 * @throws {TypeError} If `app` has no handler, or an option is of the wrong type.
 *
 * @example An app for `deno serve`
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
  const stopping = new AbortController();
  const executorOf = sharedExecutor(bare(options).executor, () => stopping.abort());
  return {
    async fetch(request: Request, info: Deno.ServeHandlerInfo): Promise<Response> {
      try {
        const executor = await executorOf();
        await executor.startup();
        const client = new RequestClient(request, info, executor);
        const told = client.infoFor(info, stopping.signal);
        return client.answered(asResponse(await fetch.call(app, request, told)));
      } catch (error) {
        return explain(error);
      }
    },
    ...onListen && { onListen: onListen.bind(app) },
  };
}

/**
 * The executor of this thread.
 *
 * @param given The executor, or its options.
 * @param onEnding Called when the process is told to end.
 * @returns Gets the executor, at the first request: by then all threads of the process have started.
 */
function sharedExecutor(
  given: Executor | ExecutorOptions | undefined,
  onEnding: () => void,
): () => Executor | Promise<Executor> {
  // Made now, for the checks of its options, and used unless there are threads to share with.
  const whole = given instanceof Executor ? given : new Executor(given);
  const countThreads = announceThread(onEnding);
  let executor: Executor | undefined;
  let sizing: Promise<Executor> | undefined;
  const size = async () => {
    const threads = given instanceof Executor ? 1 : await countThreads();
    return executor = threads === 1
      ? whole
      : new Executor(shareOf(given as ExecutorOptions, threads));
  };
  addEventListener("unload", () => executor?.terminate());
  return () => executor ?? (sizing ??= size());
}
