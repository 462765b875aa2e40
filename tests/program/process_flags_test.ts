import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Executor, type PoolOptions, tasksFrom, WorkerStartError } from "@genro/executor";
import { lacksProcesses, testUnless } from "../support/features.ts";
import { makeTempFolder, Program } from "../support/processes.ts";

const testOfProcesses = testUnless(lacksProcesses);

const withFlags = (args: string[], options?: PoolOptions) =>
  Executor.start({ cpu: { isolation: "process", maxWorkers: 1, args, ...options } });

/** The URL of the package, and what it imports. */
const imports = {
  "@genro/executor": import.meta.resolve("../../mod.ts"),
  "@std/async/deadline": import.meta.resolve("@std/async/deadline"),
};

/** Ways to tell a program what `greeting` is, with a flag. */
const maps: Record<string, string> = {
  "--import-map=map.json": JSON.stringify({ imports: { ...imports, greeting: "./greeting.ts" } }),
  "--config=other.json": JSON.stringify({ imports: { ...imports, greeting: "./greeting.ts" } }),
};

for (const [flag, content] of Object.entries(maps)) {
  testOfProcesses(`PoolOptions.args gives a process ${flag.split("=")[0]}`, async () => {
    const folder = await makeTempFolder();
    try {
      const files: Record<string, string> = {
        [flag.split("=")[1]!]: content,
        "greeting.ts": "export default 'hello';",
        "tasks.ts": "import greeting from 'greeting'; export const greet = () => greeting;",
        "main.ts": `
          import { Executor, tasksFrom } from "@genro/executor";
          const { greet } = tasksFrom(import.meta, () => import("./tasks.ts"));
          for (const args of [[], ["${flag}"]]) {
            await using executor = await Executor.start({ cpu: { isolation: "process", args } });
            await executor.runCpu(greet).then(
              (greeting) => console.log("result", greeting),
              ({ name, message }) => console.log(name, JSON.stringify(message)),
            );
          }
          for (const isolation of ["worker", "process"]) {
            await using executor = await Executor.start({
              blocking: { isolation, ...isolation === "process" && { args: ["${flag}"] } },
            });
            console.log(isolation, await executor.runBlocking(greet));
          }
        `,
      };
      for (const [name, text] of Object.entries(files)) {
        await Deno.writeTextFile(`${folder}/${name}`, text);
      }
      const unstable = "--unstable-worker-options";
      await using program = new Program(
        ["run", "--quiet", "--no-prompt", "--allow-all", "--no-lock", unstable, flag, "main.ts"],
        { cwd: folder },
      );
      const [, message] = await program.line(/^WorkerStartError (.*)/);
      assertMatch(
        message!,
        /"greeting\\?".*; a process does not have its program's flags: .* args/,
      );
      await program.line(/^result hello/);
      await program.line(/^worker hello/);
      await program.line(/^process hello/);
      assertEquals((await program.ended()).code, 0);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

testOfProcesses(
  "PoolOptions.args gives a process --v8-flags beside those of memoryLimit",
  async () => {
    const probe = async () => {
      const { getHeapStatistics } = await import("node:v8");
      return [typeof (globalThis as { gc?: unknown }).gc, getHeapStatistics().heap_size_limit];
    };
    await using plain = await withFlags([]);
    assertEquals((await plain.runCpu(probe))[0], "undefined");
    await using executor = await withFlags(["--v8-flags=--expose-gc"], { memoryLimit: 64 });
    const [gc, limit] = await executor.runCpu(probe);
    assertEquals(gc, "function");
    assert(Number(limit) < 200e6, `${limit}`);
  },
);

testOfProcesses("PoolOptions.args gives a process an unstable feature", async () => {
  const probe = () => typeof (Deno as { openKv?: unknown }).openKv;
  for (const [args, type] of [[[], "undefined"], [["--unstable-kv"], "function"]] as const) {
    await using executor = await withFlags([...args]);
    assertEquals(await executor.runCpu(probe), type);
  }
});

testOfProcesses("PoolOptions.args gives a process --cached-only", async () => {
  const headers = { "Content-Type": "text/javascript" };
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("export const answer = () => 42;", { headers }),
  );
  const url = `http://127.0.0.1:${server.addr.port}/${crypto.randomUUID()}.js`;
  const { answer } = tasksFrom<{ answer(): number }>(url);
  {
    await using executor = await withFlags(["--cached-only"]);
    const error = await assertRejects(() => executor.runCpu(answer), WorkerStartError);
    assertMatch(error.message, /--cached-only/);
  }
  await using executor = await withFlags([]);
  assertEquals(await executor.runCpu(answer), 42);
});

testOfProcesses("A process with flags has the permissions of its pool, and no others", async () => {
  await using executor = await withFlags(["--quiet", "--no-prompt", "--seed=1"]);
  await assertRejects(
    () => executor.runCpu(() => Deno.readTextFileSync("deno.json")),
    Deno.errors.NotCapable,
  );
});

testOfProcesses("Executor.startup() rejects flags that Deno does not know", async () => {
  const error = await assertRejects(() => withFlags(["--no-such-flag"]), WorkerStartError);
  assertMatch(error.message, /exit code 1/);
});
