/**
 * Hono with an executor, which is in `c.env`.
 *
 * ```sh
 * deno run --unstable-no-legacy-abort --allow-net=127.0.0.1 --allow-read=. examples/frameworks/hono.ts
 * curl "http://127.0.0.1:8000/primes?below=1000000000"
 * ```
 */

import { Hono } from "npm:hono@4";
import { tasksFrom } from "@genro/executor";
import { serve, type ServeInfo } from "@genro/executor/serve";

const { countPrimes, listFiles } = tasksFrom(import.meta, () => import("./tasks.ts"));

const app = new Hono<{ Bindings: ServeInfo }>();
app.get("/healthz", (c) => c.text("ok"));
app.get("/primes", async (c) => {
  const below = Number(c.req.query("below"));
  return c.json({ primes: await c.env.executor.runCpu(countPrimes, below) });
});
app.get("/files", async (c) => {
  return c.json(await c.env.executor.runBlocking(listFiles, import.meta.dirname!));
});
// Hono would answer 500 to everything; serve() knows a full queue and a client that hung up.
app.onError((error) => {
  throw error;
});

await serve(app.fetch, { hostname: "127.0.0.1", port: 8000 });
