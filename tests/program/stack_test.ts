import { assertEquals } from "@std/assert";
import { hasLocks, hasProcesses } from "../support/features.ts";
import { configFor, copyPackage, urlOf, writeFiles } from "../support/package_copy.ts";

/** A URL has other characters than a path for each of these, and a stack now and then either. */
const OUTER = "a b#é%41", INNER = "c d %zz;ü";

const files = {
  "tasks.ts": `
    export function fails() { throw new Error("thrown", { cause: new Error("cause") }); }
    export async function failsLater() {
      await Promise.resolve();
      throw new AggregateError([new Error("part")], "thrown");
    }
  `,
  "main.ts": `
    import { Executor, tasksFrom } from "@genro/executor";
    import { serve } from "@genro/executor/serve";
    const { fails, failsLater } = tasksFrom(import.meta, () => import("./tasks.ts"));
    const calls = {
      fails: (runner) => runner.runCpu(fails),
      failsLater: (runner) => runner.runBlocking(failsLater),
      sent: (runner) => runner.runCpu(function sent() { throw new Error("thrown"); }),
    };
    async function caller(call: Promise<unknown>) {
      await call;
    }
    for (const isolation of Deno.args) {
      const options = { isolation };
      await using executor = await Executor.start({ blocking: options, cpu: options });
      for (const [name, call] of Object.entries(calls)) {
        const error = await caller(call(executor)).catch((error) => error);
        console.log("## " + name + ".stack\\n" + error.stack);
        console.log("## " + name + ", printed\\n", error);
      }
    }
    await using server = await serve(async function handler(_, { executor }) {
      const error = await calls.sent(executor).catch((error) => error);
      return new Response(error.stack);
    }, { hostname: "127.0.0.1", port: 0, onListen() {} });
    const response = await fetch("http://127.0.0.1:" + server.addr.port);
    console.log("## in a server\\n" + await response.text());
    await using executor = await Executor.start();
    await caller(calls.fails(executor));
  `,
};

/** The frames of each error, sorted: whose they are, and in which file. */
const CAUGHT = {
  "fails.stack": ["caller main.ts", "fails tasks.ts", "main.ts"],
  "fails, printed": ["caller main.ts", "fails tasks.ts", "fails tasks.ts", "main.ts"],
  "failsLater.stack": ["caller main.ts", "failsLater tasks.ts", "main.ts"],
  "failsLater, printed": [
    "caller main.ts",
    "failsLater tasks.ts",
    "failsLater tasks.ts",
    "main.ts",
  ],
  "sent.stack": ["caller main.ts", "main.ts", "sent task:sent"],
  "sent, printed": ["caller main.ts", "main.ts", "sent task:sent"],
};
const IN_SERVER = ["handler main.ts", "sent task:sent"];
const UNCAUGHT = ["fails tasks.ts", "caller main.ts", "main.ts", "fails tasks.ts"];

/** Where Deno is started, and whether the package is in the program's folder or comes by HTTP. */
const cases: { from: string; cwd: (folders: string[]) => string; remote?: true }[] = [
  { from: "the root", cwd: ([base]) => /^(?:[A-Z]:)?[\\/]/i.exec(base!)![0] },
  { from: "an odd folder around it", cwd: ([, outer]) => outer! },
  { from: "the program's folder", cwd: ([, , inner]) => inner! },
  { from: "the package's folder", cwd: ([, , inner]) => `${inner!}/package` },
  {
    from: "the program's folder, with a remote package",
    cwd: ([, , inner]) => inner!,
    remote: true,
  },
];

const isolations = ["worker", ...hasProcesses ? ["process"] : []];

for (const { from, cwd, remote } of cases) {
  Deno.test(`A stack shows the program's frames and none of ours, started from ${from}`, async () => {
    const base = await Deno.realPath(await Deno.makeTempDir());
    const inner = `${base}/${OUTER}/${INNER}`;
    const copy = `${inner}/package`;
    await using server = remote && servePackage(urlOf(copy));
    try {
      await copyPackage(copy);
      const config = configFor(server ? server.url : urlOf(copy));
      await writeFiles(inner, { ...files, "deno.json": config });
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "--allow-all",
          "--no-prompt",
          "--no-check",
          "--quiet",
          `${inner}/main.ts`,
          ...isolations,
        ],
        cwd: cwd([base, `${base}/${OUTER}`, inner]),
        env: { NO_COLOR: "1", ...remote && { DENO_DIR: `${base}/cache` } },
        signal: AbortSignal.timeout(60_000),
      }).output();
      const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
      const found = out!.split(/^## /m).slice(1).map((part) => {
        const [name, ...lines] = part.split("\n");
        return [name, framesIn(lines).sort()];
      });
      const caught = isolations.flatMap(() => Object.entries(CAUGHT));
      assertEquals(found, [...caught, ["in a server", IN_SERVER]], out! + err);
      assertEquals(code, 1, err);
      // An older Deno shows none of an error that was thrown elsewhere.
      const uncaught = framesIn(err!.split("\n"));
      assertEquals(uncaught, hasLocks || uncaught.length > 0 ? UNCAUGHT : [], err);
    } finally {
      await Deno.remove(base, { recursive: true });
    }
  });
}

/** Who each frame of a stack is of, and the name of its file, but for Deno's own. */
function framesIn(lines: string[]): string[] {
  return lines.flatMap((line) => {
    const frame = /^ +at (?:async )?(?:(\S+) \()?(.*?)(?:, <anonymous>)?:\d+:\d+\)?(?: \{)?$/.exec(
      line,
    );
    if (frame === null) return [];
    const [, name, url] = frame;
    if (url!.startsWith("ext:")) return [];
    // Whatever it is called, a file of ours is not to be there.
    const file = url!.slice(url!.lastIndexOf("/") + 1);
    return [name === undefined ? file : `${name} ${file}`];
  });
}

/** Serves a copy of the package at a URL part of which begins like an encoded character. */
function servePackage(copy: URL): { url: string } & AsyncDisposable {
  const path = "/%zz%20b%41/";
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async ({ url }) => {
    const source = await Deno.readTextFile(new URL(new URL(url).pathname.slice(path.length), copy));
    return new Response(source, { headers: { "Content-Type": "application/typescript" } });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}${path}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
