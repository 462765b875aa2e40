/** Sources whose lines end in CRLF, as editors on Windows write them. */

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Executor, tasksFrom } from "@genro/executor";
import { lacksProcesses, testUnless } from "../support/features.ts";
import { makeTempFolder } from "../support/processes.ts";

interface Tasks {
  lines(text: string): string[];
  throwing(): never;
  doubled(numbers: number[]): Generator<number>;
}

/** Three functions, with comments, a template literal and a string that goes on in the next line. */
const functions = `
export const lines = (text) => {
  // A comment ends with its line.
  return [text, \`first
second\`, "on\\
ward"]; /* A comment of
  two lines. */
};
export function throwing() {

  throw new Error("in the third line");
}
export function* doubled(numbers) { // The generator.
  for (const n of numbers) {
    yield n * 2
  }
}`;

/** A module that names the tasks of another one, over several lines. */
const names = `
import { tasksFrom } from "@genro/executor";
export const tasks = tasksFrom(
  import.meta,
  // Where the tasks are.
  () =>
    import(
      "./functions.js"
    ),
);`;

/** Writes modules whose lines end in CRLF; returns their URLs. */
async function written(folder: string): Promise<{ functions: string; names: string }> {
  const write = async (name: string, text: string) => {
    const path = join(folder, name);
    await Deno.writeTextFile(path, text.replaceAll("\n", "\r\n"));
    return pathToFileURL(path).href;
  };
  return {
    functions: await write("functions.js", functions),
    names: await write(
      "names.js",
      names.replace("@genro/executor", import.meta.resolve("@genro/executor")),
    ),
  };
}

for (const isolation of ["worker", "process"] as const) {
  const test = testUnless(isolation === "process" && lacksProcesses);
  test(`Tasks whose lines end in CRLF run in a ${isolation}, by their source and by their module`, async () => {
    const folder = await makeTempFolder();
    try {
      const urls = await written(folder);
      const bySource: Tasks = await import(urls.functions);
      assert(bySource.lines.toString().includes("\r\n"), "the sources have CRLF");
      const byThunk: { tasks: typeof byUrl } = await import(urls.names);
      const byUrl = tasksFrom<Tasks>(urls.functions);

      await using executor = await Executor.start({ cpu: { isolation, maxWorkers: 1 } });
      for (const { lines, throwing, doubled } of [bySource, byUrl, byThunk.tasks]) {
        // In a template literal a line ends in LF, whatever ends the line of the source.
        const expected = ["a\r\nb", "first\nsecond", "onward"];
        assertEquals(await executor.runCpu(lines, "a\r\nb"), expected);
        const error: Error = await executor.runCpu(throwing).catch((error) => error);
        assertMatch(`${error.stack}`, /in the third line\n.*throwing.*:\d+:9/);
        assertEquals(await Array.fromAsync(executor.streamCpu(doubled, [1, 2])), [2, 4]);
      }
      const stack = await executor.runCpu(bySource.throwing).catch(({ stack }) => stack);
      assertMatch(stack, /task:throwing, <anonymous>:3:9/);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
