/** What the executor of a handler is bound to: its client, by whatever way that is connected. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { type ExecutorServer, lifespan, serve, type ServeHandler } from "@genro/executor/serve";
import {
  Executor,
  NotStartedError,
  QueueFullError,
  type Runner,
  ShutdownError,
} from "../support/isolation.ts";
import { hasLocks } from "../support/features.ts";
import { until } from "../support/waiting.ts";

const loopback = { hostname: "127.0.0.1", port: 0, onListen: () => {} };

interface Served extends AsyncDisposable {
  addr: Deno.NetAddr;
}

/** The ways to serve: each gives a handler the same. */
const ways: Record<string, (handler: ServeHandler, executor: Executor) => Promise<Served>> = {
  "serve()": (handler, executor) => serve(handler, { ...loopback, executor }),
  "lifespan()": (handler, executor) => {
    const { fetch } = lifespan(handler, { executor });
    const server = Deno.serve(loopback, fetch as Deno.ServeHandler);
    const end = async () => {
      await server.shutdown();
      await executor.shutdown();
    };
    return Promise.resolve({ addr: server.addr, [Symbol.asyncDispose]: end });
  },
};

/** The ways to call: each gives the text as a task makes it. */
const calls: Record<string, (runner: Runner, text: string) => Promise<string>> = {
  run: (runner, text) => runner.runCpu((text: string) => text.toUpperCase(), text),
  map: async (runner, text) => {
    const upper = (letter: string) => letter.toUpperCase();
    return (await Array.fromAsync(runner.mapCpu(upper, [...text]))).join("");
  },
  stream: async (runner, text) => {
    function* letters(text: string) {
      yield* text.toUpperCase();
    }
    return (await Array.fromAsync(runner.streamBlocking(letters, text))).join("");
  },
};

/** The ways to call what never ends. */
const endless: Record<string, (runner: Runner) => Promise<unknown>> = {
  run: (runner) => runner.runBlocking(() => new Promise<void>(() => {})),
  map: (runner) =>
    Array.fromAsync(runner.mapBlocking((_: number) => new Promise<void>(() => {}), [1])),
  stream: (runner) =>
    Array.fromAsync(runner.streamBlocking(async function* () {
      yield 1;
      await new Promise<void>(() => {});
    })),
};

/** A client's WebSocket, with what it receives. */
class Client {
  readonly #socket: WebSocket;
  readonly #received: string[] = [];
  readonly opened: Promise<unknown>;
  readonly closed: Promise<CloseEvent>;

