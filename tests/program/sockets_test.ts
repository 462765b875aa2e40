/** WebSockets as programs have them: upgraded by a handler or a framework, with errors uncaught. */

import { assert, assertEquals } from "@std/assert";
import { lacksLocks, lacksSignals, testUnless } from "../support/features.ts";
import { Program } from "../support/processes.ts";

const testOfSignals = testUnless(lacksSignals);

/** tests/fixtures/sockets.ts, listening. */
class Server extends Program {
  url = "";

  static async start(way: string, legacy: boolean, grace = 60_000): Promise<Server> {
    const flags = ["--no-check", "--allow-all", "--no-prompt"];
    if (!legacy) flags.push("--unstable-no-legacy-abort");
    const path = "tests/fixtures/sockets.ts";
    const server = new Server(
      way === "serve()"
        ? ["run", ...flags, path, `${grace}`]
        : ["serve", ...flags, "--host=127.0.0.1", "--port=0", path, "declared"],
    );
    const [, url] = await server.line(/Listening on (http:\S+)\//);
    server.url = url!;
    return server;
  }

  /** Waits for a condition of the blocking pool. */
  async stats(condition: (stats: { busy: number; cancelled: number }) => boolean): Promise<void> {
    while (!condition(await (await fetch(`${this.url}/stats`)).json()));
  }
}

/** A client, connected. */
class Client {
  readonly closed: Promise<CloseEvent>;
  readonly #socket: WebSocket;
  #receive = Promise.withResolvers<string>();

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => socket.onclose = resolve);
    socket.onmessage = ({ data }) => {
      this.#receive.resolve(data);
      this.#receive = Promise.withResolvers();
    };
  }

  static async connect(url: string): Promise<Client> {
    const socket = new WebSocket(url.replace("http", "ws"));
    const client = new Client(socket);
    await new Promise((resolve) => socket.onopen = resolve);
    return client;
  }

  async ask(text: string): Promise<string> {
    this.#socket.send(text);
    return await this.#receive.promise;
  }

  send(text: string): void {
    this.#socket.send(text);
  }

  close(): void {
    this.#socket.close();
  }
}

for (const way of ["serve()", "lifespan()"]) {
  for (const legacy of [true, false]) {
    for (const path of ["/own", "/hono"]) {
      const name = `${way} ${legacy ? "with" : "without"} legacy abort, upgraded by ${path}:`;

      const test = testUnless(way === "lifespan()" && lacksLocks);
      test(`${name} tasks run, and a client that leaves ends nothing but its own`, async () => {
        await using server = await Server.start(way, legacy);
        const [leaving, staying] = await Promise.all([
          Client.connect(server.url + path),
          Client.connect(server.url + path),
        ]);
        assertEquals(await leaving.ask("1"), "slept 1");
        leaving.send("endless");
        await server.stats(({ busy }) => busy === 1);
        leaving.close();
        await server.stats(({ cancelled }) => cancelled === 1);
        assertEquals(await staying.ask("2"), "slept 2");
        if (lacksSignals) return;
        server.kill("SIGTERM");
        // Which code arrives is Deno's to say.
        await staying.closed;
        assertEquals((await server.ended()).code, 0);
      });
    }
  }
}

for (const path of ["/own", "/hono"]) {
  testOfSignals(
    `serve() lets ${path} finish its tasks on SIGTERM, and its program ends`,
    async () => {
      await using server = await Server.start("serve()", true);
      const client = await Client.connect(server.url + path);
      const slept = client.ask("500");
      await server.stats(({ busy }) => busy === 1);
      server.kill("SIGTERM");
      assertEquals(await slept, "slept 500");
      assertEquals((await client.closed).code, 1001);
      await server.line(/^finished/);
      assertEquals((await server.ended()).code, 0);
    },
  );

  testOfSignals(
    `serve() ends the tasks of ${path} after its grace, and its program ends`,
    async () => {
      await using server = await Server.start("serve()", true, 100);
      const client = await Client.connect(server.url + path);
      client.send("endless");
      await server.stats(({ busy }) => busy === 1);
      const begun = performance.now();
      server.kill("SIGTERM");
      await client.closed;
      // Dropped, which is said; but it does not keep the rest from ending in order.
      await server.line(/ShutdownError/);
      await server.line(/^finished/);
      assertEquals((await server.ended()).code, 0);
      assert(performance.now() - begun < 5_000);
    },
  );
}
