/**
 * What a task without permissions reaches, in a worker and in a process. Each hole is a canary:
 * when one of these fails, Deno or the executor has closed a hole, or there is a new one.
 * SECURITY.md and docs/deno-issues.md say what follows from each.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { lacksLocks, lacksProc, testUnless } from "../support/features.ts";
import { pathOf } from "../support/processes.ts";

type Isolation = "worker" | "process";
type State = "open" | "closed";

/** The holes by the names they have in SECURITY.md, and whether they are there. */
const known: Record<string, Record<Isolation, State>> = {
  "standard input": { worker: "open", process: "closed" },
  "arguments": { worker: "open", process: "closed" },
  "paths and process ids": { worker: "open", process: "open" },
  "process title": { worker: "open", process: "closed" },
  "caches": { worker: "open", process: "closed" },
  "localStorage": { worker: "closed", process: "closed" },
  "Deno.openKv()": { worker: "closed", process: "closed" },
  "BroadcastChannel": { worker: "open", process: "closed" },
  "navigator.locks": { worker: "open", process: "closed" },
  "permission prompts": { worker: "open", process: "closed" },
  "npm packages": { worker: "open", process: "open" },
  "open files": { worker: "open", process: "closed" },
  "open connections": { worker: "open", process: "closed" },
  "closing descriptors": { worker: "open", process: "closed" },
  "signal listeners": { worker: "open", process: "closed" },
  "WebGPU": { worker: "open", process: "open" },
  "process.kill(process.pid)": { worker: "open", process: "closed" },
  "node:net listening on a descriptor": { worker: "open", process: "closed" },
  "unstable APIs": { worker: "open", process: "closed" },
  "deeply nested code": { worker: "open", process: "closed" },
  "node:module stripTypeScriptTypes()": { worker: "open", process: "closed" },
  "failing output": { worker: "open", process: "closed" },
  "rewritten output": { worker: "open", process: "closed" },
  "inherited descriptors": { worker: "open", process: "open" },
  "a stopped process": { worker: "closed", process: "open" },
};

/** The holes that end the program if they are open. */
const endings = [
  "process.kill(process.pid)",
  "node:net listening on a descriptor",
  "unstable APIs",
  "deeply nested code",
  "node:module stripTypeScriptTypes()",
];

/** What it says that something is refused: in the words of Deno, libuv, SQLite and WASI. */
const REFUSAL =
  /NotCapable|Requires \w+ access|EPERM|too many attached databases|failed to open preopen|not supported in workers/;

const test = testUnless(lacksProc || lacksLocks);
const isolations = ["worker", "process"] as const;
const program = pathOf("tests/fixtures/holes/program.ts");
const security = await Deno.readTextFile(new URL("../../SECURITY.md", import.meta.url));

/** Lets two programs run at a time. */
class Slots {
  #free = 2;
  readonly #waiting: (() => void)[] = [];

