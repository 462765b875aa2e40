import { assert, assertEquals } from "@std/assert";
import { makeTempFolder } from "../support/processes.ts";

/** Runs a script that imports the executor in a process of its own, which must end by itself. */
async function run(script: string, unstable = ["worker-options"]) {
  const folder = await makeTempFolder();
  try {
    const imports = {
      "@genro/executor": import.meta.resolve("../../mod.ts"),
      "@std/async/deadline": import.meta.resolve("@std/async/deadline"),
    };
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify({ imports, unstable }));
    await Deno.writeTextFile(`${folder}/main.ts`, script);
    const timeout = AbortSignal.timeout(30_000);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", "--no-prompt", "--quiet", "--no-lock", "main.ts"],
      cwd: folder,
      env: { NO_COLOR: "1" },
      signal: timeout,
    }).output();
    assertEquals(timeout.aborted, false, "it did not end by itself");
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trim());
    return { code, out: out!, err: err! };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("A program ends by itself after shutdown()", async () => {
  const { code, out, err } = await run(`
    import { Executor } from "@genro/executor";
    const executor = await Executor.start({ blocking: { minWorkers: 2 } });
    console.log(await executor.runCpu((n: number) => n * 2, 21));
    console.log(await executor.runBlocking((n: number) => n * 2, 22));
    await executor.shutdown();
    console.log("end");
  `);
  assertEquals({ code, out, err }, { code: 0, out: "42\n44\nend", err: "" });
});

Deno.test("A program ends by itself when its executor is idle and never shut down", async () => {
  const { code, out, err } = await run(`
    import { Executor } from "@genro/executor";
    const executor = await Executor.start({
      blocking: { minWorkers: 2, idleTimeout: Infinity },
      cpu: { minWorkers: 1, idleTimeout: 3_600_000 },
    });
    console.log(await executor.runCpu((n: number) => n * 2, 21));
    console.log(await executor.runBlocking((n: number) => n * 2, 22));
  `);
  assertEquals({ code, out, err }, { code: 0, out: "42\n44", err: "" });
});

Deno.test("A program ends by itself after a task was cancelled that its worker gave back", async () => {
  const { code, out, err } = await run(`
    import { Executor } from "@genro/executor";
    const executor = await Executor.start({ cpu: { minWorkers: 1, maxWorkers: 1 } });
    const same = (value: unknown) => value;
    for (let n = 0; n < 300; n++) await executor.runCpu(same, { n });
    const controller = new AbortController();
    const shared = {};
    const first = executor.runCpu(same, { shared }).then(() => controller.abort("given up"));
    const { signal } = controller;
    const next = executor.with({ signal }).runCpu(same, { shared }).catch(console.log);
    const others = Array.from({ length: 40 }, () => executor.runCpu(same, { shared }));
    await Promise.all([first, next, ...others]);
    console.log("end");
  `);
  assertEquals({ code, out, err }, { code: 0, out: "given up\nend", err: "" });
});

Deno.test("A program does not end before a task that was accepted", async () => {
  const { code, out, err } = await run(`
    import { Executor } from "@genro/executor";
    const executor = await Executor.start();
    const sleep = () => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
      return "slept";
    };
    executor.runBlocking(sleep).then(console.log);
    executor.runCpu(sleep).then(console.log);
  `);
  assertEquals({ code, out, err }, { code: 0, out: "slept\nslept", err: "" });
});

Deno.test("A program does not end before a task whose worker dies is settled", async () => {
  const { code, out } = await run(`
    import { Executor } from "@genro/executor";
    const executor = await Executor.start();
    try {
      await executor.runCpu(() => { self.close(); return new Promise(() => {}); });
    } catch (error) {
      console.log(error.name);
    }
  `);
  assertEquals({ code, out }, { code: 0, out: "WorkerCrashedError" });
});

