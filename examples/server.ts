/**
 * A small HTTP service with heavy work to do: it hashes passwords and reports sales, and
 * still answers `/healthz` at once.
 *
 * ```sh
 * deno task start
 * curl "http://127.0.0.1:8000/sales?city=Rome"
 * curl http://127.0.0.1:8000/passwords --json '{ "password": "correct horse" }'
 * ```
 *
 * http://127.0.0.1:8000/dashboard shows both pools live.
 *
 * With `--on-event-loop` it does the same work the way one should not, for comparison.
 */

import {
  Executor,
  QueueFullError,
  type Runner,
  type Task,
  type TaskFunction,
  tasksFrom,
} from "@genro/executor";
import { BodyTooLargeError, readBody } from "./body.ts";
import { dashboard } from "./dashboard/dashboard.ts";

/** How many bytes a body may have. `request.json()` has no limit. */
const MAX_BODY_BYTES = 4_096;
/** How long, in ms, a client may take to send a body. */
const BODY_TIMEOUT_MS = 10_000;

const onEventLoop = Deno.args.includes("--on-event-loop");
const tasks = onEventLoop
  ? await import("./tasks.ts")
  : tasksFrom(import.meta, () => import("./tasks.ts"));
const database = Deno.env.get("DATABASE") ?? "examples/data/sales.db";

const stopSignal = new Promise<Deno.Signal>((resolve) => {
  const signals: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT", "SIGBREAK"]
    : ["SIGINT", "SIGTERM"];
  for (const signal of signals) Deno.addSignalListener(signal, () => resolve(signal));
});

// These queries compute as much as they block, so workers beyond the cores would only compete;
// hashing leaves a core to the rest. Past 100 waiting requests it is kinder to refuse.
const cores = navigator.hardwareConcurrency;
await using executor = await Executor.start({
  cpu: { maxWorkers: Math.max(1, cores - 1), maxQueue: 100 },
  blocking: { maxWorkers: cores, maxQueue: 100 },
});
await runner().runBlocking(tasks.createDatabase, database);

const stopping = new AbortController();
// For its operator: a real server puts it behind its own authentication.
const answerOperator = dashboard(executor, stopping.signal);

const server = Deno.serve({
  hostname: "127.0.0.1",
  port: Number(Deno.env.get("PORT") ?? 8000),
  onListen: ({ hostname, port }) => console.log(`Listening on http://${hostname}:${port}`),
  onError: explain,
}, answer);

console.log(`Stopping on ${await stopSignal}`);
stopping.abort();
await server.shutdown();
// Here `await using` shuts the executor down, and with nothing left to do the program ends.

function answer(request: Request): Response | Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  switch (`${request.method} ${pathname}`) {
    case "GET /healthz":
      return new Response("ok");
    case "GET /stats":
      return Response.json(executor.stats());
    case "GET /sales":
      return sales(request, searchParams.get("city"));
    case "POST /passwords":
      return hashPassword(request);
    default:
      return answerOperator(request) ?? problem(404, `There is no ${request.method} ${pathname}`);
  }
}

async function sales(request: Request, city: string | null): Promise<Response> {
  if (!city) return problem(400, "Expected a city, as in /sales?city=Rome");
  const months = await runner(request.signal).runBlocking(tasks.salesByMonth, database, city);
  return months.length > 0
    ? Response.json({ city, months })
    : problem(404, `There are no sales in ${city}`);
}

async function hashPassword(request: Request): Promise<Response> {
  const { password } = await bodyOf(request);
  if (typeof password !== "string" || password === "") {
    return problem(400, 'Expected a body like { "password": "correct horse" }');
  }
  return Response.json({ hash: await runner(request.signal).runCpu(tasks.hashPassword, password) });
}

/** The JSON object in a request's body; an empty one if there is none. */
async function bodyOf(request: Request): Promise<Record<string, unknown>> {
  const bytes = await readBody(request, MAX_BODY_BYTES, AbortSignal.timeout(BODY_TIMEOUT_MS));
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) ?? {};
  } catch {
    return {};
  }
}

/** What runs tasks; those of a request are cancelled when its client goes away. */
function runner(signal?: AbortSignal): Pick<Runner, "runBlocking" | "runCpu"> {
  return onEventLoop ? { runBlocking: callHere, runCpu: callHere } : executor.with({ signal });
}

async function callHere<F extends TaskFunction>(
  task: F | Task<F>,
  ...args: Parameters<F>
): Promise<Awaited<ReturnType<F>>> {
  return await (task as (...args: Parameters<F>) => ReturnType<F>)(...args);
}

function explain(error: unknown): Response {
  if (error instanceof QueueFullError) {
    return problem(503, "Too much to do, try again", { "Retry-After": "1" });
  }
  if (error instanceof BodyTooLargeError) return problem(error.status, error.message);
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return problem(408, "The body did not arrive in time");
  }
  // The client has gone away: there is nobody to answer.
  if (error instanceof DOMException && error.name === "AbortError") return problem(499, "Gone");
  console.error(error);
  return problem(500, "This should not have happened");
}

function problem(status: number, error: string, headers?: HeadersInit): Response {
  return Response.json({ error }, { status, headers });
}
