import { assert, assertEquals, assertMatch } from "@std/assert";
import { Executor, ExecutorEvent } from "@genro/executor";
import { findChromium, openBrowser } from "../../examples/dashboard/browser.ts";
import { dashboard } from "../../examples/dashboard/dashboard.ts";
import { lacksSignals, testUnless } from "../support/features.ts";
import { makeTempFolder, Program } from "../support/processes.ts";
import { until } from "../support/waiting.ts";

const testOfSignals = testUnless(lacksSignals);

/** Whether the machine must have Chromium: the ones of CI that run Linux on x64 do. */
const mustFind = Deno.env.get("CI") === "true" && Deno.build.os === "linux" &&
  Deno.build.arch === "x86_64";
const testOfBrowsers = testUnless(
  findChromium() === undefined && !mustFind && "there is no Chromium here",
);

/** The dashboard of an executor, without a server. */
function withDashboard(
  executor: Executor,
): { ask: (path: string, init?: RequestInit) => Promise<Response | undefined> } & Disposable {
  const stopping = new AbortController();
  const answer = dashboard(executor, stopping.signal);
  return {
    ask: async (path, init) => await answer(new Request(`http://127.0.0.1${path}`, init)),
    [Symbol.dispose]: () => stopping.abort(),
  };
}

/** The example server, with a database of its own, and with no more permissions than it needs. */
async function withServer(
  use: (url: string, server: Program, start: (port: string) => Program) => Promise<void>,
): Promise<void> {
  const folder = await makeTempFolder();
  const start = (PORT: string) =>
    new Program([
      "run",
      "--unstable-no-legacy-abort",
      "--allow-net=127.0.0.1",
      `--allow-read=.,${folder}`,
      `--allow-write=${folder}`,
      "--allow-env=PORT,DATABASE",
      "--no-prompt",
      "examples/server.ts",
    ], { env: { PORT, DATABASE: `${folder}/sales.db` } });
  try {
    await using server = start("0");
    const [url] = await server.line(/http:\S+/);
    await use(url, server, start);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

interface Message {
  event: string;
  // deno-lint-ignore no-explicit-any -- as it came
  data: any;
}

/** The Server-Sent Events of an answer. */
async function* messages(response: Response | undefined): AsyncGenerator<Message> {
  let rest = "";
  for await (const text of response!.body!.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n\n");
    rest = parts.pop()!;
    for (const part of parts) {
      const [, event, data] = /^event: (\w+)\ndata: (.+)$/.exec(part)!;
      yield { event: event!, data: JSON.parse(data!) };
    }
  }
}

async function statusOf(answer: Promise<Response | undefined>): Promise<number | undefined> {
  const response = await answer;
  await response?.body?.cancel();
  return response?.status;
}

Deno.test("dashboard() serves a page that loads nothing from elsewhere", async () => {
  using page = withDashboard(new Executor());
  for (
    const [path, type] of [
      ["", "text/html"],
      ["/dashboard.css", "text/css"],
      ["/dashboard.js", "text/javascript"],
      ["/icon.svg", "image/svg+xml"],
      ["/events", "text/event-stream"],
    ]
  ) {
    const response = (await page.ask(`/dashboard${path}`))!;
    assertEquals(response.status, 200);
    assertEquals(response.headers.get("Content-Type"), `${type}; charset=utf-8`);
    assertMatch(response.headers.get("Content-Security-Policy")!, /^default-src 'self';/);
    await response.body!.cancel();
  }
});

Deno.test("dashboard() leaves other paths alone, and refuses what a path does not do", async () => {
  using page = withDashboard(new Executor());
  for (const path of ["/", "/dashboards", "/dashboard/", "/dashboard/feed.ts", "/dashboard/x"]) {
    assertEquals(await page.ask(path), undefined);
  }
  for (const [path, method] of [["", "POST"], ["/events", "DELETE"], ["/load", "GET"]]) {
    const response = (await page.ask(`/dashboard${path}`, { method }))!;
    assertEquals(response.status, 405);
    assertEquals(response.headers.get("Allow"), method === "GET" ? "POST" : "GET");
    assertMatch((await response.json()).message, new RegExp(`received ${method}`));
  }
});

Deno.test("dashboard() takes no work that another site sends", async () => {
  using page = withDashboard(new Executor());
  const headers = { "Sec-Fetch-Site": "cross-site" };
  for (const path of ["/dashboard/load", "/dashboard/loop"]) {
    assertEquals(await statusOf(page.ask(path, { method: "POST", headers })), 403);
  }
});

Deno.test("dashboard() tells each page the counts and the events", async () => {
  const executor = new Executor();
  using page = withDashboard(executor);
  const leaver = await page.ask("/dashboard/events");
  const streams = [await page.ask("/dashboard/events"), await page.ask("/dashboard/events")];
  await leaver!.body!.cancel();
  executor.dispatchEvent(new ExecutorEvent("workercrash", "cpu", 3, new Error("out of luck")));
  executor.dispatchEvent(new ExecutorEvent("queuefull", "blocking", 0));
  for (const stream of streams) {
    const told: Message[] = [];
    for await (const message of messages(stream)) if (told.push(message) === 5) break;
    assertEquals(told.map(({ event }) => event), [
      "stats",
      "happened",
      "happened",
      "stats",
      "stats",
    ]);
    const { time, ...pools } = told[0]!.data;
    assertEquals(pools, executor.stats());
    assert(Math.abs(time - Date.now()) < 10_000);
    assert(told[4]!.data.time - time >= 450, "It is told four times a second");
    const [crash, full] = told.slice(1).map(({ data: { time: _, ...happened } }) => happened);
    assertEquals(crash, { type: "workercrash", pool: "cpu", worker: 3, cause: "out of luck" });
    assertEquals(full, { type: "queuefull", pool: "blocking", worker: 0 });
  }
});

Deno.test("dashboard() tells of a worker that died of anything", async () => {
  const executor = new Executor();
  using page = withDashboard(executor);
  const causes: [cause: unknown, told: string][] = [
    [{ toString: 1, valueOf: 1 }, "an object that is no error"],
    [Object.create(null), "an object that is no error"],
    [Symbol("x"), "Symbol(x)"],
    [42, "42"],
    [new Error("x".repeat(1e6)), "x".repeat(1_000)],
  ];
  const stream = await page.ask("/dashboard/events");
  for (const [cause] of causes) {
    executor.dispatchEvent(new ExecutorEvent("workercrash", "cpu", 1, cause));
  }
  const told: unknown[] = [];
  for await (const { event, data } of messages(stream)) {
    if (event !== "happened") continue;
    if (told.push((data as { cause?: unknown }).cause) === causes.length) break;
  }
  assertEquals(told, causes.map(([, told]) => told));
});

Deno.test("dashboard() cuts off a page that does not read what it is told", async () => {
  const executor = new Executor();
  using page = withDashboard(executor);
  const stream = await page.ask("/dashboard/events");
  for (let i = 0; i < 1_000; i++) {
    executor.dispatchEvent(new ExecutorEvent("workerstart", "cpu", i));
  }
  let told = 0;
  for await (const _ of messages(stream)) if (++told === 1_000) break;
  assert(told > 100 && told < 1_000, `It was told ${told} times`);
});

Deno.test("dashboard() keeps no timer for a page that hangs up", {
  sanitizeOps: true,
  sanitizeResources: true,
}, async () => {
  const page = withDashboard(new Executor());
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => (await page.ask(new URL(request.url).pathname))!,
  );
  const hangUp = new AbortController();
  const url = `http://127.0.0.1:${server.addr.port}/dashboard/events`;
  const response = await fetch(url, { signal: hangUp.signal });
  await response.body!.getReader().read();
  hangUp.abort();
  // Waits for the stream's end. A timer that is left fails the test.
  await server.shutdown();
});

Deno.test("dashboard() sends so much load and no more, and drops it when it is to stop", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  using page = withDashboard(executor);
  const load = () => statusOf(page.ask("/dashboard/load", { method: "POST" }));
  assertEquals([await load(), await load(), await load(), await load()], [202, 202, 202, 429]);
  const pools = () => Object.values(executor.stats());
  await until(() => pools().every(({ queued, busy }) => queued > 20 && busy > 0));
  page[Symbol.dispose]();
  assertEquals(pools().map(({ queued }) => queued), [0, 0]);
  // The longest of its tasks are given up, and end later.
  await until(() => pools().every(({ busy, stuck }) => busy + stuck === 0));
});

