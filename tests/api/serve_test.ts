import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Executor, QueueFullError, WorkerStartError } from "@genro/executor";
import { type ExecutorServer, lifespan, serve, type ServeHandler } from "@genro/executor/serve";
import { makeTempFolder, Program } from "../support/processes.ts";
import { until } from "../support/waiting.ts";
import { lacksLocks, lacksSignals, testUnless } from "../support/features.ts";

const testOfSignals = testUnless(lacksSignals);
const testOfDenoServe = testUnless(lacksSignals || lacksLocks);
const testOfUnixSockets = testUnless(
  Deno.build.os === "windows" && "Deno has no Unix sockets on Windows",
);

const loopback = { hostname: "127.0.0.1", port: 0, onListen: () => {} };

function urlOf({ addr }: ExecutorServer): string {
  return `http://127.0.0.1:${addr.port}`;
}

async function get(url: string, init?: RequestInit): Promise<[status: number, text: string]> {
  const response = await fetch(url, init);
  return [response.status, await response.text()];
}

/** The program of fixtures/serving.ts. */
class Server extends Program {
  url = "";

  static async start(options: Record<string, unknown> = {}): Promise<Server> {
    const server = new Server([
      "run",
      "--allow-net=127.0.0.1",
      "--allow-read",
      "--no-prompt",
      "tests/fixtures/serving.ts",
      JSON.stringify(options),
    ]);
    const [, port] = await server.line(/^port (\d+)/);
    server.url = `http://127.0.0.1:${port}`;
    return server;
  }
}

Deno.test("serve() gives its handler an executor, and starts it before the port is open", async () => {
  const executor = new Executor();
  let runningWhenListening: boolean | undefined;
  await using server = await serve(async (_, { executor, remoteAddr }) => {
    const double = await executor.runCpu((n: number) => n * 2, 21);
    return Response.json([double, (remoteAddr as Deno.NetAddr).hostname]);
  }, {
    ...loopback,
    executor,
    onListen: () => runningWhenListening = executor.isRunning,
  });
  assertEquals(runningWhenListening, true);
  assertEquals(server.executor, executor);
  assertEquals(await get(urlOf(server)), [200, '[42,"127.0.0.1"]']);
  await server.shutdown();
  assertEquals(executor.isRunning, false);
  await assertRejects(() => fetch(urlOf(server)));
});

Deno.test("serve() rejects before the port is open if the executor cannot start", async () => {
  let listened = false;
  const OriginalWorker = Worker;
  try {
    globalThis.Worker = undefined as unknown as typeof Worker;
    await assertRejects(
      () => serve(() => new Response(), { ...loopback, onListen: () => listened = true }),
      WorkerStartError,
    );
  } finally {
    globalThis.Worker = OriginalWorker;
  }
  assertEquals(listened, false);
});

Deno.test("serve() rejects if the port is in use, and ends the executor it has started", async () => {
  await using server = await serve(() => new Response("first"), loopback);
  const { port } = server.addr;
  const executor = new Executor();
  const again = () => serve(() => new Response(), { ...loopback, port, executor });
  await assertRejects(again, Deno.errors.AddrInUse);
  assertEquals(executor.isRunning, false);
  await executor.startup();
  await assertRejects(again, Deno.errors.AddrInUse);
  assertEquals(executor.isRunning, true, "it was started by somebody else");
  await executor.shutdown();
  assertEquals(await get(urlOf(server)), [200, "first"]);
});

Deno.test("serve() refuses what makes no sense", async () => {
  const handler = () => new Response();
  await assertRejects(
    () => serve(42 as unknown as ServeHandler, loopback),
    TypeError,
    "expected a function, received number",
  );
  for (const grace of [-1, NaN]) {
    await assertRejects(() => serve(handler, { ...loopback, grace }), RangeError, "grace");
  }
  const reason = new Error("never mind");
  const signal = AbortSignal.abort(reason);
  assertEquals(await serve(handler, { ...loopback, signal }).catch((error) => error), reason);
  const controller = new AbortController();
  const executor = new Executor();
  const starting = serve(handler, { ...loopback, executor, signal: controller.signal });
  controller.abort(reason);
  assertEquals(await starting.catch((error) => error), reason);
  assertEquals(executor.isRunning, false);
});

Deno.test("serve() cancels the tasks of a request whose client hangs up", async () => {
  const executor = new Executor({ cpu: { maxWorkers: 1 } });
  await using server = await serve(async (_, { executor }) => {
    const task = () => new Promise<void>(() => {});
    await Promise.all([executor.runCpu(task), executor.runCpu(task)]);
    return new Response();
  }, { ...loopback, executor });
  const client = new AbortController();
  const request = fetch(urlOf(server), { signal: client.signal });
  await until(() => executor.stats().cpu.busy === 1 && executor.stats().cpu.queued === 1);
  client.abort();
  await assertRejects(() => request);
  await until(() => executor.stats().cpu.cancelled === 2);
  const { queued, busy } = executor.stats().cpu;
  assert(queued === 0 && busy <= 1);
});

