import { assertEquals, assertMatch } from "@std/assert";
import { lacksProc, lacksProcesses, testUnless } from "../support/features.ts";
import { pathOf, Program } from "../support/processes.ts";

// What a process has been given is read from /proc.
const testOfLinux = testUnless(lacksProc || lacksProcesses);

const root = new URL("../../", import.meta.url);

/** Runs a program, with these permissions and variables. */
function run(source: string, permissions: string[], env: Record<string, string>): Program {
  const imports = `import { Executor } from ${JSON.stringify(new URL("mod.ts", root).href)};`;
  return new Program([
    "run",
    "--quiet",
    "--no-prompt",
    `--config=${pathOf("deno.json")}`,
    ...permissions,
    `data:text/javascript,${encodeURIComponent(imports + source)}`,
  ], { env, clearEnv: true });
}

const only = `--allow-run=${Deno.execPath()}`;
const { HOME = "/", DENO_DIR, XDG_CACHE_HOME = `${HOME}/.cache` } = Deno.env.toObject();
/** Without these variables Deno would have another cache than this test. */
const home: Record<string, string> = {
  HOME,
  XDG_CACHE_HOME,
  ...DENO_DIR !== undefined && { DENO_DIR },
};

/** What Deno goes by: it is in each process. */
const needed: Record<string, string> = {
  ...home,
  ALL_PROXY: "http://127.0.0.1:9",
  DENO_AUTH_TOKENS: "token@127.0.0.1",
  DENO_NO_PACKAGE_JSON: "1",
  DENO_TLS_CA_STORE: "mozilla,system",
  DENO_V8_FLAGS: "--expose-gc",
  HTTPS_PROXY: "http://127.0.0.1:9",
  HTTP_PROXY: "http://127.0.0.1:9",
  LANG: "de_DE.UTF-8",
  NO_PROXY: "*",
  NPM_CONFIG_REGISTRY: "http://127.0.0.1:9",
  SSL_CERT_DIR: "/etc/ssl/certs",
  TMPDIR: "/tmp",
  TZ: "Asia/Tokyo",
  http_proxy: "http://127.0.0.1:9",
  https_proxy: "http://127.0.0.1:9",
  no_proxy: "*",
};

const states: Record<string, string[]> = {
  "that may read its environment": ["--allow-env", only],
  "that may read some of its environment": ["--allow-env=HOME,TZ,OWN", only],
  "that may not read its environment": [only],
  "that is denied some of its environment": ["--allow-env", "--deny-env=TZ", only],
};

for (const [state, flags] of Object.entries(states)) {
  testOfLinux(`A process of a program ${state} has what Deno needs, and nothing else`, async () => {
    const mayRead = flags[0] !== only;
    await using program = run(
      `
      const permissions = ${mayRead ? '{ env: ["OWN"] }' : '"none"'};
      const executor = await Executor.start({ cpu: { isolation: "process", permissions } });
      console.log("pid", await executor.runCpu(() => Deno.pid));
      console.log("tasks", JSON.stringify(await executor.runCpu(async (names) => {
        const { default: { env } } = await import("node:process");
        const read = { env: (name) => Deno.env.get(name), process: (name) => env[name] };
        return names.filter((name) => ["env", "process"].some((by) => {
          try {
            return read[by](name) !== undefined;
          } catch (error) {
            if (error instanceof Deno.errors.NotCapable) return false;
            throw error;
          }
        }));
      }, ${JSON.stringify([...Object.keys(needed), "OWN", "SECRET"])})));
      const get = () => Deno.env.get("TZ");
      await executor.runCpu(get).catch(({ name }) => console.log("error", name));
      console.log("hour", await executor.runCpu(() => new Date(0).getHours()));
      await Promise.race([executor.runCpu(() => new Promise(() => {}))]);
    `,
      flags,
      { ...needed, OWN: "own", SECRET: "secret" },
    );
    const [, pid] = await program.line(/^pid (\d+)/);
    const variables = (await Deno.readTextFile(`/proc/${pid}/environ`)).split("\0");
    const found = Object.fromEntries(
      variables.filter((line) => line.includes("=")).map((line) => line.split(/=(.*)/s)),
    );
    for (const [name, value] of Object.entries(needed)) {
      assertEquals([name, found[name]], [name, value]);
    }
    assertEquals(found.OWN, mayRead ? "own" : undefined);
    assertEquals(found.SECRET, undefined);
    const [, readable] = await program.line(/^tasks (.*)/);
    assertEquals(JSON.parse(readable!), mayRead ? ["OWN"] : []);
    await program.line(/^error NotCapable/);
    await program.line(/^hour 9/);
  });
}

