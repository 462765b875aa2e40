import { assertEquals } from "@std/assert";
import { pathOf, Program } from "../support/processes.ts";

/** URLs of what is no worker.ts, and what the error says of each. */
const urls: Record<string, RegExp> = {
  "file:///no/such/worker.ts": /Module not found "file:\/\/\/no\/such\/worker.ts"/,
  "http://127.0.0.1:9/worker.ts": /Connection refused|error sending request/,
  "nowhere:worker": /Unsupported scheme "nowhere"/,
};

for (const [workerUrl, reason] of Object.entries(urls)) {
  Deno.test(`WorkerStartError shows nothing of the generated entry: ${workerUrl}`, async () => {
    // Not in a test: under `deno test` the entry is type-checked first, and fails there.
    const source = `
      import { Executor } from "@genro/executor";
      const executor = new Executor({ blocking: { minWorkers: 1 }, workerUrl: "${workerUrl}" });
      const error = await executor.startup().then(() => undefined, (error) => error);
      console.log(JSON.stringify([error.name, error.message, String(error.cause)]));
    `;
    const file = await Deno.makeTempFile({ suffix: ".js" });
    await Deno.writeTextFile(file, source);
    try {
      await using program = new Program([
        "run",
        "-A",
        "--quiet",
        `--config=${pathOf("deno.json")}`,
        file,
      ], {
        env: { FORCE_COLOR: "1", NO_COLOR: "" },
      });
      const [line] = await program.line(/^\[".*/);
      const [name, message, cause] = JSON.parse(line);
      assertEquals(name, "WorkerStartError");
      for (const text of [message, cause]) {
        for (const trace of ["data:", "%20", "\x1b"]) {
          assertEquals(text.includes(trace), false, text);
        }
        assertEquals(reason.test(text), true, text);
      }
      assertEquals((await program.ended()).success, true);
    } finally {
      await Deno.remove(file);
    }
  });
}
