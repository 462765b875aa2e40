/**
 * `deno serve` with an executor. With `--parallel` each thread has one, with its share of workers.
 *
 * ```sh
 * deno serve --unstable-no-legacy-abort --host=127.0.0.1 --allow-read=. examples/frameworks/declarative.ts
 * curl "http://127.0.0.1:8000/primes?below=1000000000"
 * ```
 */

import { tasksFrom } from "@genro/executor";
import { lifespan } from "@genro/executor/serve";

const { countPrimes, listFiles } = tasksFrom(import.meta, () => import("./tasks.ts"));

export default lifespan(async (request, { executor }) => {
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
});
