/** Programs that are started from anywhere, and given to Deno in any way, by workers and processes. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { hasLocks, hasProcesses, testUnless } from "../support/features.ts";
import { configFor, copyPackage, urlOf, writeFiles } from "../support/package_copy.ts";

const isolations = ["worker", ...hasProcesses ? ["process"] : []];

const packageFolder = "package #%41";

/** Runs both kinds of tasks, of a module beside the program where `tasks` is its specifier. */
const program = (tasks?: string) => `
  import { Executor, tasksFrom } from "@genro/executor";
  const { describe } = ${
  tasks ? `tasksFrom(import.meta, () => import(${JSON.stringify(tasks)}))` : "{}"
};
  for (const isolation of ${JSON.stringify(isolations)}) {
    const options = { isolation };
    await using executor = await Executor.start({ blocking: options, cpu: options });
    for (const run of ["runCpu", "runBlocking"]) {
      console.log(isolation, run, await executor[run]((word) => word + "!", "sent"));
      if (describe) console.log(isolation, run, await executor[run](describe, "named"));
    }
  }
`;

const files = {
  "main.ts": program("./a task %231.ts"),
  "a task #1.ts": `
    import { mark } from "./a helper %.ts";
    export const describe = (word: string) => word + mark;
  `,
  "a helper %.ts": `export const mark = "!";`,
  // Deno has its own directory by then, which may be relative.
  "elsewhere.ts": `Deno.chdir(Deno.args[0]!); await import("./main.ts");`,
};

/** What a program prints. */
function expected(named: boolean): string[] {
  return isolations.flatMap((isolation) =>
    ["runCpu", "runBlocking"].flatMap((run) => [
      `${isolation} ${run} sent!`,
      ...named ? [`${isolation} ${run} named!`] : [],
    ])
  );
}

/** How Deno is started in a place. */
interface Start {
  /** Arguments after the flags, and before the program's own. */
  args: string[];
  cwd?: string;
  env?: Record<string, string>;
  /** Variables that the program has not got. */
  without?: string[];
  /** What it reads from its standard input. */
  input?: string;
  /** The subcommand and its flags. */
  run?: string[];
  /** Whether a module of tasks lies beside the program. */
  named?: boolean;
}

/** The folders of a test: one around all, and within that the program's. */
interface Folders {
  base: string;
  folder: string;
}

const THROUGH_A_LINK = "through a link to its folder";
const LINK = "a link #";
const RUN = ["run", "--allow-all", "--no-check"];
const onWindows = Deno.build.os === "windows";

const places: Record<string, (folders: Folders) => Start | Promise<Start>> = {
  "from the root of all folders": ({ base, folder }) => ({
    args: [`${folder}/main.ts`],
    cwd: /^(?:[A-Z]:)?[\\/]/i.exec(base)![0],
  }),
  "by a relative path from beside": async ({ base }) => {
    await Deno.mkdir(`${base}/c d`);
    return { args: ["../a b#é%41/main.ts"], cwd: `${base}/c d` };
  },
  "from a folder that it leaves": ({ base, folder }) => ({
    args: ["elsewhere.ts", base],
    cwd: folder,
    env: { DENO_DIR: "a relative cache" },
  }),
  [THROUGH_A_LINK]: async ({ base, folder }) => {
    await Deno.symlink(folder, `${base}/${LINK}`);
    return { args: [`${LINK}/main.ts`], cwd: base };
  },
  "where it and its package lie deep": async ({ base, folder }) => {
    // Longer than the 260 characters that Windows once allowed.
    const deep = `${base}/${`${"deep #".repeat(10)}/`.repeat(4)}end`;
    await Deno.mkdir(deep.slice(0, deep.lastIndexOf("/")), { recursive: true });
    await Deno.rename(folder, deep);
    return { args: [`${deep}/main.ts`], cwd: base };
  },
  "from standard input": ({ folder }) => ({
    args: ["--ext=ts", "-"],
    cwd: folder,
    input: files["main.ts"],
  }),
  "by deno eval": ({ folder }) => ({
    run: ["eval"],
    args: [files["main.ts"]],
    cwd: folder,
  }),
  "by deno repl": ({ folder }) => ({
    run: ["repl", "--allow-all"],
    args: [`--eval=${program()}`],
    cwd: folder,
    named: false,
  }),
  "from a data: URL": ({ base, folder }) => ({
    args: [
      `--config=${folder}/deno.json`,
      `data:text/javascript,${encodeURIComponent(program())}`,
    ],
    cwd: base,
    named: false,
  }),
  "without a home or a place for temporary files": ({ base, folder }) => ({
    args: ["main.ts"],
    cwd: folder,
    env: Object.fromEntries(["TMPDIR", "TMP", "TEMP"].map((name) => [name, `${base}/nowhere`])),
    // On Windows Deno's own directory is found with these.
    without: onWindows ? [] : ["HOME", "XDG_CACHE_HOME", "DENO_DIR"],
  }),
};

