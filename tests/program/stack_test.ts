import { pathToFileURL } from "node:url";
import { assertEquals, assertMatch } from "@std/assert";
import { makeTempFolder } from "../processes.ts";

Deno.test("A stack shows none of the package's frames, whatever its folder is called", async () => {
  const folder = await makeTempFolder();
  try {
    const odd = `${folder}/a b#c%d é`;
    await Deno.mkdir(`${odd}/src`, { recursive: true });
    for (const path of ["mod.ts", "executor.ts", "serve.ts", "worker.ts"]) {
      await Deno.copyFile(new URL(`../../${path}`, import.meta.url), `${odd}/${path}`);
    }
    await copy(new URL("../../src/", import.meta.url), `${odd}/src`);
    const url = (path: string) => pathToFileURL(odd).href + path;
    const imports = {
      "@genro/executor": url("/mod.ts"),
      "@genro/executor/serve": url("/serve.ts"),
      "@std/async/deadline": import.meta.resolve("@std/async/deadline"),
    };
    const config = { imports, unstable: ["worker-options"] };
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(config));
    await Deno.writeTextFile(
      `${folder}/main.ts`,
      `
      import { Executor } from "@genro/executor";
      import { serve } from "@genro/executor/serve";
      await using executor = await Executor.start();
      const show = async (call: Promise<unknown>) =>
        console.log(await call.catch(({ stack }: Error) => stack));
      await show(executor.runCpu(function named() { throw new Error("thrown"); }));
      await show(executor.runCpu(async function named() {
        await Promise.resolve();
        throw new Error("thrown");
      }));
      await using server = await serve(async (_, { executor }) => {
        const stack = await executor.runCpu(function named() { throw new Error("thrown"); })
          .catch(({ stack }: Error) => stack);
        return new Response(stack as string);
      }, { hostname: "127.0.0.1", port: 0, onListen() {} });
      console.log(await (await fetch("http://127.0.0.1:" + server.addr.port)).text());
    `,
    );
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", "--no-prompt", "--quiet", "--no-lock", "main.ts"],
      cwd: folder,
      env: { NO_COLOR: "1" },
      signal: AbortSignal.timeout(30_000),
    }).output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assertEquals(code, 0, err);
    const frames = out!.split("\n").filter((line) => line.startsWith("    at "));
    assertEquals(frames.filter((line) => line.includes("named (task:named")).length, 3, out);
    for (const frame of frames) assertMatch(frame, /named|main\.ts|ext:deno_http/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

async function copy(from: URL, to: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (!isDirectory) await Deno.copyFile(new URL(name, from), `${to}/${name}`);
    else {
      await Deno.mkdir(`${to}/${name}`);
      await copy(new URL(`${name}/`, from), `${to}/${name}`);
    }
  }
}
