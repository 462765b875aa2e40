/**
 * Oak with an executor, in its build for Node: npm has no other one. `jsr:@oak/oak@17` needs no
 * `--allow-env`, and its answers are Deno's own.
 *
 * ```sh
 * deno run --unstable-no-legacy-abort --allow-net=127.0.0.1 --allow-read=. --allow-env examples/frameworks/oak.ts
 * ```
 */
import { Application, type Request as OakRequest, Router } from "npm:@oakserver/oak@14";
import { Executor, tasksFrom } from "@genro/executor";
import { serve } from "@genro/executor/serve";

const { countPrimes, listFiles } = tasksFrom(import.meta, () => import("./tasks.ts"));
const executor = new Executor();
const runner = ({ source }: OakRequest) => executor.with({ signal: source?.signal });
const router = new Router();
router.get("/healthz", ({ response }) => void (response.body = "ok"));
router.get("/primes", async ({ request, response }) => {
  const below = Number(request.url.searchParams.get("below"));
  response.body = { primes: await runner(request).runCpu(countPrimes, below) };
});
router.get("/files", async ({ request, response }) => {
  response.body = await runner(request).runBlocking(listFiles, import.meta.dirname!);
});
const app = new Application({ logErrors: false }).use(router.routes());
const answer = app.fetch as unknown as (request: Request) => Promise<Response>;
await serve(async (request) => {
  const { body, status, headers } = await answer(request); // a Response of undici, not of Deno
  return new Response(body, { status, headers: [...headers] });
}, { executor, hostname: "127.0.0.1", port: 8000 });