Deno.test("serve() answers for a handler that throws", async () => {
  const executor = new Executor({ cpu: { maxWorkers: 1, maxQueue: 1 } });
  const log = console.error;
  const printed: unknown[] = [];
  console.error = (...args) => printed.push(...args);
  try {
    await using server = await serve(async (request, { executor }) => {
      switch (new URL(request.url).pathname) {
        case "/sync":
          throw new RangeError("at once");
        case "/nothing":
          return undefined as unknown as Response;
        case "/full": {
          const sleep = () => new Promise((resolve) => setTimeout(resolve, 20));
          await Promise.all([1, 2, 3].map(() => executor.runCpu(sleep)));
        }
      }
      return await executor.runCpu(() => {
        throw new RangeError("in a task");
      });
    }, { ...loopback, executor });
    assertEquals(await get(`${urlOf(server)}/sync`), [500, "Internal Server Error"]);
    assertEquals(await get(`${urlOf(server)}/task`), [500, "Internal Server Error"]);
    assertEquals((await get(`${urlOf(server)}/nothing`))[0], 500);
    assertEquals(await get(`${urlOf(server)}/full`), [503, "Too much to do, try again"]);
  } finally {
    console.error = log;
  }
  const messages = printed.map((error) => (error as Error).message);
  assertEquals(messages.slice(0, 2), ["at once", "in a task"]);
  assertEquals(printed.filter((error) => error instanceof QueueFullError), []);
});

Deno.test("serve() leaves errors to onError", async () => {
  await using server = await serve(() => {
    throw new RangeError("mine");
  }, { ...loopback, onError: (error) => new Response((error as Error).message, { status: 418 }) });
  assertEquals(await get(urlOf(server)), [418, "mine"]);
});

Deno.test("serve() stops with its signal, as with shutdown()", async () => {
  const controller = new AbortController();
  const server = await serve(async (_, { executor }) => {
    return new Response(await executor.runCpu(() => "done"));
  }, { ...loopback, signal: controller.signal });
  assertEquals(await get(urlOf(server)), [200, "done"]);
  controller.abort();
  await server.finished;
  assertEquals(server.executor.isRunning, false);
  // It has ended, and ending it again changes nothing.
  await server.shutdown();
});

