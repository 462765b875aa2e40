/**
 * A service that runs JavaScript of users, who trust nobody and whom nobody trusts: each user has a
 * process without permissions. docs/untrusted-code.md tells the limits.
 *
 * ```sh
 * deno run --allow-net=127.0.0.1 --allow-read=. --allow-env=PORT "--allow-run=$(deno eval -p 'Deno.execPath()')" --no-prompt --unstable-no-legacy-abort examples/snippets/main.ts
 * curl http://127.0.0.1:8000/run -H "x-user: ann" --data-binary "return [1, 2, 3].map((n) => n * n)"
 * ```
 */

import { type ExecutorServer, serve } from "@genro/executor/serve";
import { HEAP_MB } from "./limits.ts";
import { preload, problem, run } from "./run.ts";

const server: ExecutorServer = await serve((request, { executor }) => {
  const { pathname } = new URL(request.url);
  switch (`${request.method} ${pathname}`) {
    case "GET /healthz":
      return new Response("ok");
    case "GET /stats": // For the operator: a real service asks for authentication.
      return Response.json({ ...server.executor.stats().cpu, memory: Deno.memoryUsage() });
    case "POST /run": {
      const user = userOf(request);
      return user === undefined
        ? problem(401, "Expected a header x-user")
        : run(request, executor, user);
    }
    default:
      return problem(404, `There is no ${request.method} ${pathname}`);
  }
}, {
  hostname: "127.0.0.1",
  port: Number(Deno.env.get("PORT") ?? 8000),
  executor: {
    cpu: {
      isolation: "process",
      permissions: "none",
      // No snippet asks a registry for a package, which Deno allows without any permission.
      args: ["--no-npm", "--cached-only"],
      // A snippet prints by `console`, which is collected, and not on the service's terminal.
      output: "discard",
      memoryLimit: HEAP_MB,
      preload,
      // Snippets that wait need no core: there may be more processes than cores.
      maxWorkers: 4,
      maxWorkersPerTenant: 1,
      maxQueuePerTenant: 4,
      maxQueue: 100,
      spare: 1,
      // Timers and threads that a snippet has left end with the process.
      idleTimeout: 5_000,
    },
    blocking: { maxWorkers: 1 },
  },
});
await server.finished;

/** The user. A real service knows the user by authentication, and believes no header. */
function userOf(request: Request): string | undefined {
  return request.headers.get("x-user")?.match(/^[\w.@-]{1,64}$/)?.[0];
}
