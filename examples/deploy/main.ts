/**
 * A server for Deno Deploy, which runs it with all permissions and without flags: what Deno is to
 * know is in deno.json. It has 768 MB of memory, and is killed 5 s after its SIGINT.
 *
 * ```sh
 * cd examples/deploy
 * deno run --allow-all main.ts
 * ```
 */

import { Executor, tasksFrom } from "@genro/executor";
import { serve } from "@genro/executor/serve";

const { countPrimes, sumOrders } = tasksFrom(import.meta, () => import("./tasks.ts"));

// "none" needs `unstable` of deno.json. Where the platform does not honour it, Deno ends the
// program as it starts, with exit code 70. It is then for its operator to choose: with
// CPU_PERMISSIONS=inherit, these tasks may do whatever the program may.
const permissions = Deno.env.get("CPU_PERMISSIONS") ?? "none";
if (permissions !== "none" && permissions !== "inherit") {
  throw new TypeError(
    `Cannot use CPU_PERMISSIONS: expected "none" or "inherit", received "${permissions}"`,
  );
}
// The cores of the host may be more than one's own. With all its workers, of about 10 MB each,
// the program leaves more than half of its memory to what the tasks and requests hold.
const cores = Math.min(8, navigator.hardwareConcurrency);
console.log(`CPU tasks: up to ${cores} workers, whose permissions are "${permissions}"`);

const executor = new Executor({
  cpu: { maxWorkers: cores, maxQueue: 100, permissions },
  blocking: { maxWorkers: 16, maxQueue: 100 },
});

// It listens where the platform wants it. After 4 s what goes on is ended: with every core busy,
// the last second is not too much for that.
const server = await serve(async (request, client) => {
  const { pathname, searchParams } = new URL(request.url);
  const number = (name: string) => Number(searchParams.get(name));
  switch (pathname) {
    case "/primes":
      return Response.json(await client.executor.runCpu(countPrimes, number("below")));
    case "/orders":
      return Response.json(await client.executor.runBlocking(sumOrders, number("rows")));
    case "/stats":
      return Response.json({ memory: Deno.memoryUsage(), ...executor.stats() });
    default:
      return new Response("Not Found", { status: 404 });
  }
}, { executor, grace: 4_000 });
await server.finished;
console.log("Stopped");
