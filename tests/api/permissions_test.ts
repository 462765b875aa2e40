import { fileURLToPath, pathToFileURL } from "node:url";
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Executor, testOfWorkers, WorkerStartError } from "../support/isolation.ts";
import { pathOf } from "../support/processes.ts";

/** This file, to be read. */
const own = fileURLToPath(import.meta.url);

/** What a CPU task may not do, and would do here. */
const forbidden: Record<string, (file: string, program: string) => unknown> = {
  "read a file": (file) => Deno.readTextFileSync(file),
  "write a file": (file) => Deno.writeTextFileSync(file, "", { append: true }),
  "open a socket": () => Deno.listen({ hostname: "127.0.0.1", port: 0 }).close(),
  "connect": () => Deno.connect({ hostname: "127.0.0.1", port: 9 }),
  "fetch": () => fetch("http://127.0.0.1:54321/"),
  "read an environment variable": () => Deno.env.get("PATH"),
  "run a program": (_file, program) =>
    new Deno.Command(program, { args: ["--version"] }).outputSync(),
  "load a library": () => Deno.dlopen("/no/such/library.so", {}),
  "ask for the host's name": () => Deno.hostname(),
};

for (const [what, task] of Object.entries(forbidden)) {
  Deno.test(`Executor.runCpu() may not ${what}`, async () => {
    await using executor = await Executor.start();
    await assertRejects(
      async () => await executor.runCpu(task, own, Deno.execPath()),
      Deno.errors.NotCapable,
    );
  });
}

Deno.test("Executor.runCpu() may not import what its permissions do not cover", async () => {
  await using executor = await Executor.start();
  const url = import.meta.resolve("../fixtures/throws.ts");
  await assertRejects(() =>
    executor.runCpu(async (url: string) => {
      await import(url);
    }, url), TypeError);
});

Deno.test("Executor.runCpu() may not ask for more", async () => {
  await using executor = await Executor.start();
  const { state } = await executor.runCpu(async () => {
    const { state } = await Deno.permissions.query({ name: "read" });
    return { state };
  });
  // Denied outright; what is only prompted for would wait for a terminal.
  assertEquals(state === "granted", false);
});

Deno.test("Executor.runBlocking() has the program's permissions", async () => {
  await using executor = await Executor.start();
  const text = await executor.runBlocking((path) => Deno.readTextFileSync(path), own);
  assertEquals(typeof text, "string");
});

Deno.test("Executor grants a CPU task just what `permissions` names", async () => {
  const file = await Deno.makeTempFile();
  const other = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, "granted");
    await using executor = await Executor.start({ cpu: { permissions: { read: [file] } } });
    const read = (path: string) => Deno.readTextFileSync(path);
    assertEquals(await executor.runCpu(read, file), "granted");
    await assertRejects(() => executor.runCpu(read, other), Deno.errors.NotCapable);
    await assertRejects(() => executor.runCpu(() => Deno.env.get("PATH")), Deno.errors.NotCapable);
    await assertRejects(
      () => executor.runCpu((path: string) => Deno.writeTextFileSync(path, ""), file),
      Deno.errors.NotCapable,
    );
  } finally {
    await Deno.remove(file);
    await Deno.remove(other);
  }
});

Deno.test("Executor takes its permissions when it is made", async () => {
  const file = await Deno.makeTempFile();
  try {
    const url = new URL("file:///no/such/file");
    const permissions = { read: [url] as (string | URL)[], env: false };
    const executor = new Executor({ cpu: { permissions } });
    permissions.read.push(file);
    url.href = pathToFileURL(file).href;
    permissions.env = true;
    await using _ = executor;
    await executor.startup();
    const read = (path: string) => Deno.readTextFileSync(path);
    await assertRejects(() => executor.runCpu(read, file), Deno.errors.NotCapable);
    await assertRejects(() => executor.runCpu(() => Deno.env.get("PATH")), Deno.errors.NotCapable);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("Executor takes no permissions from Object.prototype", async () => {
  // deno-lint-ignore no-explicit-any -- what a polluted program looks like
  const polluted = Object.prototype as any;
  polluted.permissions = "inherit";
  try {
    await using executor = await Executor.start({ cpu: {} });
    await assertRejects(
      () => executor.runCpu((path) => Deno.readTextFileSync(path), own),
      Deno.errors.NotCapable,
    );
  } finally {
    delete polluted.permissions;
  }
});

testOfWorkers("Executor.startup() rejects permissions that the program does not have", {
  permissions: { read: true },
}, async () => {
  const executor = new Executor({ cpu: { permissions: { env: true } } });
  await assertRejects(
    () => executor.startup(),
    WorkerStartError,
    "Cannot start a cpu worker with env: this program has not got that, or not all of it",
  );
  assertEquals(executor.isRunning, false);
  assertEquals(executor.stats().cpu.workers, 0);
});

const [granted, denied] = [pathOf("tests"), pathOf("src")];

testOfWorkers("Executor.startup() names each permission that the program does not have", {
  permissions: { read: [granted], env: ["PATH"] },
}, async () => {
  const rows: [Deno.PermissionOptions, string][] = [
    [{ read: true }, "read"],
    [{ read: [own, denied] }, `read permission for "${denied}"`],
    [
      { read: [pathToFileURL(denied)], net: ["a.b"] },
      `for "${denied}", net permission for "a.b"`,
    ],
    [{ env: ["PATH", "HOME"], run: true }, 'env permission for "HOME", run'],
  ];
  for (const [permissions, part] of rows) {
    const executor = new Executor({ cpu: { permissions } });
    const { message } = await assertRejects(() => executor.startup(), WorkerStartError);
    assertStringIncludes(message, part);
    assertStringIncludes(message, ": this program has not got that");
  }
});

Deno.test("Executor restricts the blocking pool on demand", async () => {
  await using executor = await Executor.start({ blocking: { permissions: { env: ["PATH"] } } });
  assertEquals(executor.stats().blocking.workers, 1);
  assertEquals(typeof await executor.runBlocking(() => Deno.env.get("PATH")), "string");
  await assertRejects(
    () => executor.runBlocking((path) => Deno.readTextFileSync(path), own),
    Deno.errors.NotCapable,
  );
});