  constructor({ addr }: Served) {
    const socket = this.#socket = new WebSocket(`ws://127.0.0.1:${addr.port}`);
    this.opened = new Promise((resolve) => socket.addEventListener("open", resolve));
    this.closed = new Promise((resolve) => socket.addEventListener("close", resolve));
    socket.addEventListener("message", ({ data }) => this.#received.push(data));
  }

  send(text: string): void {
    this.#socket.send(text);
  }

  async receive(): Promise<string> {
    await until(() => this.#received.length > 0);
    return this.#received.shift()!;
  }

  async close(): Promise<void> {
    this.#socket.close();
    await this.closed;
  }
}

for (const [way, start] of Object.entries(ways)) {
  for (const inline of [false, true]) {
    const how = inline ? `${way} inline` : way;

    Deno.test(`${how} runs the tasks of a WebSocket, and aborts them when it closes`, async () => {
      await using executor = new Executor({ inline });
      const errors: unknown[] = [];
      await using server = await start((request, { executor }) => {
        const { socket, response } = Deno.upgradeWebSocket(request);
        socket.addEventListener("message", async ({ data }) => {
          const [verb, name] = data.split(" ");
          if (verb === "call") socket.send(await calls[name]!(executor, name));
          else endless[name]!(executor).catch((error) => errors.push(error));
        });
        return response;
      }, executor);
      const client = new Client(server);
      await client.opened;
      for (const name of Object.keys(calls)) {
        client.send(`call ${name}`);
        assertEquals(await client.receive(), name.toUpperCase());
      }
      const { blocking } = executor.stats();
      const names = Object.keys(endless);
      for (const name of names) client.send(`endless ${name}`);
      await until(() => executor.stats().blocking.busy === names.length);
      await client.close();
      await until(() => errors.length === names.length);
      assertEquals(errors.map((error) => (error as Error).name), names.map(() => "AbortError"));
      assertEquals(executor.stats().blocking.cancelled - blocking.cancelled, names.length);
    });

    Deno.test(`${how} runs the tasks of a streamed answer, and aborts them when it is left`, async () => {
      await using executor = new Executor({ inline });
      const errors: unknown[] = [];
      const encoder = new TextEncoder();
      await using server = await start((_, info) => {
        const names = Object.keys(calls);
        const body = new ReadableStream<Uint8Array>({
          async pull(controller) {
            const name = names.shift();
            if (name !== undefined) {
              controller.enqueue(encoder.encode(await calls[name]!(info.executor, name)));
              return;
            }
            const tasks = Object.values(endless).map((call) => call(info.executor));
            for (const { reason } of await Promise.allSettled(tasks) as PromiseRejectedResult[]) {
              errors.push(reason);
            }
          },
        });
        return new Response(body, { headers: { "content-type": "text/event-stream" } });
      }, executor);
      const leave = new AbortController();
      const { signal } = leave;
      const response = await fetch(`http://127.0.0.1:${server.addr.port}`, { signal });
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      while (text.length < "runmapstream".length) text += (await reader.read()).value;
      assertEquals(text, "RUNMAPSTREAM");
      await until(() => executor.stats().blocking.busy === 3);
      leave.abort();
      await assertRejects(() => reader.read());
      await until(() => errors.length === 3);
      assertEquals(new Set(errors.map((error) => (error as Error).name)), new Set(["AbortError"]));
    });
  }

  Deno.test(`${way} lets what a complete answer leaves behind go on`, async () => {
    await using executor = new Executor();
    const outcomes: string[] = [];
    let late: (() => void) | undefined;
    await using server = await start((request, info) => {
      const pause = (text: string) =>
        new Promise<string>((resolve) => setTimeout(resolve, 50, text));
      const background = (text: string) =>
        void info.executor.runBlocking(pause, text)
          .then((text) => outcomes.push(text), ({ name }) => outcomes.push(name));
      const { pathname } = new URL(request.url);
      if (pathname === "/running") background("running");
      // What reads the executor of its request when the answer has gone out.
      late = () => background(`${pathname} late`);
      return new Response(pathname === "/stream" ? new Blob(["all"]).stream() : "all");
    }, executor);
    for (const path of ["/running", "/text", "/stream"]) {
      const response = await fetch(`http://127.0.0.1:${server.addr.port}${path}`);
      assertEquals(await response.text(), "all");
      // Deno has noticed, too.
      await new Promise((resolve) => setTimeout(resolve, 20));
      late!();
    }
    await until(() => outcomes.length === 4);
    assertEquals(outcomes.sort(), ["/running late", "/stream late", "/text late", "running"]);
  });

  Deno.test(`${way} aborts the first task, too, of a client that has gone by then`, async () => {
    await using executor = new Executor();
    const [asked, left] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    await using server = await start(async (_, { executor }) => {
      asked.resolve();
      await left.promise;
      await endless.run!(executor);
      return new Response();
    }, executor);
    const leave = new AbortController();
    const { signal } = leave;
    const request = fetch(`http://127.0.0.1:${server.addr.port}`, { signal });
    await asked.promise;
    leave.abort();
    await assertRejects(() => request);
    // Deno has noticed.
    await new Promise((resolve) => setTimeout(resolve, 20));
    left.resolve();
    await until(() => executor.stats().blocking.cancelled === 1);
  });

  Deno.test(`${way} gives a handler what survives being wrapped`, async () => {
    await using executor = new Executor();
    type Info = Parameters<ServeHandler>[1];
    const wrappers: Record<string, (info: Info) => Info> = {
      "as it is": (info) => info,
      spread: (info) => ({ ...info }),
      assigned: (info) => Object.assign({}, info),
      "a proxy": (info) => new Proxy(info, {}),
      "a proxy that reflects": (info) =>
        new Proxy(info, { get: (target, key, self) => Reflect.get(target, key, self) }),
      "a prototype": (info) => Object.create(info),
      "a frozen prototype": (info) => Object.freeze(Object.create(Object.freeze(info))),
      "a clone with its prototype": (info) =>
        Object.create(Object.getPrototypeOf(info), Object.getOwnPropertyDescriptors(info)),
      "through its entries": (info) => Object.fromEntries(Object.entries(info)) as unknown as Info,
    };
    const answers: Record<string, unknown> = {};
    let finished = 0;
    await using server = await start(async (request, given) => {
      const name = decodeURIComponent(new URL(request.url).pathname.slice(1));
      const info = wrappers[name]!(given);
      const { executor: { runCpu, mapCpu }, remoteAddr, stopping } = info;
      const executor = { ...info.executor };
      info.completed.then(() => finished++);
      answers[name] = [
        await info.executor.runCpu((text: string) => text, "run"),
        await runCpu((text: string) => text, "detached"),
        await executor.runBlocking((text: string) => text, "spread"),
        ...await Array.fromAsync(mapCpu((text: string) => text, ["map"])),
        (remoteAddr as Deno.NetAddr).hostname,
        stopping.aborted,
      ];
      return new Response();
    }, executor);
    for (const name of Object.keys(wrappers)) {
      await (await fetch(`http://127.0.0.1:${server.addr.port}/${name}`)).text();
      const expected = ["run", "detached", "spread", "map", "127.0.0.1", false];
      assertEquals(answers[name], expected as unknown[], name);
    }
    await until(() => finished === Object.keys(wrappers).length);
  });

  Deno.test(`${way} gives what can be copied after an upgrade, too`, async () => {
    await using executor = new Executor();
    await using server = await start((request, info) => {
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.addEventListener("message", async ({ data }) => {
        const { executor, remoteAddr } = { ...info };
        const text = await executor.runCpu((text: string) => text, data);
        socket.send(`${text} ${(remoteAddr as Deno.NetAddr).hostname}`);
      });
      return response;
    }, executor);
    const client = new Client(server);
    await client.opened;
    client.send("from");
    assertEquals(await client.receive(), "from 127.0.0.1");
    await client.close();
  });
}

/** A server whose sockets answer each number with it, so many ms later. */
async function serveSleeper(
  executor: Executor,
  grace: number,
  errors: unknown[] = [],
): Promise<ExecutorServer> {
  return await serve((request, { executor }) => {
    if (request.headers.get("upgrade") === null) return new Response("ok");
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.addEventListener("message", async ({ data }) => {
      const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms, ms));
      try {
        socket.send(`${await executor.runBlocking(sleep, Number(data))}`);
      } catch (error) {
        errors.push(error);
      }
    });
    return response;
  }, { ...loopback, executor, grace });
}