  async use<T>(call: () => Promise<T>): Promise<T> {
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#free--;
    try {
      return await call();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}

const slots = new Slots();

interface Ended extends Deno.CommandStatus {
  /** What the program found out, if it came to the end. */
  // deno-lint-ignore no-explicit-any -- as the program says
  found: any;
  printed: number;
  errors: string;
}

interface RunOptions {
  /** Put before the program by a shell. */
  redirections?: string;
  env?: Record<string, string>;
}

async function run(
  isolation: Isolation,
  mode: string,
  name = "",
  { redirections = "", env }: RunOptions = {},
): Promise<Ended> {
  // The program may prompt: it has no terminal for it.
  const args = ["run", "--quiet", "--no-check", "--allow-all", "--unstable-kv", program];
  return await slots.use(async () => {
    const child = new Deno.Command("sh", {
      args: ["-c", `exec "$0" "$@" ${redirections}`, Deno.execPath(), ...args]
        .concat(isolation, mode, name, "--secret"),
      env: { NO_COLOR: "1", SECRET: "secret", ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
    const writer = child.stdin.getWriter();
    // A program that has ended by then reads nothing.
    writer.write(new TextEncoder().encode("secret\n")).catch(() => {});
    writer.close().catch(() => {});
    const reading = new Response(child.stderr).text();
    // Output is read late, so that the program has met a full pipe.
    const late = Promise.withResolvers<void>();
    const reader = setTimeout(late.resolve, 1_000);
    await Promise.race([reading, late.promise]);
    clearTimeout(reader);
    const { byteLength } = await new Response(child.stdout).arrayBuffer();
    const errors = await reading;
    clearTimeout(timer);
    const found = /^FOUND (.*)$/m.exec(errors)?.[1];
    return {
      ...await child.status,
      found: found === undefined ? undefined : JSON.parse(found),
      printed: byteLength,
      errors,
    };
  });
}

const once = new Map<string, Promise<Ended>>();

/** Runs a mode that tells of several holes; once. */
function told(isolation: Isolation, mode: string, options?: RunOptions): Promise<Ended> {
  const key = `${isolation} ${mode}`;
  if (!once.has(key)) once.set(key, run(isolation, mode, "", options));
  return once.get(key)!;
}

/** Runs a task that ends the program: of these some do so nearly each time. */
async function runToItsEnd(isolation: Isolation, name: string): Promise<Ended> {
  let ended = await run(isolation, "ends", name);
  for (let attempt = 1; attempt < 4 && known[name]![isolation] === "open"; attempt++) {
    if (ended.found !== "survived") break;
    ended = await run(isolation, "ends", name);
  }
  return ended;
}

/** Checks that a hole is where SECURITY.md says. */
function assertState(name: string, isolation: Isolation, isOpen: boolean, ended: Ended): void {
  const state = known[name]![isolation];
  assertEquals(
    isOpen ? "open" : "closed",
    state,
    state === "open"
      ? `The hole "${name}" is closed in a ${isolation}: remove it from the table here, from ` +
        `SECURITY.md and from docs/deno-issues.md\n${ended.errors}`
      : `The hole "${name}" is open in a ${isolation}: add it to SECURITY.md\n${ended.errors}`,
  );
  const isListed = security.includes(`| ${name} `);
  assertEquals(isListed, Object.values(known[name]!).includes("open"), `SECURITY.md, "${name}"`);
}

for (const isolation of isolations) {
  test(`Canary: what a ${isolation} without permissions reaches`, async (t) => {
    const asked: string[] = [];
    await using registry = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (r) => {
      const { pathname } = new URL(r.url);
      if (pathname === "/asked") return Response.json(asked);
      asked.push(pathname);
      return new Response(null, { status: 404 });
    });
    const env = { NPM_CONFIG_REGISTRY: `http://127.0.0.1:${registry.addr.port}/` };
    const modes = ["reached", "descriptors", "gpu"];
    await Promise.all(modes.map((mode) => told(isolation, mode, { env })));
    for (const mode of modes) {
      const ended = await told(isolation, mode);
      assert(ended.found !== undefined, `${mode} did not end\n${ended.errors}`);
      for (const [name, isOpen] of Object.entries<boolean>(ended.found)) {
        await t.step(name, () => assertState(name, isolation, isOpen, ended));
      }
    }
  });

  test(`Canary: how a ${isolation} without permissions ends its program`, async (t) => {
    const all = await Promise.all(endings.map((name) => runToItsEnd(isolation, name)));
    for (const [i, name] of endings.entries()) {
      await t.step(name, () => {
        const isOpen = all[i]!.found !== "survived";
        assertState(name, isolation, isOpen, all[i]!);
      });
    }
  });

  test(`Canary: what a ${isolation} without permissions does to signals and descriptors`, async (t) => {
    const path = await Deno.makeTempFile();
    const log = await Deno.makeTempFile();
    const [signals, output, rewritten, inherited] = await Promise.all([
      run(isolation, "signals"),
      run(isolation, "output"),
      run(isolation, "log", "", { redirections: `>> '${log}'` }),
      run(isolation, "inherited", "", { redirections: `8>> '${path}'` }),
    ]);
    const isForged = (await Deno.readTextFile(path)).includes("forged");
    const isRewritten = !(await Deno.readTextFile(log)).includes("honest");
    await Promise.all([Deno.remove(path), Deno.remove(log)]);
    const states: [name: string, isOpen: boolean, ended: Ended][] = [
      ["signal listeners", signals.signal !== "SIGTERM", signals],
      ["failing output", output.printed < 1_000_000, output],
      ["rewritten output", isRewritten, rewritten],
      ["inherited descriptors", isForged, inherited],
    ];
    for (const [name, isOpen, ended] of states) {
      await t.step(name, () => assertState(name, isolation, isOpen, ended));
    }
  });

  test(`Executor refuses a ${isolation} without permissions what they are for`, async (t) => {
    const { found, errors } = await run(isolation, "refused");
    assert(found !== undefined, errors);
    for (const [name, said] of Object.entries<string>(found)) {
      await t.step(name, () => assertMatch(said, REFUSAL));
    }
  });
}

test("Canary: a process that has stopped itself outlives its program", async () => {
  // A pipe would stay open as long as the process is there.
  const log = await Deno.makeTempFile();
  const ended = await run("process", "orphan", "", { redirections: `> '${log}' 2>&1` });
  const pid = Number(/^\d+$/m.exec(await Deno.readTextFile(log))![0]);
  await Deno.remove(log);
  // It looks after its program every half second, if it can.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  let isThere = true;
  try {
    Deno.kill(pid, "SIGKILL");
  } catch {
    isThere = false;
  }
  assertState("a stopped process", "process", isThere, ended);
});
