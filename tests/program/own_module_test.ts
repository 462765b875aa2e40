/** Programs of one file, which name their own module as one that has tasks. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { hasProcesses } from "../support/features.ts";
import { makeTempFolder } from "../support/processes.ts";

/** Runs a program that must end by itself. */
async function run(main: string, helper = ""): Promise<{ code: number; printed: string }> {
  const folder = await makeTempFolder();
  try {
    const imports = {
      "@genro/executor": import.meta.resolve("../../mod.ts"),
      "@genro/executor/serve": import.meta.resolve("../../serve.ts"),
      "@std/async/deadline": import.meta.resolve("@std/async/deadline"),
    };
    const config = { imports, unstable: ["worker-options"] };
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(config));
    await Deno.writeTextFile(`${folder}/main.ts`, main);
    await Deno.writeTextFile(`${folder}/helper.ts`, helper);
    const { code, signal, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", "--no-prompt", "--quiet", "--no-lock", "main.ts"],
      cwd: folder,
      env: { NO_COLOR: "1" },
      stdin: "null",
      signal: AbortSignal.timeout(30_000),
    }).output();
    assertEquals(signal, null, "it did not end by itself");
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    return { code, printed: `${out}${err}`.trim() };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const header = (options: string) => `
  import { Executor, getExecutor, tasksFrom } from "@genro/executor";
  import { serve } from "@genro/executor/serve";
  import { add } from "./helper.ts";
  const options = ${options};
  void [Executor, getExecutor, serve, options];
  const tasks = tasksFrom(import.meta, () => import("./main.ts"));
  const { own } = tasks;
  const add42 = () => add(40, 2);
  export { add42 as own };
`;
const helper = "export const add = (a: number, b: number) => a + b;";

/** Ways to start an executor in the module that has its tasks. */
const ways = {
  "Executor.start()": `
    await using executor = await Executor.start(options);
    console.log(await executor.runBlocking(own));`,
  "Executor.startup()": `
    const executor = new Executor(options);
    await executor.startup();
    console.log(await executor.runBlocking(own));
    await executor.shutdown();`,
  "preload": `
    const preload = [tasks];
    await using executor = await Executor.start({ ...options, cpu: { ...options.cpu, preload } });
    console.log(await executor.runCpu(own));`,
  "getExecutor()": `
    const executor = getExecutor(options);
    await executor.startup();
    console.log(await executor.runBlocking(own));`,
  "serve()": `
    await using server = await serve(
      async (_, { executor }) => new Response(String(await executor.runBlocking(own))),
      { hostname: "127.0.0.1", port: 0, executor: options, onError: (error) => { throw error; } },
    );
    const { executor } = server;
    console.log(await executor.runBlocking(own));`,
  "a promise that nobody awaits": `
    void (async () => {
      await using executor = await Executor.start(options);
      console.log(await executor.runBlocking(own));
    })();`,
};

const isolations = hasProcesses ? ["worker", "process"] as const : ["worker"] as const;
for (const isolation of isolations) {
  const inherit = `{ isolation: "${isolation}" as const, permissions: "inherit" as const }`;
  for (const [way, start] of Object.entries(ways)) {
    Deno.test(`A program that starts by ${way} in its own task module ends with an error, with ${isolation} isolation`, async () => {
      const options = `{ blocking: ${inherit}, cpu: ${inherit} }`;
      const { code, printed } = await run(header(options) + start, helper);
      assertEquals(code, 1, printed);
      assertStringIncludes(printed, "Cannot start an executor while file:///");
      assertStringIncludes(printed, "under if (import.meta.main)");
      assertEquals(/^42$/m.test(printed), false);
    });
  }

  Deno.test(`A program that starts under import.meta.main runs its own tasks, with ${isolation} isolation`, async () => {
    const main = `${header(`{ blocking: ${inherit}, cpu: ${inherit} }`)}
      if (import.meta.main) {
        await using executor = await Executor.start(options);
        console.log(await executor.runBlocking(own), await executor.runCpu(own));
      }`;
    assertEquals(await run(main, helper), { code: 0, printed: "42 42" });
  });
}

Deno.test("A program whose CPU tasks have no permissions ends with an error, too", async () => {
  const { code, printed } = await run(
    `${header("{}")}
    await using executor = await Executor.start();
    console.log(await executor.runCpu(own));`,
    helper,
  );
  assertEquals(code, 1, printed);
  assertStringIncludes(printed, "Cannot start an executor while file:///");
});

Deno.test("A program that names its tasks after it has started ends with an error, too", async () => {
  const { code, printed } = await run(
    `
    import { Executor, tasksFrom } from "@genro/executor";
    await using executor = await Executor.start({ cpu: { permissions: "inherit" } });
    const { f } = tasksFrom<{ f(): number }>(import.meta.url);
    console.log(await executor.runCpu(f));
    `,
  );
  assertEquals(code, 1, printed);
  assertStringIncludes(printed, "Cannot start an executor while file:///");
});

Deno.test("A program whose task module imports it ends with an error, too", async () => {
  const { code, printed } = await run(
    `
    import { Executor, tasksFrom } from "@genro/executor";
    export const factor = 2;
    const { twice } = tasksFrom(import.meta, () => import("./helper.ts"));
    await using executor = await Executor.start({ cpu: { permissions: "inherit" } });
    console.log(await executor.runCpu(twice, 21));
    `,
    `import { factor } from "./main.ts";
    export const twice = (n: number) => n * factor;`,
  );
  assertEquals(code, 1, printed);
  assertStringIncludes(printed, "helper.ts is loaded in a worker");
});

Deno.test("A program runs its own tasks inline", async () => {
  const main = `${header("{ inline: true }")}
    await using executor = await Executor.start(options);
    console.log(await executor.runBlocking(own));`;
  assertEquals(await run(main, helper), { code: 0, printed: "42" });
});

Deno.test("A task may use an executor of its own, and its module start one", async () => {
  const main = `
    import { Executor, tasksFrom } from "@genro/executor";
    const { nested, nestedAtTop } = tasksFrom(import.meta, () => import("./helper.ts"));
    await using executor = await Executor.start();
    console.log(await executor.runBlocking(nested), await executor.runBlocking(nestedAtTop));
  `;
  const helper = `
    import { Executor } from "@genro/executor";
    const top = await Executor.start({ cpu: { permissions: "inherit" } });
    export const nestedAtTop = () => top.runCpu((n: number) => n * 2, 22);
    export async function nested() {
      await using executor = await Executor.start({ cpu: { permissions: "inherit" } });
      return await executor.runCpu((n: number) => n * 2, 21);
    }
  `;
  assertEquals(await run(main, helper), { code: 0, printed: "42 44" });
});