Deno.test("serve() finishes the tasks of WebSockets, then closes them", async () => {
  const executor = new Executor();
  const server = await serveSleeper(executor, 60_000);
  const [busy, idle] = [new Client(server), new Client(server)];
  await Promise.all([busy.opened, idle.opened]);
  busy.send("200");
  await until(() => executor.stats().blocking.busy === 1);
  const shutdown = server.shutdown();
  // It takes nothing more.
  const late = await fetch(`http://127.0.0.1:${server.addr.port}`);
  assertEquals([late.status, await late.text()], [503, "The server is stopping"]);
  assertEquals(await busy.receive(), "200");
  for (const { closed } of [busy, idle]) assertEquals((await closed).code, 1001);
  await shutdown;
  assertEquals(executor.stats().blocking.completed, 1);
});

Deno.test("serve() ends the tasks of WebSockets after its grace", async () => {
  for (const grace of [0, 50]) {
    const executor = new Executor();
    const errors: unknown[] = [];
    const server = await serveSleeper(executor, grace, errors);
    const client = new Client(server);
    await client.opened;
    client.send("60000");
    await until(() => executor.stats().blocking.busy === 1);
    const begun = performance.now();
    await server.shutdown();
    assert(performance.now() - begun < grace + 2_000);
    assertEquals((await client.closed).code, 1001);
    assertEquals(errors.map((error) => (error as Error).name), ["ShutdownError"]);
    await assertRejects(() => fetch(`http://127.0.0.1:${server.addr.port}`));
  }
});

Deno.test("serve() stops though a WebSocket never lets it be idle", async () => {
  const executor = new Executor();
  const errors: unknown[] = [];
  const server = await serveSleeper(executor, 60_000, errors);
  const client = new Client(server);
  await client.opened;
  const chat = setInterval(() => client.send("20"), 5);
  await until(() => executor.stats().blocking.completed > 3);
  await server.shutdown();
  clearInterval(chat);
  // Which code the client sees depends on what was on its way to the server.
  await client.closed;
});

Deno.test("serve() leaves WebSockets to a handler that closes them with `stopping`", {
  ignore: !hasLocks,
}, async () => {
  const executor = new Executor();
  const server = await serve((request, { stopping }) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    stopping.addEventListener("abort", () => socket.close(4_000, "Come back later"));
    return response;
  }, { ...loopback, executor });
  const client = new Client(server);
  await client.opened;
  await server.shutdown();
  assertEquals((await client.closed).code, 4_000);
});

Deno.test("The errors that serve() answers with 503 tell it to other frameworks", () => {
  for (const ErrorClass of [QueueFullError, ShutdownError, NotStartedError]) {
    const { status, headers } = new ErrorClass("");
    assertEquals([status, headers], [503, { "retry-after": "1" }]);
  }
});

Deno.test("serve() aborts the tasks of a tenant whose client leaves", async () => {
  const begun = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<unknown>();
  const executor = new Executor({ blocking: { maxWorkers: 1 } });
  await using server = await serve(async (_request, { executor: runner }) => {
    const bound = runner.with({ tenant: "ann" }).with({ timeout: 60_000 });
    const endless = bound.runBlocking(() => new Promise<void>(() => {}));
    begun.resolve();
    await endless.catch(ended.resolve);
    return new Response();
  }, { ...loopback, executor });
  const client = new AbortController();
  const response = fetch(`http://127.0.0.1:${server.addr.port}`, { signal: client.signal });
  await begun.promise;
  client.abort();
  await assertRejects(() => response);
  assertEquals((await ended.promise as Error).message, "The client has gone away");
});

Deno.test("serve() answers 429 to a tenant of whom too many tasks wait", async () => {
  const executor = new Executor({ cpu: { maxWorkers: 1, maxQueuePerTenant: 1 } });
  await using server = await serve(async (_request, { executor: runner }) => {
    const bound = runner.with({ tenant: "ann" });
    const pause = () => new Promise<void>((resolve) => setTimeout(resolve, 20));
    await Promise.all([1, 2, 3].map(() => bound.runCpu(pause)));
    return new Response();
  }, { ...loopback, executor });
  const response = await fetch(`http://127.0.0.1:${server.addr.port}`);
  assertEquals([response.status, await response.text()], [429, "Too much to do, try again"]);
});
