/** The service of examples/snippets, with users who behave and users who do not. */

import { assert, assertEquals } from "@std/assert";
import { type Attack, attacks } from "../fixtures/attacks.ts";
import { SnippetService } from "../fixtures/snippet_service.ts";
import { lacksLocks, lacksProc, testUnless } from "../support/features.ts";

// A process may kill itself since Deno 2.9.
const test = testUnless(lacksLocks);
const testOfMemory = testUnless(lacksProc || lacksLocks);

/** How many attackers there are at a time: as many as the service has processes. */
const ATTACKERS = 4;
/** How long, in ms, any answer may take on a machine that others use, too. */
const LONGEST_MS = 15_000;
/** What the memory of the service alone, and of all its processes, stays below. */
const SERVICE_MB = 500;
const GROUP_MB = 2_500;

/** Everything that is not as it should be. */
type Faults = string[];

/** Runs a snippet; again, when the machine is too busy for the service to begin in time. */
async function run(service: SnippetService, user: string, source: string) {
  let answer = await service.run(user, source);
  for (let attempt = 1; attempt < 10 && answer.outcome === "refused"; attempt++) {
    answer = await service.run(user, source);
  }
  return answer;
}

/** Sends attacks until none is left; each by a user of its own, whose process nobody has changed. */
async function attackAll(
  service: SnippetService,
  left: [string, Attack][],
  faults: Faults,
): Promise<void> {
  for (let next = left.shift(); next !== undefined; next = left.shift()) {
    const [name, { source, allowed }] = next;
    try {
      const { outcome, text, ms } = await run(service, `eve-${left.length}`, source);
      if (!(allowed as string[]).includes(outcome)) faults.push(`${name}: ${outcome} ${text}`);
      if (ms > LONGEST_MS) faults.push(`${name}: answered after ${ms} ms`);
      if (text.length > 200_000) faults.push(`${name}: ${text.length} characters`);
    } catch (error) {
      faults.push(`${name}: ${error}`);
    }
  }
}

/** Runs small snippets of one user, one after the other; returns how many. */
async function beHonest(
  service: SnippetService,
  user: string,
  isOver: () => boolean,
  faults: Faults,
): Promise<number> {
  let runs = 0;
  for (; !isOver(); runs++) {
    const source = `console.log("run", ${runs}); return [${runs}].map((n) => n * 2);`;
    try {
      const { text, ms } = await run(service, user, source);
      const { ok, result, output } = JSON.parse(text);
      const expected = { ok: true, result: `[${runs * 2}]`, output: `run ${runs}\n` };
      assertEquals({ ok, result, output }, expected);
      assert(ms < LONGEST_MS, "too late");
    } catch (error) {
      faults.push(`${user}, run ${runs}: ${error}`);
      return runs;
    }
  }
  return runs;
}

/** Asks for the health of the service again and again, and looks at its memory. */
async function watch(
  service: SnippetService,
  isOver: () => boolean,
  faults: Faults,
): Promise<void> {
  while (!isOver()) {
    const begun = performance.now();
    try {
      assertEquals(await (await fetch(`${service.url}/healthz`)).text(), "ok");
      assert(performance.now() - begun < LONGEST_MS, "/healthz too late");
      const rss = (await service.stats()).memory.rss / 2 ** 20;
      assert(rss < SERVICE_MB, `the service has ${rss} MB`);
      const { megabytes } = await service.processes();
      assert(megabytes < GROUP_MB, `all processes have ${megabytes} MB`);
    } catch (error) {
      faults.push(`${error}`);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Attacks the service while others use it; then all of it ends in order. */
async function survives(chosen: [string, Attack][]): Promise<void> {
  await using service = await SnippetService.start();
  const faults: Faults = [];
  let over = false;
  const isOver = () => over || faults.length > 20;
  const others = ["ann", "bob"].map((user) => beHonest(service, user, isOver, faults));
  const watching = watch(service, isOver, faults);
  await Promise.all(Array.from({ length: ATTACKERS }, () => attackAll(service, chosen, faults)));
  over = true;
  const runs = await Promise.all(others);
  await watching;
  assertEquals(faults, [], service.tail);
  assert(runs.every((count) => count > 0), `the others have run ${runs} snippets`);

  assertEquals((await service.run("carl", "return 1;")).outcome, "returned");
  const { stuck, queued } = await service.stats();
  assertEquals({ stuck, queued }, { stuck: 0, queued: 0 });
  assertEquals((await service.stop()).code, 0, service.tail);
  assertEquals((await service.processes()).ids, []);
}

testOfMemory("examples/snippets answers all users while others attack it", async () => {
  const all = Object.entries(attacks);
  assert(all.length >= 40);
  await survives(all);
});

test("examples/snippets says how a snippet has ended", async () => {
  await using service = await SnippetService.start();
  const send = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(service.url + path, { method: "POST", ...init });
    const { error, ...answer } = await response.json();
    return { status: response.status, ...answer, ms: undefined, error: error?.message };
  };
  const headers = { "x-user": "ann" };
  const run = (body: BodyInit) => send("/run", { headers, body });

  assertEquals((await send("/run", { body: "return 1" })).status, 401);
  assertEquals((await send("/run", { headers: { "x-user": "../" }, body: "" })).status, 401);
  assertEquals((await send("/nothing")).status, 404);
  assertEquals((await run(new Uint8Array([255]))).status, 400);
  assertEquals((await run(" ".repeat(65 * 1_024))).status, 413);
  assertEquals((await run("while (true);")).status, 504);
  assertEquals((await run("Deno.exit();")).status, 502);

  const { status, ok, result, output } = await run(`console.warn("a", { b: 1 }); return [1];`);
  assertEquals([status, ok, result, output], [200, true, "[1]", "a { b: 1 }\n"]);
  assertEquals((await run("")).result, undefined);
  assertEquals((await run("return await import('data:text/javascript,0').x;")).result, undefined);
  const failed = await run("throw new TypeError('no');");
  assertEquals([failed.status, failed.ok, failed.error], [200, false, "no"]);
  assertEquals((await run("return ;;;)")).ok, false);
  const long = await run("console.log('x'.repeat(1e6)); console.log('y'); return 1;");
  assertEquals([long.output.length, long.output.at(-1)], [16 * 1_024, "…"]);
  assertEquals((await run("throw 'x'.repeat(1e6);")).error.length, 4 * 1_024);
});

test("examples/snippets refuses a user's flood, and no other user", async () => {
  await using service = await SnippetService.start();
  const wait = "await new Promise((resolve) => setTimeout(resolve, 500)); return 1;";
  const flood = Array.from({ length: 6 }, () => service.run("eve", wait));
  const other = service.run("ann", "return 1;");
  const outcomes = (await Promise.all(flood)).map(({ outcome }) => outcome).sort();
  assertEquals(outcomes, [...Array(5).fill("returned"), "status 429"]);
  assertEquals((await other).outcome, "returned");
});

test("examples/snippets ends the snippet of a client that leaves", async () => {
  await using service = await SnippetService.start();
  const client = new AbortController();
  const begun = performance.now();
  const left = fetch(`${service.url}/run`, {
    method: "POST",
    headers: { "x-user": "ann" },
    body: "while (true);",
    signal: client.signal,
  }).catch(() => "left");
  const busy = async () => (await service.stats()).busy;
  while (await busy() === 0);
  client.abort();
  assertEquals(await left, "left");
  while ((await service.stats()).cancelled === 0) assert(performance.now() - begun < LONGEST_MS);
  assertEquals((await service.run("ann", "return 1;")).outcome, "returned");
});