testOfUnixSockets("serve() listens on a socket", async () => {
  const folder = await makeTempFolder();
  const path = `${folder}/socket`;
  try {
    const server = await serve(
      (_, { executor }) => executor.runCpu(() => 1).then(() => new Response("ok")),
      {
        path,
      },
    );
    using client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
    const response = await fetch("http://localhost/", { client });
    assertEquals(await response.text(), "ok");
    await server.shutdown();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("serve() can be had twice in one process", async () => {
  await using one = await serve(() => new Response("one"), loopback);
  const other = await serve(() => new Response("other"), loopback);
  assertEquals(await get(urlOf(other)), [200, "other"]);
  await other.shutdown();
  assertEquals([one.executor.isRunning, other.executor.isRunning], [true, false]);
  assertEquals(await get(urlOf(one)), [200, "one"]);
});

Deno.test("serve() ends what has not ended after its grace", async () => {
  for (const grace of [0, 50]) {
    const handler: ServeHandler = async (request, { executor }) => {
      if (request.url.endsWith("/hang")) await new Promise(() => {});
      await executor.runCpu(() => new Promise(() => {}));
      return new Response();
    };
    const server = await serve(handler, { ...loopback, grace });
    const hanging = get(`${urlOf(server)}/hang`);
    const running = get(`${urlOf(server)}/run`);
    await until(() => server.executor.stats().cpu.busy === 1);
    const begun = performance.now();
    await server.shutdown();
    assert(performance.now() - begun < grace + 10_000);
    const stopping = [503, "The server is stopping"];
    assertEquals(await Promise.all([hanging, running]), [stopping, stopping] as never);
    assertEquals(server.executor.stats().cpu.workers, 0);
  }
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  testOfSignals(
    `serve() finishes requests and tasks on ${signal}, and its program ends`,
    async () => {
      await using server = await Server.start();
      const slow = get(`${server.url}/block?ms=400`);
      await server.line(/^got .block/);
      // A task that no request waits for.
      assertEquals(await get(`${server.url}/background?ms=600`), [200, "begun"]);
      server.kill(signal);
      assertEquals(await slow, [200, "blocked"]);
      await server.line(/^blocked/);
      await server.line(/^finished {"running":false}/);
      assertEquals((await server.ended()).code, 0);
    },
  );
}

testOfSignals("serve() ends a blocked task after its grace, and its program ends", async () => {
  await using server = await Server.start({ grace: 100 });
  const blocked = get(`${server.url}/block?ms=30000`);
  await server.line(/^got .block/);
  const begun = performance.now();
  server.kill("SIGTERM");
  assertEquals(await blocked, [503, "The server is stopping"]);
  assertEquals((await server.ended()).code, 0);
  assert(performance.now() - begun < 15_000);
});

testOfSignals("serve() ends at once on a second signal", async () => {
  await using server = await Server.start({ grace: 60_000 });
  const hanging = get(`${server.url}/hang`);
  await server.line(/^got .hang/);
  server.kill("SIGTERM");
  // It listens no more when it has begun to stop.
  while (await fetch(server.url).then((response) => response.text(), () => undefined));
  server.kill("SIGINT");
  assertEquals(await hanging, [503, "The server is stopping"]);
  await server.line(/^finished/);
  assertEquals((await server.ended()).code, 0);
});

for (const polite of [true, false]) {
  const how = polite ? "ends with `stopping`" : "does not end";
  testOfSignals(`serve() stops though an event stream ${how}`, async () => {
    await using server = await Server.start({ grace: polite ? 60_000 : 200 });
    const { body } = await fetch(`${server.url}/events${polite ? "?polite" : ""}`);
    const reader = body!.getReader();
    await reader.read();
    server.kill("SIGTERM");
    await server.line(/^finished/);
    // Deno has no way to cut off a response once the server stops: the next signal ends it.
    if (!polite) server.kill("SIGTERM");
    assertEquals((await server.ended()).code, polite ? 0 : 143);
    await reader.cancel().catch(() => {});
  });
}

/** `deno serve` with fixtures/declared.ts. */
async function withDeclared(
  { threads = 1, args = [] }: { threads?: number; args?: string[] },
  use: (url: string, server: Program) => Promise<void>,
): Promise<void> {
  const flags = ["--allow-read", "--no-prompt", "--host", "127.0.0.1", "--port", "0"];
  if (threads > 1) flags.push("--parallel");
  await using server = new Program(["serve", ...flags, "tests/fixtures/declared.ts", ...args], {
    env: { DENO_JOBS: `${threads}` },
  });
  let url: string | undefined;
  // In whatever order: that it listens, and that each thread has come so far.
  for (let lines = 0; lines <= threads; lines++) {
    const [line] = await server.line(/http:\S+|declared$/);
    if (line.startsWith("http:")) url = line;
  }
  await use(url!, server);
}

testOfDenoServe(
  "lifespan() gives an app of `deno serve` an executor, which ends with it",
  async () => {
    await withDeclared({ args: ["own"] }, async (url, server) => {
      assertEquals(await get(url), [200, "declared"]);
      assertEquals(await get(`${url}throw`), [500, "Internal Server Error"]);
      const slow = get(`${url}slow`);
      await server.line(/got .slow/);
      server.kill("SIGTERM");
      assertEquals(await slow, [200, "slow"]);
      await server.line(/^unloaded, running: false/);
      assertEquals((await server.ended()).code, 0);
    });
  },
);

Deno.test("lifespan() gives its executor all cores", async () => {
  await withDeclared({}, async (url) => {
    assertEquals(await get(`${url}workers`), [200, String(navigator.hardwareConcurrency)]);
  });
});

testOfDenoServe(
  "lifespan() gives each thread of `deno serve --parallel` its share of them",
  async () => {
    // So many that one worker is each one's share.
    const threads = Math.max(2, navigator.hardwareConcurrency);
    await withDeclared({ threads }, async (url, server) => {
      await Promise.all(Array.from({ length: 8 }, async () => {
        const answer = await get(`${url}workers`, { headers: { connection: "close" } });
        assertEquals(answer, [200, "1"]);
      }));
      server.kill("SIGINT");
      assertEquals((await server.ended()).code, 0);
    });
  },
);

testOfDenoServe("lifespan() can be had twice in one process", async () => {
  const flags = ["--allow-read", "--no-prompt", "--host", "127.0.0.1", "--port", "0"];
  await using server = new Program(["serve", ...flags, "tests/fixtures/two_apps.ts"]);
  const [url] = await server.line(/http:\S+/);
  const answers = await Promise.all([get(`${url}one`), get(`${url}other`)]);
  assertEquals(answers, [[200, "the one"], [200, "the other"]]);
  server.kill("SIGTERM");
  assertEquals((await server.ended()).code, 0);
});

Deno.test("lifespan() refuses what is no app", () => {
  for (const app of [undefined, 42, {}, { fetch: 42 }]) {
    assertThrows(() => lifespan(app as unknown as ServeHandler), TypeError);
  }
  assertThrows(
    () => lifespan(() => new Response(), { executor: { cpu: { maxWorkers: 0 } } }),
    RangeError,
    "cpu.maxWorkers",
  );
});
