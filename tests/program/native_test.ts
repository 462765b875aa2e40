import { assertEquals } from "@std/assert";
import { hasLocks } from "../support/features.ts";
import { Program } from "../support/processes.ts";

const main = new URL("../fixtures/native_ends.ts", import.meta.url).href;

/** What a program prints that ends in each way while native code is at work. */
const ways: Record<string, string[]> = {
  "terminate()": ["end"],
  "using": ["end"],
  "shutdown({ timeout })": ["stuck: 2", "end"],
  "timeout": ["TimeoutError,TimeoutError", "end"],
  "return": ["TimeoutError,TimeoutError", "stuck: 0", "end"],
  "Deno.exit()": [],
};

for (const [way, expected] of Object.entries(ways)) {
  Deno.test(`A program with native code in its workers ends in order, by ${way}`, async () => {
    await using program = new Program(["run", "--quiet", "--allow-all", main, way]);
    const said: string[] = [];
    try {
      while (true) {
        const [line] = await program.line(/^(TimeoutError.*|stuck: .*|end)$/);
        said.push(line);
      }
    } catch { /* It has ended. */ }
    const { code, signal } = await program.ended();
    assertEquals({ code, signal, said }, { code: 0, signal: null, said: expected });
    const warnings = program.printed.filter((line) => line.includes("native code")).length;
    // An older Deno runs native code in the worker's own thread, which then hears nothing.
    if (hasLocks && (way === "timeout" || way === "return")) assertEquals(warnings, 1);
  });
}
