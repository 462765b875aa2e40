/**
 * What Deno does not do yet, and what is here for that reason. When one of these fails, Deno has
 * learned something, and a work-around can go.
 */

import { assert, assertEquals } from "@std/assert";
import { lacksLocks, testUnless } from "../support/features.ts";

/** Runs a program for at most `within` ms; resolves with how it ended, or with `undefined`. */
async function run(
  source: string,
  { args = [], within = 60_000 }: { args?: string[]; within?: number } = {},
): Promise<Deno.CommandOutput | undefined> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--no-config", ...args, "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(source));
  await writer.close();
  let ended = true;
  const timer = setTimeout(() => {
    ended = false;
    child.kill("SIGKILL");
  }, within);
  const output = await child.output();
  clearTimeout(timer);
  return ended ? output : undefined;
}

const worker = (source: string) =>
  `new Worker(${
    JSON.stringify(`data:text/javascript,${encodeURIComponent(source)}`)
  }, { type: "module" })`;

testUnless(lacksLocks)(
  "Canary: Worker.terminate() does not stop synchronous code",
  async () => {
    const output = await run(`
    const shared = new Int32Array(new SharedArrayBuffer(4));
    const worker = ${worker("onmessage = ({ data }) => { for (;;) Atomics.add(data, 0, 1); };")};
    worker.postMessage(shared);
    while (Atomics.load(shared, 0) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    worker.terminate();
    await new Promise((resolve) => setTimeout(resolve, 2_200));
    const before = Atomics.load(shared, 0);
    await new Promise((resolve) => setTimeout(resolve, 100));
    console.log(Atomics.load(shared, 0) === before ? "it stopped" : "it goes on");
    Deno.exit();
  `);
    assertEquals(
      new TextDecoder().decode(output?.stdout).trim(),
      "it goes on",
      "Deno stops synchronous code in a terminated worker now: an abandoned task need not burn its " +
        "core any more, and `stuck` in pool.ts, stats() and README can go",
    );
  },
);

Deno.test("Canary: running out of memory in a worker ends the whole process", async () => {
  const output = await run(
    `
    const worker = ${
      worker("const all = []; while (true) all.push(new Array(1e6).fill(Math.random()));")
    };
    worker.onerror = (event) => event.preventDefault();
    setTimeout(() => Deno.exit(), 50_000);
  `,
    { args: ["--v8-flags=--max-old-space-size=64"] },
  );
  assert(
    // Windows tells no signal.
    output !== undefined && !output.success,
    "Deno survives a worker that runs out of memory now: README need not warn of it, and " +
      "memoryLimit can be had without processes",
  );
});

Deno.test("Canary: an idle worker keeps the process alive, and has no unref()", async () => {
  const output = await run(worker("onmessage = () => {};"), { within: 5_000 });
  assertEquals(
    [output, "unref" in Worker.prototype],
    [undefined, false],
    "Deno lets a process end in spite of an idle worker, or has a name for it: `keepAlive` in " +
      "thread.ts, which calls a method without one, can go",
  );
});

Deno.test("Canary: Deno reads and sets the async context by two functions of its own", () => {
  const { internal } = Deno as unknown as { internal: symbol };
  const { core } =
    (Deno as unknown as Record<symbol, { core: Record<string, unknown> }>)[internal]!;
  assertEquals(
    [typeof core.getAsyncContext, typeof core.setAsyncContext],
    ["function", "function"],
    "src/runtime/async_context.ts does without them, by loading node:async_hooks, for 6 ms",
  );
});

testUnless(lacksLocks || Deno.build.os !== "linux" && "it was tried on Linux only")(
  "Canary: a worker that ends while native code works in it ends the whole process",
  async () => {
    const native = worker(`
    import sharp from "npm:sharp@0.34";
    const raw = { width: 2_000, height: 2_000, channels: 3 };
    const pixels = new Uint8Array(raw.width * raw.height * raw.channels);
    const blur = () => sharp(pixels, { raw }).resize(1_500).blur(9).png().toBuffer().then(blur);
    sharp(pixels, { raw }).resize(8).raw().toBuffer().then(() => {
      postMessage("ready");
      blur();
      blur();
    });
    onmessage = () => {};
  `);
    await new Deno.Command(Deno.execPath(), {
      args: ["cache", "--quiet", "--no-config", "npm:sharp@0.34"],
    }).output();
    let killed = 0;
    // How many of ten end so depends on the machine.
    for (let attempt = 0; attempt < 10 && killed === 0; attempt++) {
      const output = await run(
        `
      const worker = ${native};
      await new Promise((resolve) => worker.onmessage = resolve);
      await new Promise((resolve) => setTimeout(resolve, 50));
      worker.terminate();
      setTimeout(() => {}, 200);
    `,
        { args: ["--allow-all"] },
      );
      if (output?.signal === "SIGSEGV" || output?.signal === "SIGBUS") killed++;
    }
    assertEquals(
      killed,
      1,
      "Deno no longer frees what native code works on when a worker ends: ending.ts and " +
        "native_code.ts can go, and what README says of native addons",
    );
  },
);
