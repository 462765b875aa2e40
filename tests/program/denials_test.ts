import { dirname } from "node:path";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { hasLocks, hasProcesses, lacksProcesses, testUnless } from "../support/features.ts";
import { makeTempFolder, pathOf, Program } from "../support/processes.ts";

const root = new URL("../../", import.meta.url);
const runsDeno = `--allow-run=${Deno.execPath()}`;

type Asked = [Deno.PermissionDescriptor, mayTask: boolean];

/** What a pool is given, and what a task in a process may then: or how the error begins. */
type Row = [permissions: Deno.PermissionOptions, expected: Asked[] | string];

/** What a task may, and may not. */
const asked = (describe: (scope: string) => unknown) => (may: string, mayNot: string): Asked[] => {
  const each = (scopes: string, mayTask: boolean) =>
    scopes.split(" ").filter(Boolean).map((scope) => [describe(scope), mayTask] as Asked);
  return [...each(may, true), ...each(mayNot, false)];
};
const net = asked((host) => ({ name: "net", host }));
const env = asked((variable) => ({ name: "env", variable }));
const read = asked((path) => ({ name: "read", path }));
const write = asked((path) => ({ name: "write", path }));
const run = asked((command) => ({ name: "run", command }));
const sys = asked((kind) => ({ name: "sys", kind }));
const ffi = asked((path) => ({ name: "ffi", path }));
/** Deno's own file, which no program may write to that may run the file. */
const itself: Asked[] = [[{ name: "write", path: Deno.execPath() }, false]];
const imports = asked((host) => ({ name: "import", host }));

/** Programs that this system has: one that is denied, by its name and its path, and another one. */
const [deniedName, deniedPath, otherName] = Deno.build.os === "windows"
  ? ["cmd", `${Deno.env.get("SystemRoot")}\\System32\\cmd.exe`, "explorer"]
  : ["ls", "/bin/ls", "cat"];

const notAll = "this program has not got it, or not all of it";
const untold = "Deno does not tell whether";
const denies = "the program is denied some addresses or hosts";

/**
 * Whether an IPv4 address is the same in the form of IPv6.
 *
 * @see {@link https://github.com/denoland/deno/pull/33223}
 */
const mapsAddresses = !/^2\.[56]\./.test(Deno.version.deno);

