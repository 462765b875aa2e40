/** The small examples, each run by the command of its doc comment, on a port that is free. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { ExecutorStats } from "@genro/executor";
import { lacksLocks, lacksSignals, testUnless } from "../support/features.ts";
import { makeTempFolder, Program } from "../support/processes.ts";

/** A task with this limit ends only when it is cancelled. */
const ENDLESS = 1e15;
/** Where `Deno.serve` listens, whatever its program says. */
const DENO_SERVE_ADDRESS = "tcp:127.0.0.1:0";

/** An example that listens. */
class Example extends Program {
  url = "";

  /**
   * Starts it.
   *
   * @param path Where it is, in examples/.
   * @param flags What to add to its command.
   * @returns The example, listening.
   */
  static async start(path: string, ...flags: string[]): Promise<Example> {
    const source = await Deno.readTextFile(new URL(`../../examples/${path}`, import.meta.url));
    const [subcommand, ...rest] = /^ \* deno (.+)$/m.exec(source)![1]!.split(" ");
    const port = subcommand === "serve" ? ["--port=0"] : [];
    return await new Example(
      [subcommand!, "--no-prompt", ...port, ...flags, ...rest],
      // `deno serve` would need a permission for it.
      { env: { DENO_JOBS: "2", ...subcommand === "run" && { DENO_SERVE_ADDRESS } } },
    ).listening();
  }

  /** Waits until it listens. */
  async listening(): Promise<this> {
    const [, url] = await this.line(/Listening on (http:\S+)\//);
    this.url = url!.replace("0.0.0.0", "127.0.0.1");
    return this;
  }

  async get(path: string, init?: RequestInit): Promise<[status: number, body: unknown]> {
    const response = await fetch(this.url + path, init);
    const text = await response.text();
    const isJson = response.headers.get("Content-Type")?.startsWith("application/json");
    return [response.status, isJson ? JSON.parse(text) : text];
  }

  /** Checks that it ends in order on SIGINT, where there are signals. */
  async endsOnSignal(): Promise<void> {
    if (lacksSignals !== false) return;
    this.kill("SIGINT");
    assertEquals((await this.ended()).code, 0);
  }

  /** How many lines it has printed that begin so. */
  count(beginning: string): number {
    return this.printed.filter((line) => line.startsWith(beginning)).length;
  }
}

const examples: [path: string, ...flags: string[]][] = [
  ["frameworks/deno_serve.ts"],
  ["frameworks/declarative.ts"],
  ["frameworks/declarative.ts", "--parallel"],
  ["frameworks/hono.ts"],
  ["frameworks/oak.ts"],
];

for (const [path, ...flags] of examples) {
  const lacks = path === "frameworks/declarative.ts" && lacksLocks;
  const name = ["examples", path].join("/") + flags.map((flag) => ` with ${flag}`).join("");

  testUnless(lacks)(`${name} answers each of its endpoints`, async () => {
    await using example = await Example.start(path, ...flags);
    assertEquals(await example.get("/healthz"), [200, "ok"]);
    assertEquals(await example.get("/primes?below=1000"), [200, { primes: 168 }]);
    const [status, files] = await example.get("/files");
    assertEquals(status, 200);
    assert((files as string[]).includes("tasks.ts"));
    assertEquals((await example.get("/nothing"))[0], 404);
  });

  testUnless(lacks || lacksSignals)(`${name} finishes its requests on SIGINT`, async () => {
    await using example = await Example.start(path, ...flags);
    const slow = example.get("/primes?below=1000000");
    await example.line(/below 1000000$/);
    example.kill("SIGINT");
    assertEquals(await slow, [200, { primes: 78_498 }]);
    assertEquals((await example.ended()).code, 0);
  });

  testUnless(lacks)(
    `${name} cancels the tasks of clients that hang up`,
    async () => {
      await using example = await Example.start(path, ...flags);
      const client = new AbortController();
      const { signal } = client;
      // More than there are workers, so that some wait.
      const requests = Array.from({ length: navigator.hardwareConcurrency + 2 }, () => {
        return example.get(`/primes?below=${ENDLESS}`, { signal }).catch((error) => error.name);
      });
      await example.line(/^Counting/);
      assertEquals(await example.get("/healthz"), [200, "ok"]);
      client.abort();
      assertEquals(new Set(await Promise.all(requests)), new Set(["AbortError"]));
      // There are workers for others, and none has anything left to do.
      assertEquals(await example.get("/primes?below=1000"), [200, { primes: 168 }]);
      while (example.count("Counted") < example.count("Counting")) await example.line(/^Counted/);
      assert(!example.printed.some((line) => /error/i.test(line)), example.printed.join("\n"));
      await example.endsOnSignal();
    },
  );
}

Deno.test("The examples of frameworks have at most 30 lines each", async () => {
  for (const name of await namesOf("examples/frameworks")) {
    const path = `frameworks/${name}`;
    const source = await Deno.readTextFile(new URL(`../../examples/${path}`, import.meta.url));
    const lines = source.trimEnd().split("\n").length;
    assert(lines <= 30, `${path} has ${lines}`);
  }
});

for (const inline of [false, true]) {
  const where = inline ? "without Worker" : "with Worker";
  Deno.test(`examples/inline.ts answers ${where}, and says where its tasks run`, async () => {
    const flags = inline ? ["--preload=tests/fixtures/without_worker.ts"] : [];
    await using example = await Example.start("inline.ts", ...flags);
    assertEquals(example.printed.includes("Tasks run in workers"), !inline);
    assertEquals(
      example.printed.includes("No workers here: tasks run on the event loop"),
      inline,
    );
    assertEquals(await example.get("/primes?below=1000"), [200, { primes: 168 }]);
    assertEquals(await example.get("/files"), [200, await namesOf("examples")]);
    await example.endsOnSignal();
  });
}

async function namesOf(folder: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(new URL(`../../${folder}`, import.meta.url)));
  return entries.map(({ name }) => name).sort();
}

