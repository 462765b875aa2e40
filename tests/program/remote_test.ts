import { assertEquals } from "@std/assert";
import { makeTempFolder } from "../support/processes.ts";

/** The files of this package and the stand-ins or packages it imports, as a registry serves them. */
function serveSources(): Deno.HttpServer<Deno.NetAddr> {
  const deadline = import.meta.resolve("@std/async/deadline");
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async ({ url }) => {
    const { pathname } = new URL(url);
    const file = pathname === "/deadline.ts" ? deadline : import.meta.resolve(`../..${pathname}`);
    const source = file.startsWith("file:")
      ? await Deno.readTextFile(new URL(file))
      : `export * from ${JSON.stringify(file)};`;
    return new Response(source, { headers: { "Content-Type": "application/typescript" } });
  });
}

Deno.test("Executor works when it is imported from a registry", async () => {
  const server = serveSources();
  const folder = await makeTempFolder();
  try {
    const origin = `http://127.0.0.1:${server.addr.port}`;
    const imports = {
      "@genro/executor": `${origin}/mod.ts`,
      "@std/async/deadline": `${origin}/deadline.ts`,
    };
    const config = { imports, unstable: ["worker-options"] };
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(config));
    await Deno.writeTextFile(
      `${folder}/tasks.ts`,
      `
      import { basename } from "./names.ts";
      export function name(path: string): string { return basename(path); }
    `,
    );
    await Deno.writeTextFile(`${folder}/names.ts`, `export { basename } from "node:path";`);
    await Deno.writeTextFile(
      `${folder}/main.ts`,
      `
      import { Executor, tasksFrom } from "@genro/executor";
      const { name } = tasksFrom(import.meta, () => import("./tasks.ts"));
      await using executor = await Executor.start();
      console.log(await executor.runCpu(name, "/a/module"));
      console.log(await executor.runBlocking((n: number) => "source " + n, 1));
      await executor.runCpu(() => Deno.env.get("PATH")).catch(({ name }) => console.log(name));
    `,
    );
    const run = async (...args: string[]) => {
      const { code, stdout } = await new Deno.Command(Deno.execPath(), {
        // A program needs no permission for the executor's own modules.
        args: [...args, "--no-lock", "--allow-import", `--allow-read=${folder}`, "main.ts"],
        cwd: folder,
        stderr: "inherit",
      }).output();
      return { code, out: new TextDecoder().decode(stdout).trim().split("\n") };
    };
    const expected = { code: 0, out: ["module", "source 1", "NotCapable"] };
    assertEquals(await run("run", "--quiet", "--no-prompt"), expected);
    // All that a worker needs is in the program's module graph, and so was cached.
    assertEquals(await run("run", "--quiet", "--no-prompt", "--cached-only"), expected);
  } finally {
    await server.shutdown();
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("Executor.startup() rejects where the program may not import the package", async () => {
  const server = serveSources();
  const folder = await makeTempFolder();
  try {
    const origin = `http://127.0.0.1:${server.addr.port}`;
    const imports = {
      "@genro/executor": `${origin}/mod.ts`,
      "@std/async/deadline": `${origin}/deadline.ts`,
    };
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify({ imports }));
    await Deno.writeTextFile(
      `${folder}/main.ts`,
      `
      import { Executor } from "@genro/executor";
      const show = ({ message }: Error) => console.log(message);
      const executor = await Executor.start({ cpu: { permissions: "inherit" } });
      await Deno.permissions.revoke({ name: "import" });
      await executor.runCpu(() => 1).catch(show);
      await executor.shutdown();
      await executor.startup().catch(show);
    `,
    );
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-lock", "--no-prompt", "--allow-all", "main.ts"],
      cwd: folder,
    }).output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assertEquals(code, 0, err);
    const host = `127.0.0.1:${server.addr.port}`;
    const refusal = `Cannot start workers: this program may not import from ${host}, where their ` +
      `code is; grant it that, with --allow-import=${host} or as { import: ["${host}"] }`;
    assertEquals(out!.trim().split("\n"), [refusal, refusal]);
  } finally {
    await server.shutdown();
    await Deno.remove(folder, { recursive: true });
  }
});
