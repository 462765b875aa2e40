import { assertEquals } from "@std/assert";
import { Program } from "../support/processes.ts";

Deno.test("Pool gives up a worker that does not get ready, and recovers", async () => {
  await using program = new Program([
    "run",
    "--allow-net=127.0.0.1",
    "--allow-import=127.0.0.1",
    "--allow-read",
    "--no-prompt",
    "tests/fixtures/never_ready.ts",
  ]);
  const failure = /^WorkerStartError: .*not ready after 30 s/;
  for (const line of [failure, failure, /^then 42$/, /^ended$/]) await program.line(line);
  assertEquals((await program.ended()).code, 0);
});