Deno.test("A worker that is terminated at the very start is stuck until its task returns", async () => {
  const { code, out, err } = await run(`
    import { Executor } from "@genro/executor";
    const executor = await Executor.start();
    const alive = setInterval(() => {}, 1_000);
    executor.addEventListener("workerback", () => {
      console.log("back", executor.stats().cpu.stuck);
      clearInterval(alive);
    });
    const [BEGUN, END] = [0, 1];
    const flags = new Int32Array(new SharedArrayBuffer(8));
    const running = executor.runCpu((flags) => {
      Atomics.store(flags, 0, 1);
      Atomics.notify(flags, 0);
      Atomics.wait(flags, 1, 0);
    }, flags);
    await Atomics.waitAsync(flags, BEGUN, 0).value;
    executor.terminate();
    await running.catch((error) => console.log(error.name));
    await executor.shutdown();
    console.log("shut down", executor.stats().cpu.stuck);
    Atomics.store(flags, END, 1);
    Atomics.notify(flags, END);
  `);
  assertEquals({ code, out, err }, {
    code: 0,
    out: "ShutdownError\nshut down 1\nback 0",
    err: "",
  });
});

Deno.test("A program ends by itself after an abandoned endless loop and terminate()", async () => {
  const { code, out, err } = await run(`
    import { Executor } from "@genro/executor";
    const executor = await Executor.start();
    const result = executor.with({ timeout: 50 }).runCpu(() => { while (true); });
    await result.catch((error) => console.log(error.name));
    executor.runCpu(() => { while (true); }).catch((error) => console.log(error.name));
    setTimeout(() => {
      console.log("stuck", executor.stats().cpu.stuck);
      executor.terminate();
    }, 300);
  `);
  assertEquals({ code, out, err }, {
    code: 0,
    out: "TimeoutError\nstuck 1\nShutdownError",
    err: "",
  });
});

for (const end of ["await executor.shutdown();", ""]) {
  Deno.test(`A program ends by itself, with all workers in endless loops, after "${end}"`, async () => {
    const { code, out, err } = await run(`
      import { Executor } from "@genro/executor";
      const executor = await Executor.start({ cpu: { maxWorkers: 1 } });
      const impatient = executor.with({ timeout: 20 });
      for (let i = 0; i < 3; i++) {
        await impatient.runCpu(() => { while (true); }).catch((error) => console.log(error.name));
      }
      ${end}
    `);
    assertEquals(out.split("\n"), ["TimeoutError", "TimeoutError", "WorkersStuckError"]);
    assertEquals({ code, err }, { code: 0, err: "" });
  });
}

Deno.test("A program ends by itself after shutdown({ timeout }) of an endless loop", async () => {
  const { code, out, err } = await run(`
    import { Executor } from "@genro/executor";
    const executor = await Executor.start();
    executor.runBlocking(() => { while (true); }).catch((error) => console.log(error.name));
    await executor.shutdown({ timeout: 100 });
    console.log("end");
  `);
  assertEquals({ code, out, err }, { code: 0, out: "ShutdownError\nend", err: "" });
});

Deno.test("A program ends by itself after a \`using\` block", async () => {
  const { code, out, err } = await run(`
    import { Executor } from "@genro/executor";
    {
      using executor = new Executor();
      await executor.startup();
      console.log(await executor.runCpu((n: number) => n * 2, 21));
    }
    {
      await using executor = await Executor.start();
      console.log(await executor.runCpu((n: number) => n * 2, 22));
    }
  `);
  assertEquals({ code, out, err }, { code: 0, out: "42\n44", err: "" });
});

Deno.test("An error that nobody catches is printed with the task's line and the caller's", async () => {
  const { code, err } = await run(`
    import { Executor } from "@genro/executor";
    const executor = await Executor.start();
    async function theCaller() {
      await executor.runCpu(function theTask() { throw new TypeError("not caught"); });
    }
    await theCaller();
  `);
  assertEquals(code, 1);
  assert(err.includes("TypeError: not caught"), err);
  // An older Deno prints only what it has put into a stack itself.
  const probe = await run(`
    const error = new Error("probe");
    error.stack = "Error: probe\\n    at probe (task:probe:1:1)";
    throw error;
  `);
  if (!probe.err.includes("task:probe")) return;
  for (const part of ["theTask (task:theTask", "async theCaller"]) assert(err.includes(part), err);
});

Deno.test("A program without the worker-options flag ends in startup(), not in a request", async () => {
  const { code, out } = await run(
    `
    import { Executor } from "@genro/executor";
    const inherit = await Executor.start({ cpu: { permissions: "inherit" } });
    console.log(await inherit.runCpu((n: number) => n * 2, 21));
    await inherit.shutdown();
    console.log("restricted");
    await Executor.start();
    console.log("not reached");
  `,
    [],
  );
  assertEquals({ code, out }, { code: 70, out: "42\nrestricted" });
});
