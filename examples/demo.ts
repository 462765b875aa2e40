/**
 * Shows the point of the executor in one command: puts the server of this folder under load
 * twice, on the event loop and with the executor, and compares how fast it still answers
 * `/healthz`.
 *
 * ```sh
 * deno task demo --seconds 5
 * ```
 */

import { parseArgs } from "node:util";

/** The clients of `/sales`, one for each city; each sends its next request once it has its answer. */
const CITIES = ["Bologna", "Milan", "Palermo", "Rome"];
/** The clients of `/passwords`, likewise. */
const PASSWORDS = ["battery staple", "correct horse", "open sesame", "swordfish"];
/** How often, in ms, `/healthz` is asked, and how many of its answers may be awaited at a time. */
const PROBE_INTERVAL = 10;
const MAX_PROBES = 64;
/** How long, in ms, a server is under load before anything is measured. */
const WARM_UP = 2_000;
/** How long, in ms, all may take beyond the load itself. */
const PATIENCE = 60_000;
/** What a server did under load. */
interface Figures {
  passwords: number;
  sales: number;
  /** Of `/healthz`, in ms; sorted. */
  latencies: number[];
}

/** Aborts when the demo is interrupted or takes too long; the server is killed then. */
const stop = new AbortController();
const signals: Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];
for (const signal of signals) {
  Deno.addSignalListener(signal, () => stop.abort(new Error(`Interrupted by ${signal}`)));
}

try {
  await demo(secondsFrom(Deno.args));
} catch (error) {
  const reason = stop.signal.aborted ? stop.signal.reason : error;
  console.error(reason instanceof Error ? reason.message : reason);
  Deno.exitCode = 1;
}

function secondsFrom(args: string[]): number {
  const { values } = parseArgs({ args, options: { seconds: { type: "string", default: "5" } } });
  const seconds = Number(values.seconds);
  if (seconds >= 1 && seconds <= 60) return seconds;
  throw new RangeError(`Cannot use --seconds: expected 1 to 60, received "${values.seconds}"`);
}

async function demo(seconds: number): Promise<void> {
  const limit = setTimeout(
    () => stop.abort(new Error("The demo took too long")),
    2 * (WARM_UP + seconds * 1_000) + PATIENCE,
  );
  Deno.unrefTimer(limit);
  await using folder = await temporaryFolder();
  const without = await measure("on the event loop", seconds, folder.path, ["--on-event-loop"]);
  const within = await measure("in the executor", seconds, folder.path, []);

  const ratio = percentile(without, 99) / percentile(within, 99);
  console.log(table(seconds, without, within));
  console.log(`\nThe p99 of /healthz is ${ratio.toFixed(0)} times better in the executor.`);
}

async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir({ prefix: "executor-demo-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Starts a server, puts it under load, and stops it. */
async function measure(
  title: string,
  seconds: number,
  folder: string,
  flags: string[],
): Promise<Figures> {
  await using server = await startServer(folder, flags);
  await load(server.url, WARM_UP, `Warming up ${title}`);
  const figures = await load(server.url, seconds * 1_000, `Measuring ${title}`);
  await server.stop();
  return figures;
}

interface Server extends AsyncDisposable {
  url: string;
  /** Asks it to finish what it does and to end, as a supervisor would. */
  stop(): Promise<void>;
}

/** Starts the server in a process of its own, on a free port, with its database in this folder. */
async function startServer(folder: string, flags: string[]): Promise<Server> {
  stop.signal.throwIfAborted();
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--unstable-no-legacy-abort",
      "--allow-net=127.0.0.1",
      "--allow-read",
      `--allow-write=${folder}`,
      "--allow-env=PORT,DATABASE",
      import.meta.resolve("./server.ts"),
      ...flags,
    ],
    env: { PORT: "0", DATABASE: `${folder}/sales.db` },
    stdin: "null",
    stdout: "piped",
  }).spawn();

  let ended = false;
  const status = process.status.finally(() => ended = true);
  const kill = async () => {
    if (!ended) process.kill("SIGKILL");
    await status;
  };
  stop.signal.addEventListener("abort", kill);
  try {
    const url = await announcedUrl(process.stdout);
    return {
      url,
      async stop() {
        process.kill("SIGTERM");
        const { code } = await status;
        // Windows has no SIGTERM: Deno ends the process at once, with exit code 1.
        const expected = Deno.build.os === "windows" ? 1 : 0;
        if (code === expected) return;
        throw new Error(`Expected the server to exit with ${expected}, received ${code}`);
      },
      [Symbol.asyncDispose]: kill,
    };
  } catch (error) {
    await kill();
    throw error;
  }
}

