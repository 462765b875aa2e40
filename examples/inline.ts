/**
 * A server that also runs on a platform without `Worker`, where tasks run on the event loop: with
 * the same answers, but each request waits while one computes, and nothing is withheld from them.
 *
 * ```sh
 * deno run --unstable-no-legacy-abort --allow-net=127.0.0.1 --allow-read=. examples/inline.ts
 * ```
 */

import { tasksFrom } from "@genro/executor";
import { serve } from "@genro/executor/serve";

const { countPrimes, listFiles } = tasksFrom(import.meta, () => import("./frameworks/tasks.ts"));

// It is for the program to decide, and to say so: no executor does it by itself.
const inline = typeof Worker === "undefined";
console.log(inline ? "No workers here: tasks run on the event loop" : "Tasks run in workers");

await serve(async (request, { executor }) => {
  const { pathname, searchParams } = new URL(request.url);
  switch (pathname) {
    case "/primes":
      return Response.json({
        primes: await executor.runCpu(countPrimes, Number(searchParams.get("below"))),
      });
    case "/files":
      return Response.json(await executor.runBlocking(listFiles, import.meta.dirname!));
  }
  return new Response("Not Found", { status: 404 });
}, { executor: { inline }, hostname: "127.0.0.1", port: 8000 });
