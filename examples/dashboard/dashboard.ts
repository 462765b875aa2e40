import type { Executor } from "@genro/executor";
import { Feed } from "./feed.ts";
import { Load } from "./load.ts";

/** What is sent with every answer: the page loads nothing from elsewhere, and is in no frame. */
const HEADERS = {
  "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Cache-Control": "no-store",
};

/**
 * A page that shows an executor at work, at `/dashboard`.
 *
 * It is for an operator: a real server puts it behind its own authentication, and leaves out the
 * two buttons that send work.
 *
 * @param executor The executor to show.
 * @param stopping Ends the event streams of open pages, for which a server that stops would wait.
 * @returns What answers the requests for the page, and `undefined` to any other.
 */
export function dashboard(
  executor: Executor,
  stopping: AbortSignal,
): (request: Request) => Response | Promise<Response> | undefined {
  const feed = new Feed(executor);
  stopping.addEventListener("abort", () => feed.close());
  const load = new Load(executor, stopping);

  return (request) => {
    const { pathname } = new URL(request.url);
    switch (pathname) {
      case "/dashboard":
        return get(request, () => file("index.html", "text/html"));
      case "/dashboard/dashboard.css":
        return get(request, () => file("dashboard.css", "text/css"));
      case "/dashboard/dashboard.js":
        return get(request, () => file("dashboard.js", "text/javascript"));
      case "/dashboard/icon.svg":
        return get(request, () => file("icon.svg", "image/svg+xml"));
      case "/dashboard/events":
        return get(request, () => answer(feed.open(), "text/event-stream"));
      case "/dashboard/load":
        return post(request, () => {
          if (load.isFull) return says(429, "There is as much load as there may be");
          load.send();
          return says(202, "Six seconds of work are on their way");
        });
      case "/dashboard/loop":
        return post(request, async () => {
          if (load.isStuck) return says(429, "A worker is in an endless loop already");
          return says(200, await load.loop());
        });
    }
  };
}

type Answer = () => Response | Promise<Response>;

function get(request: Request, answer: Answer): Response | Promise<Response> {
  return request.method === "GET" ? answer() : notAllowed(request, "GET");
}

function post(request: Request, answer: Answer): Response | Promise<Response> {
  if (request.method !== "POST") return notAllowed(request, "POST");
  // Any page that the operator visits could send work here.
  const site = request.headers.get("Sec-Fetch-Site") ?? "same-origin";
  return site === "same-origin" ? answer() : says(403, "Only the dashboard may do this");
}

function notAllowed({ method }: Request, allowed: string): Response {
  return says(405, `Expected ${allowed}, received ${method}`, { Allow: allowed });
}

function says(status: number, message: string, headers?: Record<string, string>): Response {
  return Response.json({ message }, { status, headers: { ...HEADERS, ...headers } });
}

async function file(name: string, type: string): Promise<Response> {
  return answer(await Deno.readTextFile(new URL(name, import.meta.url)), type);
}

function answer(body: BodyInit, type: string): Response {
  return new Response(body, { headers: { ...HEADERS, "Content-Type": `${type}; charset=utf-8` } });
}
