/**
 * `Deno.serve` with an executor. Interrupt curl, and the task that ran for it ends.
 *
 * ```sh
 * deno run --unstable-no-legacy-abort --allow-net=127.0.0.1 --allow-read=. examples/frameworks/deno_serve.ts
 * curl "http://127.0.0.1:8000/primes?below=1000000000"
 * ```
 */

import { tasksFrom } from "@genro/executor";
import { serve } from "@genro/executor/serve";

const { countPrimes, listFiles } = tasksFrom(import.meta, () => import("./tasks.ts"));

await serve(async (request, { executor }) => {
  const { pathname, searchParams } = new URL(request.url);
  switch (pathname) {
    case "/healthz":
      return new Response("ok");
    case "/primes":
      return Response.json({
        primes: await executor.runCpu(countPrimes, Number(searchParams.get("below"))),
      });
    case "/files":
      return Response.json(await executor.runBlocking(listFiles, import.meta.dirname!));
  }
  return new Response("Not Found", { status: 404 });
}, { hostname: "127.0.0.1", port: 8000 });
