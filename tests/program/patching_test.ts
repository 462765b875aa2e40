import { assertEquals } from "@std/assert";
import { hasLocks } from "../support/features.ts";
import { Program } from "../support/processes.ts";

for (const name of ["zone", "coreJs", "mootools", "freezeLanguage"]) {
  for (const when of ["first", "later"]) {
    // Node's part of Deno does not load then.
    if (name === "freezeLanguage" && when === "first") continue;
    // Before 2.9 Deno.unrefTimer() does not take what zone.js makes of timers.
    if (name === "zone" && when === "first" && !hasLocks) continue;
    for (const where of ["workers", "inline"]) {
      Deno.test(`Executor serves a program that calls ${name}(): ${when}, ${where}`, async () => {
        const file = "tests/fixtures/patched_program.ts";
        await using program = new Program(["run", "-A", "--no-check", file, name, when, where]);
        await program.line(/^it serves$/);
        assertEquals((await program.ended()).code, 0);
      });
    }
  }
}