/** The folder examples/deploy by itself, with this package in the place of the published one. */
async function withDeployed(
  { unstable = true, env = {} }: { unstable?: boolean; env?: Record<string, string> },
  use: (example: Example) => Promise<void>,
): Promise<void> {
  const folder = await makeTempFolder();
  const original = new URL("../../examples/deploy/", import.meta.url);
  try {
    for (const name of ["main.ts", "tasks.ts"]) {
      await Deno.copyFile(new URL(name, original), `${folder}/${name}`);
    }
    const config = JSON.parse(await Deno.readTextFile(new URL("deno.json", original)));
    const root = import.meta.resolve("../../");
    config.imports = {
      "@genro/executor": `${root}mod.ts`,
      "@genro/executor/serve": `${root}serve.ts`,
      "@std/async/deadline": import.meta.resolve("@std/async/deadline"),
    };
    if (!unstable) delete config.unstable;
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(config));
    await using example = new Example(["run", "--allow-all", "main.ts"], {
      cwd: folder,
      env: { DENO_SERVE_ADDRESS, ...env },
    });
    await use(example);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

interface Stats extends ExecutorStats {
  memory: Deno.MemoryUsage;
}

/** What a deployed example tells of itself, when that is as it should be. */
async function statsWhen(example: Example, condition: (stats: Stats) => boolean): Promise<Stats> {
  const deadline = performance.now() + 90_000;
  while (true) {
    const stats = (await example.get("/stats"))[1] as Stats;
    if (condition(stats)) return stats;
    if (performance.now() > deadline) throw new Error(`Not within 90 s: ${condition}`);
  }
}

testUnless(lacksSignals)(
  "examples/deploy ends after its grace on SIGINT, whatever goes on",
  async () => {
    await withDeployed({}, async (example) => {
      await example.line(/permissions are "none"/);
      await example.listening();
      assertEquals(await example.get("/primes?below=1000"), [200, 168]);
      assertEquals(await example.get("/orders?rows=1000"), [200, 500_500]);
      assertEquals((await example.get("/nothing"))[0], 404);

      const blocked = example.get("/orders?rows=1000000000000");
      await statsWhen(example, ({ blocking }) => blocking.busy === 1);
      const endless = example.get(`/primes?below=${ENDLESS}`);
      await statsWhen(example, ({ cpu }) => cpu.busy === 1);
      // Short enough for the grace on a machine that is shared.
      const slow = example.get("/primes?below=200000");
      await statsWhen(example, ({ cpu }) => cpu.busy + cpu.queued + cpu.completed === 3);
      const begun = performance.now();
      example.kill("SIGINT");
      const stopping = [503, "The server is stopping"];
      assertEquals(await Promise.all([blocked, endless]), [stopping, stopping] as never);
      if (navigator.hardwareConcurrency > 1) assertEquals(await slow, [200, 17_984]);
      else await slow;
      assertEquals((await example.ended()).code, 0);
      const took = performance.now() - begun;
      // Four seconds of grace; a shared machine takes some more.
      assert(took < 10_000, `It took ${took} ms`);
    });
  },
);

testUnless(Deno.build.os !== "linux" && "Deno Deploy runs Linux")(
  "examples/deploy with all its workers fits in 768 MB",
  async () => {
    await withDeployed({}, async (example) => {
      const [, cores] = await example.line(/^CPU tasks: up to (\d+) workers/);
      await example.listening();
      const client = new AbortController();
      const { signal } = client;
      const paths = [`/orders?rows=1000000000000`, `/primes?below=${ENDLESS}`];
      const requests = paths.flatMap((path) => {
        return Array.from({ length: 16 }, () => example.get(path, { signal }).catch(() => {}));
      });
      const { memory } = await statsWhen(example, ({ blocking, cpu }) => {
        return blocking.busy === 16 && cpu.busy === Number(cores);
      });
      client.abort();
      await Promise.all(requests);
      assert(memory.rss < 768e6, `It has ${memory.rss / 1e6} MB`);
    });
  },
);

Deno.test("examples/deploy ends with exit code 70 where `unstable` is not honoured", async () => {
  await withDeployed({ unstable: false }, async (example) => {
    await example.line(/permissions are "none"/);
    await example.line(/worker-options/);
    assertEquals((await example.ended()).code, 70);
    assert(!example.printed.some((line) => line.includes("Listening")));
  });
});

Deno.test("examples/deploy runs there with CPU_PERMISSIONS=inherit, and says so", async () => {
  const env = { CPU_PERMISSIONS: "inherit" };
  await withDeployed({ unstable: false, env }, async (example) => {
    await example.line(/permissions are "inherit"/);
    await example.listening();
    assertEquals(await example.get("/primes?below=1000"), [200, 168]);
  });
});

Deno.test("examples/deploy refuses other CPU_PERMISSIONS", async () => {
  await withDeployed({ env: { CPU_PERMISSIONS: "all" } }, async (example) => {
    const [message] = await example.line(/Cannot use CPU_PERMISSIONS.*/);
    assertStringIncludes(message, 'received "all"');
    assertEquals((await example.ended()).code, 1);
  });
});
