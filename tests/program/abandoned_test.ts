import { assertEquals } from "@std/assert";
import { transfersStreams } from "../support/features.ts";
import { Program } from "../support/processes.ts";

Deno.test({
  name: "What has begun, and that nobody has any more, ends when it is collected",
  ignore: !transfersStreams,
  async fn() {
    await using program = new Program([
      "run",
      "--allow-all",
      "--no-prompt",
      "--v8-flags=--expose-gc",
      "tests/fixtures/abandoned.ts",
    ]);
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
