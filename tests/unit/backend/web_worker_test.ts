import { assertEquals } from "@std/assert";
import { describeWorkerError } from "../../../src/backend/web_worker.ts";

const ENTRY = "data:text/javascript,import%20%7B%20serve%20%7D";

Deno.test("describeWorkerError() leaves out the generated module, and colours", () => {
  const cases: [message: string, described: string][] = [
    ["Uncaught Error: text", "Uncaught Error: text"],
    ["\x1b[36mfile:///a.ts\x1b[0m is \x1b[1m\x1b[31mred", "file:///a.ts is red"],
    [`Module not found "file:///a.ts".\n    at ${ENTRY}:1:20`, 'Module not found "file:///a.ts".'],
    [
      `Uncaught SyntaxError: x\n    at ${ENTRY}:2:3\n    at next`,
      "Uncaught SyntaxError: x\n    at next",
    ],
    [`Cannot load ${ENTRY}: text`, "Cannot load its entry text"],
    // Not the module that is generated.
    ["in data:text/javascript,export", "in data:text/javascript,export"],
    ["x".repeat(200_000), "x".repeat(100_000)],
  ];
  for (const [message, described] of cases) assertEquals(describeWorkerError(message), described);
});