/** The URL in the line that a server prints when it listens. */
async function announcedUrl(stdout: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  let printed = "";
  for await (
    const text of stdout.pipeThrough(new TextDecoderStream()).values({ preventCancel: true })
  ) {
    printed += text;
    const url = /(http:\S+)\n/.exec(printed)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error("The server did not start");
}

/** Puts a server under load for this many ms. */
async function load(url: string, duration: number, title: string): Promise<Figures> {
  const figures: Figures = { passwords: 0, sales: 0, latencies: [] };
  const start = performance.now();
  const end = start + duration;

  async function client(kind: "passwords" | "sales", path: string, body?: object): Promise<void> {
    while (performance.now() < end) {
      await ask(url + path, body);
      if (performance.now() < end) figures[kind]++;
    }
  }

  // Each probe is due at its time on the clock, and late from then on: a server that stalls
  // cannot hold the questions up and so hide how long it stalled.
  let probes = 0;
  async function prober(): Promise<void> {
    for (;;) {
      const due = start + probes++ * PROBE_INTERVAL;
      if (due >= end) return;
      await sleep(due - performance.now());
      await ask(`${url}/healthz`);
      figures.latencies.push(performance.now() - due);
    }
  }

  using _progress = showProgress(title, start, duration, figures);
  await Promise.all([
    ...PASSWORDS.map((password) => client("passwords", "/passwords", { password })),
    ...CITIES.map((city) => client("sales", `/sales?city=${city}`)),
    ...Array.from({ length: MAX_PROBES }, prober),
  ]);
  figures.latencies.sort((a, b) => a - b);
  return figures;
}

async function ask(url: string, body?: object): Promise<void> {
  const response = await fetch(
    url,
    body && { method: "POST", body: JSON.stringify(body) },
  );
  const text = await response.text();
  if (response.status !== 200) {
    throw new Error(`Expected 200 from ${url}, received ${response.status}: ${text}`);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}

/** Keeps one line up to date on a terminal; elsewhere prints it once, at the end. */
function showProgress(
  title: string,
  start: number,
  duration: number,
  figures: Figures,
): Disposable {
  const line = () => {
    const seconds = Math.min(performance.now() - start, duration) / 1_000;
    return `${title}: ${seconds.toFixed(1)} of ${duration / 1_000} s, ` +
      `${figures.passwords} passwords, ${figures.sales} sales reports`;
  };
  const rewrite = () => Deno.stdout.writeSync(new TextEncoder().encode(`\r${line()}`));
  const timer = Deno.stdout.isTerminal() ? setInterval(rewrite, 200) : undefined;
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      console.log(timer === undefined ? line() : `\r${line()}`);
    },
  };
}

function table(seconds: number, without: Figures, within: Figures): string {
  const rate = (count: number) => (count / seconds).toFixed(1);
  const ms = (figures: Figures, share: number) => percentile(figures, share).toFixed(1);
  const rows = [
    ["", "on the event loop", "in the executor"],
    ["POST /passwords, per second", rate(without.passwords), rate(within.passwords)],
    ["GET /sales, per second", rate(without.sales), rate(within.sales)],
    ["GET /healthz, p50 in ms", ms(without, 50), ms(within, 50)],
    ["GET /healthz, p99 in ms", ms(without, 99), ms(within, 99)],
    ["GET /healthz, max in ms", ms(without, 100), ms(within, 100)],
  ];
  return rows.map(([name, ...cells]) =>
    "\n" + name!.padEnd(28) + cells.map((cell) => cell.padStart(19)).join("")
  ).join("");
}

function percentile({ latencies }: Figures, share: number): number {
  return latencies[Math.ceil(latencies.length * share / 100) - 1]!;
}
