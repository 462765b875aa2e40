/** A short run of the fuzzer, the same each time as far as the machine's timing lets it be. */

import { assertEquals } from "@std/assert";
import { hasProcesses } from "../support/features.ts";
import { Program } from "../support/processes.ts";

for (const isolation of ["worker", "process"]) {
  Deno.test(`Executor goes on whatever a hostile ${isolation} sends`, {
    ignore: isolation === "process" && !hasProcesses,
  }, async () => {
    const args = ["--seconds", "3", "--seed", "1", "--isolation", isolation];
    await using program = new Program(["run", "-A", "--no-prompt", "soak/fuzz.ts", ...args]);
    await program.line(/^ok$/);
    assertEquals((await program.ended()).code, 0);
  });
}
