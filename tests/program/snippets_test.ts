/**
 * Each server that README, the guide and the examples of frameworks show, with a full queue, with a
 * client that leaves, and when it is told to end.
 */

import { assert, assertEquals } from "@std/assert";
import { lacksLocks, lacksSignals, testUnless } from "../support/features.ts";
import { makeTempFolder, Program } from "../support/processes.ts";

const root = new URL("../../", import.meta.url);

interface Served {
  name: string;
  code: string;
  /** What its client asks for. */
  path: string;
  /** How that is answered. */
  status: number;
  /** Whether its clients have WebSockets. */
  upgrades: boolean;
}

const served: Served[] = [];
for (const page of ["README.md", ...await pagesOf("docs")]) {
  const text = await Deno.readTextFile(new URL(page, root));
  const snippets = Array.from(text.matchAll(/```ts( ignore)?\n(.*?)```/gs), ([, , code]) => code!)
    .filter((code) => code.includes('"@genro/executor/serve"'));
  for (const [i, code] of snippets.entries()) {
    served.push({
      name: `${page}, server ${i + 1}`,
      code: serverOf(code),
      path: "/",
      status: code.includes("status: 504") ? 504 : 200,
      upgrades: code.includes("upgradeWebSocket"),
    });
  }
}
for (const name of ["declarative", "deno_serve", "graphql_yoga", "hono", "oak"]) {
  const url = new URL(`examples/frameworks/${name}.ts`, root);
  const code = await Deno.readTextFile(url);
  served.push({
    name: `examples/frameworks/${name}.ts`,
    code: code.replace("./tasks.ts", new URL("tasks.ts", url).href),
    path: name === "graphql_yoga" ? "/graphql?query={primes(below:1000)}" : "/primes?below=1000",
    status: 200,
    upgrades: false,
  });
}

async function pagesOf(folder: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(new URL(folder, root)));
  return entries.map(({ name }) => `${folder}/${name}`).filter((name) => name.endsWith(".md"));
}

/** A snippet without its client: that is the test here. */
function serverOf(code: string): string {
  const begin = code.search(/^(await using|const) server = await serve\(/m);
  if (begin < 0) return code;
  const end = begin + /^\}.*\);$/m.exec(code.slice(begin))!.index;
  return code.slice(0, code.indexOf("\n", end)) + "\nawait server.finished;\n";
}

/** A server that listens, in a folder of its own. */
class Server extends Program {
  url = "";

  static async start(folder: string, { code }: Served, full: boolean): Promise<Server> {
    const pressed = import.meta.resolve("../fixtures/pressed.ts");
    const imports = {
      "@genro/executor": pressed,
      "@genro/executor/serve": pressed,
      "@std/assert": import.meta.resolve("@std/assert"),
      "@std/async/deadline": import.meta.resolve("@std/async/deadline"),
    };
    const config = { imports, unstable: ["worker-options", "no-legacy-abort"], lock: false };
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(config));
    await Deno.writeTextFile(`${folder}/main.ts`, code);
    const command = code.includes("export default")
      ? ["serve", "--host=127.0.0.1", "--port=0"]
      : ["run"];
    const server = new Server([...command, "--no-check", "--allow-all", "main.ts"], {
      cwd: folder,
      env: full ? { FULL: "1" } : {},
    });
    const [, url] = await server.line(/Listening on (http:\S+)\//);
    server.url = url!;
    return server;
  }

  /** Waits until its counts are these; the pools of a new executor have one queue each. */
  async counts(queued: number, cancelled: number): Promise<void> {
    await this.line(new RegExp(`^queued ${queued}, cancelled ${cancelled}$`));
  }
}

/** How a server answers: an HTTP status, or what happens to a WebSocket that sends a message. */
async function ask({ url }: Server, { path, upgrades }: Served, signal?: AbortSignal) {
  if (!upgrades) {
    const response = await fetch(url + path, { signal });
    await response.body?.cancel();
    return { status: response.status, retryAfter: response.headers.get("retry-after") };
  }
  const socket = new WebSocket(url.replace("http", "ws") + path);
  signal?.addEventListener("abort", () => socket.close());
  socket.onopen = () => socket.send("hello");
  return await new Promise<{ data?: string; code?: number }>((resolve) => {
    socket.onmessage = ({ data }) => {
      resolve({ data });
      socket.close();
    };
    socket.onclose = ({ code }) => resolve({ code });
  });
}

const cases: Record<string, (folder: string, snippet: Served) => Promise<void>> = {
  async "refuses what a full queue cannot take"(folder, snippet) {
    await using server = await Server.start(folder, snippet, true);
    const refused = snippet.upgrades ? { code: 1013 } : { status: 503, retryAfter: "1" };
    assertEquals(await ask(server, snippet), refused as never);
  },
  async "aborts what runs for a client that leaves"(folder, snippet) {
    await using server = await Server.start(folder, snippet, false);
    const client = new AbortController();
    const asked = ask(server, snippet, client.signal).catch(() => {});
    await server.counts(1, 0);
    client.abort();
    await server.counts(0, 1);
    await asked;
    // That a client has left is no error; Yoga's logger calls it one.
    const errors = server.printed.filter((line) => /error/i.test(line));
    if (!snippet.name.includes("yoga")) assertEquals(errors, []);
  },
  async "finishes what is in flight on SIGTERM"(folder, snippet) {
    await using server = await Server.start(folder, snippet, false);
    const asked = ask(server, snippet);
    await server.counts(1, 0);
    server.kill("SIGTERM");
    const { status, upgrades } = snippet;
    const answer = upgrades ? { data: "HELLO" } : { status, retryAfter: null };
    assertEquals(await asked, answer as never);
    assertEquals((await server.ended()).code, 0);
  },
};

Deno.test("README and the guide show servers", () => {
  assert(served.filter(({ name }) => name.startsWith("README")).length >= 1);
  assert(served.filter(({ name }) => name.startsWith("docs/")).length >= 5);
});

for (const snippet of served) {
  for (const [what, check] of Object.entries(cases)) {
    const test = testUnless(lacksLocks || what.includes("SIGTERM") && lacksSignals);
    test(`${snippet.name} ${what}`, async () => {
      const folder = await makeTempFolder();
      try {
        await check(folder, snippet);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    });
  }
}
