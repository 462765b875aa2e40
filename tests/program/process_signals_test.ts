import { assertEquals } from "@std/assert";
import { Executor } from "@genro/executor";
import { lacksProcesses, lacksSignals, testUnless } from "../support/features.ts";
import { isAlive, pathOf, Program } from "../support/processes.ts";
import { until } from "../support/waiting.ts";

const testOfGroups = testUnless(lacksSignals || lacksProcesses);

const root = new URL("../../", import.meta.url);

/** Runs a program that has imported the package, in a group of its own. */
function run(source: string): Program {
  const imports = `
    import { Executor } from ${JSON.stringify(new URL("mod.ts", root).href)};
    import { serve } from ${JSON.stringify(new URL("serve.ts", root).href)};
  `;
  const config = `--config=${pathOf("deno.json")}`;
  const module = `data:text/javascript,${encodeURIComponent(imports + source)}`;
  return new Program(["run", "--quiet", "--no-prompt", "--allow-all", config, module], {
    detached: true,
  });
}

/** How a task may be busy when the signal comes. */
const tasks = {
  "that waits": "() => new Promise((done) => setTimeout(() => done('done'), 500))",
  "that blocks":
    "() => (Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500), 'done')",
};

for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"] as const) {
  for (const [what, task] of Object.entries(tasks)) {
    testOfGroups(
      `A task ${what} in a process outlives ${signal} to its whole program`,
      async () => {
        await using program = run(`
        Deno.addSignalListener("${signal}", async () => {
          await executor.shutdown();
          Deno.exit(7);
        });
        const executor = await Executor.start({ cpu: { isolation: "process", maxWorkers: 1 } });
        executor.runCpu(${task}).then(console.log, console.error);
        setTimeout(() => console.log("running"), 50);
      `);
        await program.line(/^running/);
        program.killGroup(signal);
        await program.line(/^done/);
        assertEquals((await program.ended()).code, 7);
      },
    );
  }

  testOfGroups(
    `A process that starts when ${signal} comes to all is there all the same`,
    async () => {
      await using program = run(`
      Deno.addSignalListener("${signal}", () => console.log("heard"));
      const options = { cpu: { isolation: "process" } };
      // What is loaded for the first one takes its time, too.
      await using first = await Executor.start(options);
      console.log("starting");
      const executor = await Executor.start(options);
      console.log("result", await executor.runCpu(() => 42));
      await Promise.all([executor.shutdown(), first.shutdown()]);
      Deno.exit();
    `);
      await program.line(/^starting/);
      // Some of these come before it can ignore them.
      for (let signals = 0; signals < 3; signals++) {
        await new Promise((resolve) => setTimeout(resolve, 25));
        program.killGroup(signal);
      }
      await program.line(/^result 42/);
      assertEquals((await program.ended()).code, 0);
    },
  );

  testOfGroups(`A program that ${signal} ends takes its processes along`, async () => {
    await using program = run(`
      const executor = await Executor.start({
        blocking: { isolation: "process" },
        cpu: { isolation: "process" },
      });
      const [stuck, idle] = await Promise.all([
        executor.runBlocking(() => Deno.pid),
        executor.runCpu(() => Deno.pid),
      ]);
      executor.runBlocking(() => { while (true); }).catch(() => {});
      setTimeout(() => console.log("pids", stuck, idle), 100);
    `);
    const [, ...pids] = await program.line(/^pids (\d+) (\d+)/);
    program.killGroup(signal);
    assertEquals((await program.ended()).signal, signal);
    await until(() => !pids.some((pid) => isAlive(Number(pid))), 5_000);
  });
}

for (const isolation of ["worker", "process"]) {
  testOfGroups(
    `serve() answers what is in flight in a ${isolation} when SIGTERM comes to all`,
    async () => {
      await using program = run(`
      const options = { isolation: "${isolation}" };
      const executor = new Executor({ blocking: options, cpu: options });
      const task = () => {
        console.log("running");
        return new Promise((done) => setTimeout(() => done("computed"), 500));
      };
      const server = await serve(async (_, { executor }) => {
        return new Response(await executor.runCpu(task));
      }, { executor, port: 0, hostname: "127.0.0.1", onListen: ({ port }) => console.log("port", port) });
      await server.finished;
      console.log("finished");
    `);
      const [, port] = await program.line(/^port (\d+)/);
      const answer = fetch(`http://127.0.0.1:${port}`);
      await program.line(/^running/);
      program.killGroup("SIGTERM");
      const response = await answer;
      assertEquals([response.status, await response.text()], [200, "computed"]);
      await program.line(/^finished/);
      assertEquals((await program.ended()).code, 0);
    },
  );
}

testOfGroups("A task in a process hears the signals that it listens for", async () => {
  await using executor = await Executor.start({ cpu: { isolation: "process", maxWorkers: 1 } });
  const pid = await executor.runCpu(() => Deno.pid);
  for (const signal of ["SIGTERM", "SIGHUP", "SIGINT", "SIGUSR2"] as const) {
    const heard = executor.runCpu((signal: Deno.Signal) =>
      new Promise<string>((resolve) => {
        Deno.addSignalListener(signal, function listener() {
          Deno.removeSignalListener(signal, listener);
          resolve(signal);
        });
      }), signal);
    const timer = setInterval(() => Deno.kill(pid, signal), 50);
    assertEquals(await heard, signal);
    clearInterval(timer);
  }
  // With its listeners gone it goes on, too.
  assertEquals(await executor.runCpu(() => Deno.pid), pid);
});