testOfSignals("examples/server.ts ends while a page is open and a loop goes on", async () => {
  await withServer(async (url, server) => {
    const stream = messages(await fetch(`${url}/dashboard/events`));
    const told = Array.fromAsync(stream);
    const post = (name: string) => fetch(`${url}/dashboard/${name}`, { method: "POST" });
    const loop = post("loop");
    await statusOf(post("load"));
    assertEquals(
      (await (await loop).json()).message,
      "TimeoutError: The task timed out: the function endlessLoop ran for 1000 ms",
    );
    const refused = await post("loop");
    assertEquals(refused.status, 429);
    assertMatch((await refused.json()).message, /already/);
    assertEquals(await statusOf(fetch(`${url}/healthz`)), 200);

    const start = performance.now();
    server.kill("SIGTERM");
    const { code } = await server.ended();
    assertEquals(code, 0);
    assert(performance.now() - start < 15_000);
    assert((await told).some(({ event, data }) => event === "stats" && data.cpu.busy > 0));
  });
});

testOfBrowsers("The dashboard shows in Chromium what goes on", async () => {
  await withServer(async (url, server, start) => {
    await using browser = await openBrowser();
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.setDefaultTimeout(10_000);
    const errors: string[] = [];
    const origins = new Set<string>();
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    page.on("request", (request) => origins.add(new URL(request.url()).origin));
    const connection = (text: string) => page.locator("#connection", { hasText: text }).waitFor();
    const logged = (type: string, hasText = "") =>
      page.locator(`[role=log] .${type}`, { hasText }).first().waitFor({ timeout: 25_000 });
    const shown = (pool: string, part: string, hasText: RegExp) =>
      page.locator("main section").filter({ has: page.getByRole("heading", { name: pool }) })
        .locator(part).filter({ hasText }).waitFor();

    await page.goto(`${url}/dashboard`);
    await connection("Live");
    await shown("Blocking", "[data-number=busy]", /^0$/);
    await shown("CPU", "[data-number=busy]", /^0$/);

    await page.click("#load");
    for (const pool of ["Blocking", "CPU"]) {
      for (const number of ["busy", "queued", "rate", "completed"]) {
        await shown(pool, `[data-number=${number}]`, /^[1-9]/);
      }
      for (const chart of ["queueTime", "runTime"]) {
        await shown(pool, `[data-chart=${chart}] [data-time=p99]`, /^[\d.]+ m?s$/);
      }
    }
    await page.locator('path.p99[d^="M"]').nth(3).waitFor({ state: "attached" });
    const fits = "document.documentElement.scrollWidth <= innerWidth";
    assert(await page.evaluate(fits), "It is not too wide");

    await page.locator("#loop").press("Enter");
    await logged("loop", "TimeoutError: The task timed out");
    await logged("workerstuck", "was given up");
    await shown("CPU", "[data-number=stuck]", /^1$/);
    await page.locator(".workers .stuck").waitFor();
    await page.click("#loop");
    await logged("loop", "already");
    assertEquals(await statusOf(fetch(`${url}/healthz`)), 200);
    const body = `{ "password": "correct horse" }`;
    assertEquals(await statusOf(fetch(`${url}/passwords`, { method: "POST", body })), 200);
    await logged("workerback");
    await shown("CPU", "[data-number=stuck]", /^0$/);
    // The browser itself counts the 429 as one.
    assertEquals(errors.filter((error) => !error.includes("429")), []);
    assertEquals([...origins], [url]);

    const stopped = performance.now();
    server.kill("SIGTERM");
    const { code } = await server.ended();
    // Where there are no signals, it is gone at once.
    if (lacksSignals === false) assertEquals(code, 0);
    assert(performance.now() - stopped < 15_000);
    await connection("Disconnected");

    await using _again = start(new URL(url).port);
    await connection("Live");
  });
});