/** The flags of a program, and what pools of it are given. */
const table: [flags: string, Row[]][] = [
  ["--allow-net --deny-net=127.0.0.1:8955,127.0.0.1:8957", [
    [{ net: ["127.0.0.1"] }, net("127.0.0.1:8956", "127.0.0.1:8955 127.0.0.1:8957 127.0.0.2")],
    [{ net: ["127.0.0.1:8956"] }, net("127.0.0.1:8956", "127.0.0.1:8955")],
    [{ net: ["127.0.0.1:8955"] }, notAll],
    [
      { net: ["[::ffff:127.0.0.1]"] },
      mapsAddresses
        ? net("127.0.0.1:8956", "127.0.0.1:8955")
        : net("", "127.0.0.1:8956 127.0.0.1:8955"),
    ],
    [{ net: true }, notAll],
    ["inherit", net("", "127.0.0.1:8955 127.0.0.1:8956")],
    [{ net: ["localhost"] }, denies],
    [{ net: ["localhost:8955"] }, denies],
    // The system's resolver takes these for addresses.
    [{ net: ["2130706433"] }, denies],
    [{ net: ["127.0.0.01"] }, denies],
    [{ net: ["127.0.0.0/8"] }, untold],
    [{ net: ["*.localhost"] }, untold],
    [{ net: [":8955"] }, untold],
    [{ net: ["::1"] }, untold],
  ]],
  ["--allow-net=127.0.0.1,localhost,[::1] --deny-net=127.0.0.1:8955,localhost:8956,[::1]:8957", [
    [{ net: ["127.0.0.1"] }, net("127.0.0.1:8956", "127.0.0.1:8955")],
    [{ net: ["[::1]"] }, net("[::1]:8955", "[::1]:8957")],
    [{ net: ["localhost"] }, denies],
  ]],
  ["--allow-net=LocalHost --deny-net=localhost:8956", [
    [{ net: ["LOCALHOST."] }, net("localhost:8955", "localhost:8956 LocalHost.:8956")],
  ]],
  ["--allow-net=api.example.com", [
    [{ net: ["api.example.com"] }, net("api.example.com api.example.com:443", "b.example.com")],
    [{ net: ["b.example.com"] }, notAll],
  ]],
  ["--allow-net=api.example.com --deny-net=169.254.0.0/16", [
    [{ net: ["api.example.com"] }, denies],
    [{ net: ["api.example.com:443"] }, denies],
  ]],
  ["--allow-net --deny-net=127.0.0.0/8:8955,unix:/tmp/denied", [
    [{ net: ["127.0.0.1"] }, net("127.0.0.1:8956", "127.0.0.1:8955")],
    [{ net: ["unix:/tmp/allowed"] }, net("unix:/tmp/allowed", "unix:/tmp/denied")],
    [{ net: ["unix:/tmp/denied"] }, notAll],
    [{ net: ["vsock:2:1234"] }, net("vsock:2:1234", "vsock:2:1235")],
    [{ net: ["0.0.0.0"] }, net("0.0.0.0:8955", "127.0.0.1:8955")],
  ]],
  ["--allow-net=*.example.com --unstable-subdomain-wildcards", [
    [{ net: ["a.example.com"] }, net("a.example.com", "b.example.com")],
    [{ net: ["*.example.com"] }, untold],
  ]],
  ["--allow-net", [
    [{ net: ["127.0.0.0/8"] }, net("127.0.0.1 127.1.2.3:80", "10.0.0.1")],
    [{ net: ["localhost"] }, net("localhost:1", "127.0.0.1")],
  ]],
  ["--allow-env --deny-env=HOUSE,DENIED_*", [
    [{ env: ["HO*"] }, env("HOPE", "HOUSE")],
    // As far as the program has such variables, as it has HOUSE and DENIED_ONE.
    [{ env: ["DEN*"] }, env("DENO_DIR DENO_NONE", "DENIED_ONE")],
    [{ env: ["HOUSE"] }, notAll],
    [{ env: ["DENIED_ONE"] }, notAll],
    [{ env: true }, notAll],
    ["inherit", env("", "HOUSE HOPE DENIED_ONE")],
  ]],
  ["--allow-env --ignore-env=HOUSE", [
    [{ env: ["HO*"] }, env("HOPE", "HOUSE")],
    [{ env: true }, notAll],
  ]],
  ["--allow-env=HO*,A", [
    [{ env: ["HO*"] }, env("HOPE HOUSE", "H A")],
    [{ env: ["AB*"] }, notAll],
  ]],
  ["--allow-env --allow-read", [
    [{ read: ["a,b"] }, "a comma cannot be said in a flag"],
  ]],
  ["--allow-read --deny-read=docs/tasks.ts", [
    [{ read: ["docs"] }, notAll],
    [{ read: ["docs/README.md"] }, read("docs/README.md", "docs/tasks.ts")],
    [{ read: ["src/../docs/tasks.ts"] }, notAll],
    [{ read: true }, notAll],
    ["inherit", read("", "docs/tasks.ts docs/README.md")],
  ]],
  ["--allow-read --ignore-read=docs/tasks.ts", [
    [{ read: ["docs"] }, notAll],
  ]],
  // Deno denies a program to overwrite what it may run.
  ["--allow-write", [
    [{ write: true }, notAll],
    [{ write: [dirname(Deno.execPath())] }, notAll],
    [{ write: ["docs"] }, [...write("docs/new.txt", ""), ...itself]],
    ["inherit", [...write("", "docs/new.txt"), ...itself]],
  ]],
  [`--allow-run --deny-run=${deniedName}`, [
    [{ run: true }, notAll],
    [{ run: [deniedName] }, notAll],
    [{ run: [deniedPath] }, notAll],
    [{ run: [otherName] }, run(otherName, deniedName)],
    ["inherit", run("", `${deniedName} ${otherName}`)],
  ]],
  ["--allow-sys --deny-sys=hostname", [
    [{ sys: true }, notAll],
    [{ sys: ["hostname"] }, notAll],
    [{ sys: ["loadavg"] }, sys("loadavg", "hostname")],
    ["inherit", sys("", "hostname loadavg")],
  ]],
  ["--allow-ffi --deny-ffi=docs/denied.so", [
    [{ ffi: true }, notAll],
    [{ ffi: ["docs"] }, notAll],
    [{ ffi: ["docs/other.so"] }, ffi("docs/other.so", "docs/denied.so")],
  ]],
  ["--allow-import --deny-import=127.0.0.1:8955", [
    [{ import: ["127.0.0.1"] }, imports("127.0.0.1:8956", "127.0.0.1:8955")],
    [{ import: true }, notAll],
    [{ import: ["localhost"] }, denies],
    ["inherit", imports("", "127.0.0.1:8955 127.0.0.1:8956")],
  ]],
];

