import { assertEquals } from "@std/assert";
import { hasProcesses } from "../support/features.ts";
import { makeTempFolder, pathOf, Program } from "../support/processes.ts";

const root = new URL("../../", import.meta.url);

/** A workspace, two members of which call different packages by the same name. */
const files: Record<string, unknown> = {
  "deno.json": {
    workspace: ["./app", "./other"],
    unstable: ["worker-options"],
    imports: {
      "@genro/executor": new URL("mod.ts", root).href,
      "@std/async/deadline": import.meta.resolve("@std/async/deadline"),
      shared: "npm:bcryptjs@3",
    },
  },
  "app/deno.json": { imports: { lib: "npm:bcryptjs@3" } },
  "other/deno.json": { imports: { lib: "npm:nanotar@0.3" } },
  "other/tar.ts": `
    import { tasksFrom } from "@genro/executor";
    export const { parseTar } = tasksFrom(import.meta, () => import("lib"));
  `,
  "app/main.ts": `
    import { Executor, tasksFrom } from "@genro/executor";
    import { parseTar } from "../other/tar.ts";
    const { default: lib } = tasksFrom(import.meta, () => import("lib"));
    const { default: shared } = tasksFrom(import.meta, () => import("shared"));
    const options = { isolation: Deno.args[0] };
    await using executor = await Executor.start({ blocking: options, cpu: options });
    for (const run of ["runBlocking", "runCpu"]) {
      const hash = await executor[run](lib.hashSync, "secret", 4);
      console.log(run, "lib", await executor[run](lib.compareSync, "secret", hash));
      console.log(run, "shared", await executor[run](shared.compareSync, "secret", hash));
      console.log(run, "other", (await executor[run](parseTar, new Uint8Array(1_024))).length);
    }
  `,
};

for (const isolation of ["worker", "process"]) {
  Deno.test(`A ${isolation} loads what members of a workspace call by names of their own`, {
    ignore: isolation === "process" && !hasProcesses,
  }, async () => {
    const folder = await makeTempFolder();
    try {
      for (const [name, content] of Object.entries(files)) {
        const path = `${folder}/${name}`;
        await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
        const text = typeof content === "string" ? content : JSON.stringify(content);
        await Deno.writeTextFile(path, text);
      }
      // Deno's cache, where the packages are, may not be read.
      const flags = [`--allow-read=.,${pathOf("")}`, `--allow-run=${Deno.execPath()}`];
      const args = ["run", "--quiet", "--no-prompt", "--no-check"];
      await using program = new Program([...args, ...flags, "app/main.ts", isolation], {
        cwd: folder,
      });
      for (const run of ["runBlocking", "runCpu"]) {
        await program.line(new RegExp(`^${run} lib true`));
        await program.line(new RegExp(`^${run} shared true`));
        await program.line(new RegExp(`^${run} other 0`));
      }
      assertEquals((await program.ended()).code, 0);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
