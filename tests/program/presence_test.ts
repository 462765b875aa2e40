/** Threads of `deno serve`, which are counted by locks that any task can steal. */

import { assert, assertEquals } from "@std/assert";
import { lacksLocks, lacksSignals, testUnless } from "../support/features.ts";
import { Program } from "../support/processes.ts";

testUnless(lacksLocks)(
  "lifespan() survives a task that steals its lock, and counts a worker with many as one",
  async () => {
    const flags = ["--allow-read", "--no-prompt", "--host", "127.0.0.1", "--port", "0"];
    await using server = new Program(["serve", ...flags, "tests/fixtures/stolen_locks.ts"]);
    const [, stolen] = await server.line(/^stolen: (\d+)/);
    assert(Number(stolen) > 1);
    const [url] = await server.line(/http:\S+/);
    // All 40 that there are by default: of the thread and the worker one is counted.
    assertEquals(await (await fetch(url!)).json(), 40);
    if (lacksSignals) return;
    server.kill("SIGTERM");
    assertEquals((await server.ended()).code, 0);
  },
);