for (const [place, start] of Object.entries(places)) {
  const test = testUnless(
    onWindows && place === THROUGH_A_LINK && "Windows has links for the privileged alone",
  );
  test(`Workers and processes run tasks of a program that is started ${place}`, async () => {
    const base = await Deno.realPath(await Deno.makeTempDir());
    try {
      const folder = `${base}/a b#é%41`;
      const copy = `${folder}/${packageFolder}`;
      await copyPackage(copy);
      // The program may be moved, and its package with it.
      const config = configFor(urlOf(copy)).replaceAll(urlOf(folder).href, "./");
      await writeFiles(folder, { ...files, "deno.json": config });
      const { args, cwd, env, without = [], input = "", run = RUN, named = true } = await start({
        base,
        folder,
      });
      const variables = Object.entries(Deno.env.toObject());
      const process = new Deno.Command(Deno.execPath(), {
        args: [...run, "--quiet", ...args],
        cwd,
        env: {
          ...Object.fromEntries(variables.filter(([name]) => !without.includes(name))),
          ...env,
          NO_COLOR: "1",
        },
        clearEnv: true,
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
        signal: AbortSignal.timeout(60_000),
      }).spawn();
      const output = process.output();
      const writer = process.stdin.getWriter();
      if (input !== "") await writer.write(new TextEncoder().encode(input));
      await writer.close();
      const { code, stdout, stderr } = await output;
      const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
      const printed = out!.split("\n").filter((line) => /^(?:worker|process) /.test(line));
      assertEquals({ printed, code }, { printed: expected(named), code: 0 }, out! + err);
    } finally {
      await Deno.remove(base, { recursive: true });
    }
  });
}

// Before 2.9 no worker of Deno starts without a working directory, and in 2.6 the attempt ends the program:
// https://github.com/denoland/deno/blob/v2.6.8/ext/node/polyfills/02_init.js
Deno.test("Processes say that the working directory was removed; workers go on without one", {
  ignore: !hasProcesses || Deno.build.os === "windows",
}, async () => {
  const base = await Deno.realPath(await Deno.makeTempDir());
  try {
    await writeFiles(base, {
      "deno.json": configFor(new URL("../../", import.meta.url)),
      "main.ts": `
        import { Executor } from "@genro/executor";
        const remove = () => {
          const folder = Deno.makeTempDirSync();
          Deno.chdir(folder);
          Deno.removeSync(folder);
        };
        const say = ({ name, message }) => console.log(name + ": " + message);
        await using processes = await Executor.start({
          cpu: { isolation: "process", maxWorkers: 1 },
        });
        console.log(await processes.runCpu(() => "begun"));
        remove();
        if (${hasLocks}) {
          await using workers = await Executor.start();
          console.log(await workers.runCpu(() => "a worker"));
        } else console.log("a worker");
        // A new process has to be started for the second of these.
        await processes.runCpu(() => Deno.exit(3)).catch(say);
        await processes.runCpu(() => "a process").catch(say);
        await Executor.start({ cpu: { isolation: "process" } }).catch(say);
        Deno.chdir("/");
        console.log(await processes.runCpu(() => "a process"));
      `,
    });
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...RUN, "--quiet", "main.ts"],
      cwd: base,
      env: { NO_COLOR: "1" },
      signal: AbortSignal.timeout(60_000),
    }).output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    const lines = out!.trim().split("\n");
    assertEquals([code, lines.length], [0, 6], out! + err);
    const [begun, worker, crash, later, atOnce, again] = lines;
    assertEquals([begun, worker, again], ["begun", "a worker", "a process"]);
    assertStringIncludes(crash!, "WorkerCrashedError: ");
    const why = "the working directory of this program was removed, and Deno starts only where " +
      "there is one; call Deno.chdir() with a directory that stays";
    for (const line of [later!, atOnce!]) {
      assertStringIncludes(line, "WorkerStartError: Cannot start ");
      assertEquals(line.slice(-why.length), why);
    }
  } finally {
    await Deno.remove(base, { recursive: true });
  }
});
