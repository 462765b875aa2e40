import { assertEquals, assertMatch } from "@std/assert";
import { canLimit, ControlGroup, type Limited } from "../support/control_group.ts";
import { hasProcesses } from "../support/features.ts";

const root = new URL("../../", import.meta.url);
const deno = [Deno.execPath(), "run", "--quiet", "--allow-all", "--no-prompt", "--no-check"];
const config = `--config=${Deno.realPathSync(new URL("deno.json", root))}`;

/** Runs a program, with these words before its command, and returns the lines on stdout. */
async function run(before: string[], source: string): Promise<string[]> {
  const imports = `
    import { Executor } from ${JSON.stringify(new URL("mod.ts", root).href)};
    const print = (...values) => console.log(JSON.stringify(values));
  `;
  const url = `data:text/javascript,${encodeURIComponent(imports + source)}`;
  const [command, ...args] = [...before, ...deno, config, url];
  const { code, stdout, stderr } = await new Deno.Command(command!, {
    args,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  assertEquals(code, 0, decoder.decode(stderr));
  return decoder.decode(stdout).trim().split("\n");
}

/** Defines a test of a limit. Where this user may set no limit, the test is skipped and says why. */
async function testOfLimit(
  limited: Limited,
  name: string,
  test: () => Promise<void>,
): Promise<void> {
  const can = await canLimit(limited);
  const why = can ? "" : " (skipped: this user may make no control groups)";
  Deno.test({ name: name + why, ignore: !can, fn: test });
}

/** Starts a CPU pool of so many workers, and prints why a larger pool is refused. */
const sizes = (workers: number) => `
  const start = (minWorkers) => Executor.start({ cpu: { minWorkers, permissions: "inherit" } });
  {
    await using executor = await start(${workers});
    print(executor.stats().cpu.workers);
  }
  await start(${workers + 1}).catch((error) => print(error.message));
`;

async function assertPoolSize(before: string[], workers: number): Promise<void> {
  const [started, refused] = await run(before, sizes(workers));
  assertEquals(started, `[${workers}]`);
  assertMatch(refused!, new RegExp(`expected at most maxWorkers, which is ${workers},`));
}

for (const cpus of [0.5, 1, 1.5, 2]) {
  const workers = Math.min(Math.max(1, Math.floor(cpus)), navigator.hardwareConcurrency);
  await testOfLimit("cpus", `A limit of ${cpus} CPUs makes a CPU pool of ${workers}`, async () => {
    await using group = new ControlGroup("cpus", cpus);
    await assertPoolSize(group.entering, workers);
  });
}

// For a container that has its limit from outside, as from `docker run --cpus 1.5`.
const expected = Deno.env.get("EXPECTED_CPU_WORKERS");
Deno.test({
  name: "The CPU pool has as many workers as EXPECTED_CPU_WORKERS says, where that is set",
  ignore: expected === undefined,
  fn: () => assertPoolSize([], Number(expected)),
});

for (const isolation of ["worker", "process"]) {
  if (isolation === "process" && !hasProcesses) continue;
  const name = `Executor.startup() rejects where no thread may be added, and goes on: ${isolation}`;
  await testOfLimit("threads", name, async () => {
    await using group = new ControlGroup("threads", 1_000);
    const [failed, then] = await run(
      group.entering,
      `
      const limit = (threads) => Deno.writeTextFileSync("${group.folder}/pids.max", threads);
      const pool = { isolation: "${isolation}", minWorkers: 1, permissions: "inherit" };
      const executor = new Executor({ cpu: pool });
      limit(Deno.readTextFileSync("${group.folder}/pids.current"));
      await executor.startup().catch(({ name, message }) => print(name, message));
      limit("max");
      await executor.startup();
      print(await executor.runCpu(() => "goes on"));
      await executor.shutdown();
      `,
    );
    assertMatch(failed!, /^\["WorkerStartError","Cannot start a cpu worker: .*\(os error 11\)"\]$/);
    assertEquals(then, '["goes on"]');
  });
}

if (hasProcesses) {
  await testOfLimit("memory", "A process that takes all of the memory ends alone", async () => {
    await using group = new ControlGroup("memory", 400_000_000);
    const [failed, then] = await run(
      group.entering,
      `
      await using executor = await Executor.start({ cpu: { isolation: "process", maxWorkers: 1 } });
      await executor.runCpu(() => {
        for (const all = [];; all.push(new Uint8Array(16_000_000).fill(1)));
      }).catch(({ name, message }) => print(name, message));
      print(await executor.runCpu(() => "goes on"));
      `,
    );
    // Deno 2.6 tells a signal as an exit code.
    assertMatch(
      failed!,
      /^\["WorkerCrashedError",".* process (was killed by SIGKILL|ended .* 137)/,
    );
    assertEquals(then, '["goes on"]');
  });
}

/** What makes the next command the first process of a container, if this user may. */
const firstProcess = ["unshare", "--mount-proc", "--pid", "--fork", "--kill-child"];
const canBeFirst = await new Deno.Command(firstProcess[0]!, {
  args: [...firstProcess.slice(1), "true"],
  stdout: "null",
  stderr: "null",
}).output().then(({ success }) => success, () => false);

Deno.test({
  name: "A process goes on whose host is the first process of a container" +
    (canBeFirst ? "" : " (skipped: this user may make no namespaces)"),
  ignore: !canBeFirst || !hasProcesses,
  fn: async () => {
    const printed = await run(
      firstProcess,
      `
      await using executor = await Executor.start({
        cpu: { isolation: "process", permissions: "inherit" },
      });
      // Longer than a process takes to look after its host.
      const look = () => new Promise((done) => setTimeout(() => done(Deno.ppid), 1_200));
      print(Deno.pid, await executor.runCpu(look));
      `,
    );
    assertEquals(printed, ["[1,1]"]);
  },
});
