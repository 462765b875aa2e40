/** The same service as examples/server.ts, with piscina behind `node:http`. */

import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { availableParallelism } from "node:os";
import process from "node:process";
import { Piscina } from "npm:piscina@5.3.2";

const filename = `${import.meta.dirname}/piscina_worker.ts`;
const database = process.env["DATABASE"]!;
const cores = availableParallelism();
const poolOf = (threads: number) =>
  new Piscina({ filename, minThreads: threads, maxThreads: threads, maxQueue: 100 });
const cpu = poolOf(Math.max(1, cores - 1));
const blocking = poolOf(cores);

const server = createServer(async (request, response) => {
  try {
    response.end(await answer(request));
  } catch {
    response.writeHead(503).end();
  }
});
server.listen(0, "127.0.0.1", () => {
  console.log(`Listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});

async function answer(request: IncomingMessage): Promise<string> {
  const { pathname, searchParams } = new URL(request.url!, "http://localhost");
  switch (pathname) {
    case "/healthz":
      return "ok";
    case "/sales": {
      const city = searchParams.get("city");
      return JSON.stringify(await blocking.run([database, city], { name: "sales" }));
    }
    default: {
      const { password } = JSON.parse(await bodyOf(request));
      return JSON.stringify({ hash: await cpu.run(password, { name: "hashPassword" }) });
    }
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request.setEncoding("utf8")) body += chunk;
  return body;
}
