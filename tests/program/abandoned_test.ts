import { assertEquals } from "@std/assert";
import { transfersStreams } from "../support/features.ts";
import { Program } from "../support/processes.ts";

/** A program that may call `gc()`, in its workers, too. */
const withGc = (...args: string[]) =>
  new Program(["run", "--allow-all", "--no-prompt", "--v8-flags=--expose-gc", ...args]);

Deno.test({
  name: "What has begun, and that nobody has any more, ends when it is collected",
  ignore: !transfersStreams,
  async fn() {
    await using program = withGc("tests/fixtures/abandoned.ts");
    for (
      const what of [
        "a stream after one value",
        "a stream after many values",
        "a map, and the stream it reads",
        "a map",
        "a stream that was returned",
        "a port",
      ]
    ) await program.line(new RegExp(`^collected: ${what}$`));
    await program.line(/^read on: 1$/);
    await program.line(/^shut down$/);
    assertEquals((await program.ended()).code, 0);
  },
});

for (const where of ["worker", "inline"]) {
  Deno.test({
    name: `A stream that a task (${where}) has dropped ends while its worker is idle`,
    ignore: !transfersStreams,
    async fn() {
      await using program = withGc("tests/fixtures/unused_stream.ts", where);
      await program.line(/^cancelled$/);
      await program.line(/^shut down$/);
      assertEquals((await program.ended()).code, 0);
    },
  });
}
