/** Programs with more task modules than a command line, or the URL of a worker, has room for. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { pathToFileURL } from "node:url";
import { Executor, WorkerStartError } from "@genro/executor";
import { hasProcesses } from "../support/features.ts";
import { Program } from "../support/processes.ts";
import { until } from "../support/waiting.ts";

const testOfProcesses = hasProcesses ? Deno.test : Deno.test.ignore;
const isLinux = Deno.build.os === "linux";
const isWindows = Deno.build.os === "windows";
const root = new URL("../../", import.meta.url);

/** Names of modules that something in between might take for more than a name. */
const ODD_NAMES = ["a b", "hash#", "per%41cent", "é", "quote'", "comma,", "emoji😀"];
if (!isWindows) ODD_NAMES.push('double"quote', "back\\slash", "ask?");

/** A program that names all modules of its folder, and calls a few. */
const MAIN = `
  const { isolation, urls, called, windows } = JSON.parse(Deno.args[0]);
  if (windows) Object.defineProperty(Deno, "build", { value: { ...Deno.build, os: "windows" } });
  const { Executor, tasksFrom } = await import("@genro/executor");
  const modules = new Map();
  const named = JSON.parse(Deno.readTextFileSync(urls));
  for (const url of named) modules.set(url, tasksFrom(url));
  console.log("starting");
  const cpu = { isolation, minWorkers: 1, maxWorkers: 1 };
  await using executor = await Executor.start({ cpu, blocking: { minWorkers: 0 } });
  console.log("started");
  for (const place of called) {
    const { own } = modules.get(named[place]);
    console.log("result", JSON.stringify(await executor.runCpu(own)));
  }
  // A file that the list does not name is not imported.
  const other = named[0].replace(/[^/]*$/, "other.json");
  const computed = executor.runCpu(async (url) => {
    return (await import(url, { with: { type: "json" } })).default;
  }, other);
  console.log("other", await computed.catch(({ message }) => message));
  if (isolation === "process") {
    console.log("process", await executor.runCpu(() => Deno.pid));
    console.log("input", await executor.runCpu(() => Deno.stdin.read(new Uint8Array(1))));
  }
`;

/** A folder with a program, and with this many modules of which the first have odd names. */
async function makeFolder(count: number) {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  await Deno.mkdir(`${folder}/modules`);
  await Deno.mkdir(`${folder}/tmp`);
  const names = Array.from({ length: count }, (_, i) => ODD_NAMES[i] ?? `module_of_tasks_${i}`);
  const paths = names.map((name) => `${folder}/modules/${name}.ts`);
  for (const [i, path] of paths.entries()) {
    Deno.writeTextFileSync(path, `export const own = (): string => ${JSON.stringify(names[i])};`);
  }
  await Deno.writeTextFile(`${folder}/modules/other.json`, `"secret"`);
  const config = {
    imports: {
      "@genro/executor": new URL("mod.ts", root).href,
      "@std/async/deadline": import.meta.resolve("@std/async/deadline"),
    },
    unstable: ["worker-options"],
  };
  await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(config));
  await Deno.writeTextFile(`${folder}/main.ts`, MAIN);
  const urls = paths.map((path) => pathToFileURL(path).href);
  await Deno.writeTextFile(`${folder}/urls.json`, JSON.stringify(urls));
  return {
    path: folder,
    names,
    /** Starts the program: it may read, and run Deno; it may not write. */
    start(options: { isolation: string; called: number[]; windows?: boolean }) {
      const flags = ["--allow-read", `--allow-run=${Deno.execPath()}`];
      const given = JSON.stringify({ ...options, urls: `${folder}/urls.json` });
      const tmp = `${folder}/tmp`;
      return new Program(
        ["run", "--quiet", "--no-prompt", "--no-check", "--no-lock", ...flags, "main.ts", given],
        { cwd: folder, env: { TMPDIR: tmp, TEMP: tmp, TMP: tmp } },
      );
    },
    /** What the program has left in the folder for temporary files. */
    left: () => [...Deno.readDirSync(`${folder}/tmp`)].map(({ name }) => name),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

/** The length of a process's command line. */
function commandLength(pid: string): number {
  return Deno.readTextFileSync(`/proc/${pid}/cmdline`).length;
}

/** Where tasks run: what a process reads its list from on Windows is simulated elsewhere. */
const places = {
  "a worker": { isolation: "worker", windows: false },
  ...hasProcesses && { "a process": { isolation: "process", windows: false } },
  ...hasProcesses && isLinux && { "a process of Windows": { isolation: "process", windows: true } },
};

// The URLs of the first are in the generated module itself.
for (const count of [20, 150, 5_000]) {
  Deno.test(`A program runs tasks of ${count} modules`, async (t) => {
    await using folder = await makeFolder(count);
    const called = [...ODD_NAMES.keys(), count >> 1, count - 1];
    for (const [place, options] of Object.entries(places)) {
      await t.step(`in ${place}`, async () => {
        await using program = folder.start({ called, ...options });
        for (const place of called) {
          const [, result] = await program.line(/^result (.*)/);
          assertEquals(JSON.parse(result!), folder.names[place]);
        }
        await program.line(/^other Requires read access/);
        if (options.isolation === "process") {
          const [, pid] = await program.line(/^process (\d+)/);
          if (isLinux) assert(commandLength(pid!) < 20_000, `${commandLength(pid!)}`);
          assertEquals((await program.line(/^input (.*)/))[1], "null");
        }
        assertEquals((await program.ended()).code, 0, program.printed.join("\n"));
        assertEquals(folder.left(), []);
      });
    }
  });
}

testOfProcesses("A program that is killed leaves no list of modules behind", {
  ignore: !isLinux && !isWindows,
}, async () => {
  await using folder = await makeFolder(1_000);
  await using program = folder.start({ isolation: "process", called: [], windows: true });
  await program.line(/^starting/);
  await until(() => folder.left().length > 0);
  const { mode } = await Deno.stat(`${folder.path}/tmp/${folder.left()[0]}`);
  if (isLinux) assertEquals(mode! & 0o77, 0);
  program.kill("SIGKILL");
  await until(() => folder.left().length === 0);
});

/** Pools of processes whose command line no system takes. */
const tooLong: Record<string, [options: object, reason: RegExp]> = {
  "permissions": [
    { permissions: { read: Array.from({ length: 40_000 }, (_, i) => `/${"x".repeat(90)}${i}`) } },
    isLinux
      ? /an argument of its command line has 3,[\d,]+ bytes, and Linux takes 131,072; .*--allow-read.*folder/
      : /its command line has 3,[\d,]+ (?:bytes|characters).*--allow-read.*folder/,
  ],
  "flags": [
    { args: Array.from({ length: 40 }, (_, i) => `--seed=${"0".repeat(100_000)}${i}`) },
    /its command line has 4,[\d,]+ (?:bytes|characters).*--seed/,
  ],
};

for (const [what, [options, reason]] of Object.entries(tooLong)) {
  testOfProcesses(
    `Executor.startup() says that the ${what} of a pool are too long for a command line`,
    // Deno leaks the channel of a process that did not start, and before 2.8 fails each such test:
    // https://github.com/denoland/deno/pull/33250
    { sanitizeResources: false },
    async () => {
      const started = Executor.start({
        cpu: { isolation: "process", minWorkers: 1, maxWorkers: 1, ...options },
      });
      const { message } = await assertRejects(() => started, WorkerStartError);
      assertMatch(message, reason);
      assert(message.length < 600, message);
    },
  );
}