/** Where Deno does not let a program pass what its libraries are found by. */
const refusals: [flags: string[], permissions: string, names: string][] = [
  [[only, "--allow-env"], '"none"', "LD_LIBRARY_PATH"],
  [[only, "--allow-env"], "{ env: true }", "LD_LIBRARY_PATH and LD_PRELOAD"],
  [[only, "--allow-env"], '"inherit"', "LD_LIBRARY_PATH and LD_PRELOAD"],
  [[only, "--allow-env"], '{ env: ["LD_PRELOAD"] }', "LD_LIBRARY_PATH and LD_PRELOAD"],
  [[only, "--allow-env"], '{ env: ["LD_P*"] }', "LD_LIBRARY_PATH and LD_PRELOAD"],
  [[only, "--allow-env=LD_PRELOAD"], '{ env: ["LD_PRELOAD"] }', "LD_LIBRARY_PATH"],
  [[only], '"none"', "LD_LIBRARY_PATH"],
  [["--allow-run", "--deny-run=none"], '"none"', "LD_LIBRARY_PATH"],
];

const libraries = { LD_LIBRARY_PATH: "/usr/local/lib", LD_PRELOAD: "" };

for (const [flags, permissions, names] of refusals) {
  testOfLinux(
    `Executor.startup() rejects ${names} with ${flags} for ${permissions}, as Deno does not pass it`,
    async () => {
      const preload = names.includes("LD_PRELOAD") ? { LD_PRELOAD: "/lib/none.so" } : {};
      await using program = run(
        `
      await Executor.start({ cpu: { isolation: "process", permissions: ${permissions} } })
        .catch(({ name, message }) => console.log(name, message));
    `,
        flags,
        { ...home, ...libraries, ...preload },
      );
      const [, message] = await program.line(/^WorkerStartError (Cannot start processes: .*)/);
      assertMatch(message!, new RegExp(`passes ${names} on only .*; expected --allow-run without`));
      assertEquals((await program.ended()).code, 0);
    },
  );
}

for (const flags of [["--allow-run"], ["--allow-run", "--allow-env"], [only]]) {
  testOfLinux(
    `A process starts with ${flags} where Deno runs with variables of its loader`,
    async () => {
      const all = flags[0] === "--allow-run";
      await using program = run(
        `
      const executor = await Executor.start({ cpu: { isolation: "process" } });
      console.log("pid", await executor.runCpu(() => Deno.pid));
      await executor.runCpu(() => new Promise(() => {}));
    `,
        flags,
        // What Deno does not need here does not keep a process from starting.
        { ...home, ...all && libraries, LD_BIND_NOW: "1", DYLD_LIBRARY_PATH: "/usr/lib" },
      );
      const [, pid] = await program.line(/^pid (\d+)/);
      const variables = await Deno.readTextFile(`/proc/${pid}/environ`);
      assertEquals(variables.includes("LD_LIBRARY_PATH=/usr/local/lib"), all);
      assertEquals(/LD_BIND_NOW=1/.test(variables), false);
    },
  );
}

testOfLinux("A task in a process finds the programs that it may run", async () => {
  await using program = run(
    `
    for (const run of [["true"], true, "inherit"]) {
      const executor = await Executor.start({ cpu: { isolation: "process", permissions: { run } } });
      const task = () => new Deno.Command("true").outputSync().success;
      console.log("ran", await executor.runCpu(task));
      await executor.shutdown();
    }
  `,
    ["--allow-run"],
    { ...home, PATH: "/usr/bin:/bin" },
  );
  for (let runs = 0; runs < 3; runs++) await program.line(/^ran true/);
});
