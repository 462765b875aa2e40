/** The example of the README that is run as a program, and its figures. */

import { assertEquals } from "@std/assert";
import { chart } from "../bench/chart.ts";
import type { Results } from "../bench/results.ts";
import { summary } from "../bench/table.ts";
import { Program } from "./processes.ts";
import { hasLocks } from "./features.ts";

const readme = await Deno.readTextFile(new URL("../README.md", import.meta.url));
const served = [...readme.matchAll(/```ts ignore\n(.*?)```/gs)].map(([, code]) => code!);

/** Runs an example in a folder of its own. */
async function withExample(
  code: string,
  args: string[],
  use: (url: string, program: Program) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const imports = {
      "@genro/executor": import.meta.resolve("../mod.ts"),
      "@genro/executor/serve": import.meta.resolve("../serve.ts"),
      "@std/async/deadline": import.meta.resolve("@std/async/deadline"),
    };
    const config = { imports, unstable: ["worker-options"] };
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(config));
    await Deno.writeTextFile(`${folder}/main.ts`, code);
    await using program = new Program([...args, "--allow-all", "--no-prompt", "main.ts"], {
      cwd: folder,
      env: { DENO_SERVE_ADDRESS: "tcp:127.0.0.1:0" },
    });
    const [url] = await program.line(/http:\S+/);
    await use(url, program);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("README's example of an app answers under `deno serve`", {
  ignore: Deno.build.os === "windows" || !hasLocks,
}, async () => {
  assertEquals(served.length, 1);
  const args = ["serve", "--host", "127.0.0.1", "--port", "0"];
  await withExample(served[0]!, args, async (url, program) => {
    assertEquals(await (await fetch(url)).text(), "computed");
    program.kill("SIGTERM");
    assertEquals((await program.ended()).code, 0);
  });
});

Deno.test("README's figures and chart are those of bench/results.json", async () => {
  const read = (name: string) => Deno.readTextFile(new URL(`../bench/${name}`, import.meta.url));
  const results: Results = JSON.parse(await read("results.json"));
  const [, shown] = /<!-- summary of .*? -->\n(.*?)\n<!-- end of summary -->/s.exec(readme)!;
  // Formatting pads the cells.
  const cells = (table: string) => table.trim().replace(/ +/g, " ").replace(/-+/g, "-");
  assertEquals(cells(shown!), cells(summary(results)));
  assertEquals(await read("results.svg"), chart(results));
});