/** Starts a pool for each of the permissions, and prints what the program and its tasks may. */
async function main(
  isolation: "worker" | "process",
  rows: [Deno.PermissionOptions, Deno.PermissionDescriptor[]][],
) {
  const { Executor } = await import("@genro/executor");
  const states = (ask: Deno.PermissionDescriptor[]) =>
    ask.map((descriptor) => Deno.permissions.querySync(descriptor).state === "granted");
  const outcomes = await Promise.all(rows.map(async ([permissions, ask]) => {
    try {
      await using executor = await Executor.start({ cpu: { isolation, permissions } });
      return { program: states(ask), task: await executor.runCpu(states, ask) };
    } catch (error) {
      return `${error}`;
    }
  }));
  for (const outcome of outcomes) console.log("outcome", JSON.stringify(outcome));
}

interface States {
  program: boolean[];
  task: boolean[];
}

/** Runs a function in a program with these flags. */
function programOf<A extends unknown[]>(
  flags: string,
  main: (...args: A) => Promise<void>,
  ...args: A
): Program {
  const source = `await (${main})(...${JSON.stringify(args)})`
    .replace('"@genro/executor"', JSON.stringify(new URL("mod.ts", root).href));
  return new Program([
    "run",
    "--quiet",
    "--no-prompt",
    `--config=${pathOf("deno.json")}`,
    ...flags.includes("--allow-run") ? [] : [runsDeno],
    // For the module that workers run.
    ...flags.includes("--allow-read") ? [] : [`--allow-read=${pathOf("")}`],
    ...flags.split(" "),
    `data:text/javascript,${encodeURIComponent(source)}`,
  ], { env: { DENIED_ONE: "1", HOUSE: "1" } });
}

/** What came of each row, in a program with these flags. */
async function outcomesOf(
  flags: string,
  isolation: "worker" | "process",
  rows: Row[],
): Promise<(States | string)[]> {
  const asks = rows.map(([permissions, expected]): Parameters<typeof main>[1][number] => [
    permissions,
    typeof expected === "string" ? [] : expected.map(([descriptor]) => descriptor),
  ]);
  await using program = programOf(flags, main, isolation, asks);
  const outcomes = [];
  for (const _ of rows) {
    const [, outcome] = await program.line(/^outcome (.*)/);
    outcomes.push(JSON.parse(outcome!));
  }
  return outcomes;
}

