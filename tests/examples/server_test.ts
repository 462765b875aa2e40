import { assert, assertEquals } from "@std/assert";
import { lacksSignals, testUnless } from "../support/features.ts";
import { makeTempFolder, Program } from "../support/processes.ts";

const testOfSignals = testUnless(lacksSignals);

const SERVER = [
  "run",
  "--allow-all",
  "--no-prompt",
  "--unstable-no-legacy-abort",
  "examples/server.ts",
];

/** The example server with a database of its own. */
async function withServer(
  args: string[],
  use: (url: string, server: Program) => Promise<void>,
): Promise<void> {
  const folder = await makeTempFolder();
  try {
    await using server = new Program([...SERVER, ...args], {
      env: { PORT: "0", DATABASE: `${folder}/sales.db` },
    });
    const [url] = await server.line(/http:\S+/);
    await use(url, server);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function hash(url: string, body: string): Promise<Response> {
  return fetch(`${url}/passwords`, { method: "POST", body });
}

async function statusOf(response: Promise<Response>): Promise<number> {
  const { status, body } = await response;
  await body?.cancel();
  return status;
}

for (const args of [[], ["--on-event-loop"]]) {
  Deno.test(`examples/server.ts ${args} answers each of its endpoints`, async () => {
    await withServer(args, async (url) => {
      assertEquals(await (await fetch(`${url}/healthz`)).text(), "ok");
      const { hash: hashed } = await (await hash(url, `{ "password": "correct horse" }`)).json();
      assert(hashed.startsWith("$2"), hashed);
      const { months } = await (await fetch(`${url}/sales?city=Rome`)).json();
      assertEquals(months.length, 12);
      const { cpu, blocking } = await (await fetch(`${url}/stats`)).json();
      assertEquals([typeof cpu.completed, typeof blocking.queued], ["number", "number"]);
      assertEquals(await statusOf(fetch(`${url}/dashboard`)), 200);

      assertEquals(await statusOf(fetch(`${url}/sales`)), 400);
      assertEquals(await statusOf(fetch(`${url}/sales?city=Nowhere`)), 404);
      assertEquals(await statusOf(hash(url, "no JSON")), 400);
      assertEquals(await statusOf(hash(url, "null")), 400);
      assertEquals(await statusOf(hash(url, `{ "password": 5 }`)), 400);
      assertEquals(await statusOf(fetch(`${url}/nothing`)), 404);
    });
  });
}

/** A body of which the server is to read the least; it counts what it was asked for. */
function endless(): { body: ReadableStream<Uint8Array<ArrayBuffer>>; megabytes: () => number } {
  let megabytes = 0;
  const body = new ReadableStream({
    pull(controller) {
      if (megabytes === 300) return controller.close();
      megabytes++;
      controller.enqueue(new Uint8Array(2 ** 20));
    },
  });
  return { body, megabytes: () => megabytes };
}

for (const args of [[], ["--on-event-loop"]]) {
  Deno.test(`examples/server.ts ${args} refuses a long body before it is read`, async () => {
    await withServer(args, async (url) => {
      const long = JSON.stringify({ password: "x".repeat(5_000) });
      assertEquals(await statusOf(hash(url, long)), 413);
      const { body, megabytes } = endless();
      const answer = await fetch(`${url}/passwords`, { method: "POST", body }).catch(() => null);
      await answer?.body?.cancel();
      // A client that still sends when the connection ends may not see the answer.
      assertEquals(answer?.status ?? 413, 413);
      assert(megabytes() < 50, `the server has read ${megabytes()} MB`);
      assertEquals(await statusOf(hash(url, `{ "password": "short" }`)), 200);
    });
  });
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  testOfSignals(`examples/server.ts finishes its requests on ${signal}, and exits 0`, async () => {
    await withServer([], async (url, server) => {
      const requests = Array.from({ length: 6 }, () => hash(url, `{ "password": "x" }`));
      // All are in flight when the first is answered.
      await Promise.race(requests);
      server.kill(signal);
      assertEquals(await Promise.all(requests.map(statusOf)), [200, 200, 200, 200, 200, 200]);
      const { code } = await server.ended();
      assertEquals(code, 0);
      const refused = await fetch(url).then(() => false, () => true);
      assert(refused, "it stopped accepting");
    });
  });
}
