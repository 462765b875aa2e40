import { assertEquals } from "@std/assert";
import { hasProcesses } from "../support/features.ts";
import { Program } from "../support/processes.ts";

/** With the functions that Deno has for itself, and with those that are public. */
const ways = [
  ["worker"],
  ["process"],
  ["inline"],
  ["worker", "public"],
  ["inline", "public"],
];

for (const [isolation, ...args] of ways) {
  Deno.test(
    `Executor keeps no request's store alive: ${[isolation, ...args].join(", ")}`,
    { ignore: isolation === "process" && !hasProcesses },
    async () => {
      await using program = new Program([
        "run",
        "--allow-all",
        "--no-check",
        "--no-prompt",
        "--v8-flags=--expose-gc",
        "tests/fixtures/contexts.ts",
        isolation!,
        ...args,
      ]);
      const [report] = await program.line(/^\{.*\}$/);
      assertEquals(JSON.parse(report), {
        workers: true,
        requests: isolation === "inline" ? 25 : 27,
        kept: [],
        wrong: [],
      });
      assertEquals((await program.ended()).code, 0, program.printed.join("\n"));
    },
  );
}