for (const [flags, rows] of table) {
  const denied = `has nothing that its program is denied, with ${flags}`;
  // An older Deno has no such flags.
  if (!hasLocks && /--ignore-|unix:/.test(flags)) continue;
  const lacksUnix = Deno.build.os === "windows" && flags.includes("unix:") &&
    "Deno has no Unix sockets on Windows";
  testUnless(lacksProcesses || lacksUnix)(`A process ${denied}`, async () => {
    const outcomes = await outcomesOf(flags, "process", rows);
    outcomes.forEach((outcome, i) => {
      const [permissions, expected] = rows[i]!;
      const what = `${JSON.stringify(permissions)}: ${JSON.stringify(outcome)}`;
      if (typeof expected === "string") {
        assert(typeof outcome === "string", what);
        assertMatch(outcome, /^WorkerStartError: Cannot give a process /);
        assert(outcome.includes(expected), what);
      } else {
        assert(typeof outcome === "object", what);
        assertEquals(outcome.task, expected.map(([, may]) => may), what);
        outcome.task.forEach((may, i) => assert(!may || outcome.program[i], what));
      }
    });
  });

  testUnless(lacksUnix)(`A worker ${denied}`, async () => {
    const outcomes = await outcomesOf(flags, "worker", rows);
    outcomes.forEach((outcome, i) => {
      const what = `${JSON.stringify(rows[i]![0])}: ${JSON.stringify(outcome)}`;
      if (typeof outcome === "string") {
        assert(typeof rows[i]![1] === "string", what);
        return assertMatch(outcome, /^WorkerStartError/);
      }
      outcome.task.forEach((may, i) => assert(!may || outcome.program[i], what));
    });
  });
}

Deno.test("A worker has no environment variables by a pattern that its program has not", async () => {
  const rows: Row[] = [[{ env: ["AB*"] }, env("", "ABC")], [{ env: ["A"] }, env("A", "ABC")]];
  const [refusal, states] = await outcomesOf("--allow-env=A", "worker", rows);
  assertMatch(
    `${refusal}`,
    /^WorkerStartError: .* env permission for "AB\*": this program has not/,
  );
  assertEquals(states, { program: [true, false], task: [true, false] });
});

/** Fetches from a port that the program is denied, and from another. */
async function fetchFrom(isolation: "worker" | "process", ports: number[]) {
  const { Executor } = await import("@genro/executor");
  const permissions = { net: ["127.0.0.1"] };
  await using executor = await Executor.start({ cpu: { isolation, permissions } });
  const text = async (port: number) => await (await fetch(`http://127.0.0.1:${port}`)).text();
  for (const port of ports) {
    const outcome = await executor.runCpu(text, port).catch((error) => error);
    console.log("outcome", `${outcome}`);
  }
}

/** Revokes a permission of the program after a worker has started, and has it replaced. */
async function revoke(isolation: "worker" | "process") {
  const { Executor } = await import("@genro/executor");
  const permissions = { net: ["127.0.0.1"] };
  await using executor = await Executor.start({ cpu: { isolation, permissions, maxWorkers: 1 } });
  Deno.permissions.revokeSync({ name: "net" });
  await executor.runCpu(() => Deno.exit()).catch(() => {});
  const error = await executor.runCpu(() => "started").catch((error) => error);
  console.log("outcome", `${error}`);
}

/** Runs a task of a module that is remote. */
async function importRemote(isolation: "worker" | "process", url: string) {
  const { Executor, tasksFrom } = await import("@genro/executor");
  const { answer } = tasksFrom<{ answer(): number }>(url);
  await using executor = await Executor.start({ cpu: { isolation, maxWorkers: 1 } });
  const error = await executor.runCpu(answer).catch((error) => error);
  console.log("outcome", `${error}`);
}

/** Starts workers whose code is elsewhere. */
async function startFrom(isolation: "worker" | "process", workerUrl: string) {
  const { Executor } = await import("@genro/executor");
  const cpu = { isolation, maxWorkers: 1 };
  const error = await Executor.start({ workerUrl, cpu }).catch((error) => error);
  console.log("outcome", `${error}`);
}

const isolations = hasProcesses ? ["worker", "process"] as const : ["worker"] as const;
for (const isolation of isolations) {
  Deno.test(`A ${isolation} fetches from no port that its program is denied`, async () => {
    const servers = ["denied", "allowed"].map((text) =>
      Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response(text))
    );
    const ports = servers.map(({ addr }) => addr.port);
    {
      const flags = `--allow-net --deny-net=127.0.0.1:${ports[0]}`;
      await using program = programOf(flags, fetchFrom, isolation, ports);
      await program.line(/^outcome NotCapable: Requires net access/);
      await program.line(/^outcome allowed/);
    }
    await Promise.all(servers.map((server) => server.shutdown()));
  });

  Deno.test(`A ${isolation} that starts when a permission was revoked has not got it`, async () => {
    await using program = programOf("--allow-net=127.0.0.1", revoke, isolation);
    const [, outcome] = await program.line(/^outcome (.*)/);
    assertMatch(outcome!, /^WorkerStartError: .*net permission for "127.0.0.1".*has not got/);
  });

  Deno.test(`A ${isolation} imports no task that its program may not`, async () => {
    const headers = { "Content-Type": "text/javascript" };
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      () => new Response("export const answer = () => 42;", { headers }),
    );
    const host = `127.0.0.1:${server.addr.port}`;
    const url = `http://${host}/${crypto.randomUUID()}.js`;
    const outcomes = { [`--allow-import=${host}`]: /^42$/, [`--deny-import=${host}`]: /^WorkerSt/ };
    for (const [flags, expected] of Object.entries(outcomes)) {
      await using program = programOf(flags, importRemote, isolation, url);
      const [, outcome] = await program.line(/^outcome (.*)/);
      assertMatch(outcome!, expected);
    }
  });

  Deno.test(`A ${isolation} runs code of a host of which one port is granted`, async () => {
    // As jsr.io:443 is by default. Nothing answers there.
    const url = "https://127.0.0.1/worker.ts";
    const outcomes = { "127.0.0.1:443": false, "127.0.0.1:80": true };
    for (const [host, isRefused] of Object.entries(outcomes)) {
      await using program = programOf(`--allow-import=${host}`, startFrom, isolation, url);
      const [, outcome] = await program.line(/^outcome (.*)/);
      assertMatch(outcome!, /^WorkerStartError/);
      assertEquals(outcome!.includes("may not import from 127.0.0.1:443"), isRefused, outcome);
    }
  });
}

const testOfProcesses = testUnless(lacksProcesses);
// Deno 2.5 and later take permissions from there with -P.
testOfProcesses("A process takes no permissions from its program's deno.json", async () => {
  const folder = await makeTempFolder();
  try {
    const config = {
      imports: { "@std/async/deadline": import.meta.resolve("@std/async/deadline") },
      permissions: {
        default: { read: true, run: true, net: { allow: true, deny: ["127.0.0.1:8955"] } },
      },
    };
    const rows: [Deno.PermissionOptions, Deno.PermissionDescriptor[]][] = [
      ["none", [{ name: "read" }, { name: "run" }, { name: "net" }]],
      [{ net: ["127.0.0.1"] }, [{ name: "net", host: "127.0.0.1:8955" }, { name: "read" }]],
    ];
    const source = `await (${main})("process", ${JSON.stringify(rows)})`
      .replace('"@genro/executor"', JSON.stringify(new URL("mod.ts", root).href));
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(config));
    await Deno.writeTextFile(`${folder}/main.js`, source);
    await using program = new Program(["run", "--quiet", "--no-prompt", "-P", "main.js"], {
      cwd: folder,
    });
    await program.line(/^outcome .*"program":\[true,true,true\],"task":\[false,false,false\]/);
    await program.line(/^outcome .*"program":\[false,true\],"task":\[false,false\]/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
