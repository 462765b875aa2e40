/**
 * The package as its users get it: published to a registry with `deno publish`, added to a project
 * whose cache is empty, and run in every way there is.
 */

import { Buffer } from "node:buffer";
import { assert, assertEquals } from "@std/assert";
import { Consumer } from "./consumer.ts";
import { publishAll, publishThis } from "./publish.ts";
import { Registry } from "./registry.ts";

const { version } = JSON.parse(await Deno.readTextFile(new URL("../deno.json", import.meta.url)));
const readme = await Deno.readTextFile(new URL("../README.md", import.meta.url));
const [, example] = /```ts\n(.*?)```/s.exec(readme)!;

/** A command, and what must come of it. */
interface Step {
  /**
   * The arguments of `deno`, separated by spaces; `<hosts>` stands for those that modules come from,
   * `<deno>` for the path of Deno.
   */
  readonly deno: string;
  /** Its exit code; 0 if not given. */
  readonly code?: number;
  /** What it prints, line by line. */
  readonly prints?: readonly (string | RegExp)[];
  /** What it says on stderr. */
  readonly says?: RegExp;
  /** What must have happened before. */
  readonly when?: "the registry is gone" | "the cache is empty";
}

/** Somebody who uses the package. */
interface Row {
  readonly does: string;
  /** The program. */
  readonly main: string;
  /** Other files of the project. */
  readonly files?: Record<string, string>;
  /** The project's settings. */
  readonly config?: object;
  /** How the package comes into the project; `deno add` if not given. */
  readonly adds?: null;
  readonly steps: readonly Step[];
}

const RESTRICTED = { unstable: ["worker-options"] };

const tasks = `
  import { basename } from "node:path";
  export function name(path: string): string {
    return basename(path);
  }
`;

/** Modules at a URL, for those who import from one. */
const files = Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen() {} },
  () => new Response(tasks, { headers: { "Content-Type": "application/typescript" } }),
);
files.unref();
const host = `127.0.0.1:${files.addr.port}`;

/** Runs a task from everywhere, in a worker without permissions; one that wants some is refused. */
const everywhere = `
  import { Executor, tasksFrom } from "@genro/executor";

  const local = tasksFrom(import.meta, () => import("./tasks.ts"));
  const { default: bcrypt } = tasksFrom(import.meta, () => import("npm:bcryptjs@3"));
  const { slug } = tasksFrom(import.meta, () => import("jsr:@acme/tasks@1"));
  const remote = tasksFrom(import.meta, () => import("http://${host}/tasks.ts"));

  await using executor = await Executor.start();
  async function show(from: string, result: Promise<unknown>) {
    console.log(from, await result.catch(({ name, message }) => name + ": " + message));
  }
  await show("source:", executor.runCpu((a: number, b: number) => a + b, 40, 2));
  await show("file:", executor.runCpu(local.name, "/a/b"));
  await show("npm:", executor.runCpu(bcrypt.getRounds, "$2b$10$" + "a".repeat(53)));
  await show("jsr:", executor.runCpu(slug, "A Title"));
  await show("http:", executor.runCpu(remote.name, "/a/c"));
  await show("denied:", executor.runCpu(() => Deno.readTextFileSync("deno.json")));
`;
const answers = [
  "source: 42",
  "file: b",
  "npm: 10",
  "jsr: a-title",
  "http: c",
  /denied: NotCapable/,
];
const everywhereRow = { main: everywhere, files: { "tasks.ts": tasks }, config: RESTRICTED };

/** Runs one task of a module, with these options. */
const program = (options = "") => `
  import { Executor, tasksFrom } from "@genro/executor";
  const { name } = tasksFrom(import.meta, () => import("./tasks.ts"));
  await using executor = await Executor.start(${options});
  console.log(await executor.runCpu(name, "/a/module"));
`;
/** Runs one task that is sent by its source, with these options. */
const lone = (options = "") => `
  import { Executor } from "@genro/executor";
  await using executor = await Executor.start(${options});
  console.log(await executor.runCpu((n: number) => "source " + n, 1));
`;
const atJsr = `jsr:@genro/executor@${version}/worker`;

const rows: Row[] = [
  {
    does: "adds the package and runs the README's first example",
    main: example!,
    config: RESTRICTED,
    steps: [{ deno: "run -A main.ts", prints: [/^\d+ 168$/] }],
  },
  {
    does: "gives it all permissions",
    ...everywhereRow,
    steps: [{ deno: "run -A main.ts", prints: answers }],
  },
  {
    does: "gives it only the project's files",
    ...everywhereRow,
    steps: [
      { deno: "run --allow-read=. --allow-import=<hosts> main.ts", prints: answers },
      {
        deno: "run --allow-read=. main.ts",
        prints: answers.with(4, /http: WorkerStartError: .*--allow-import/),
      },
    ],
  },
  {
    does: "gives it no permissions",
    ...everywhereRow,
    steps: [{
      deno: "run --allow-import=<hosts> main.ts",
      // A worker reads local modules with the program's permission to read them.
      prints: answers.with(1, /file: WorkerStartError: .*--allow-read/),
    }],
  },
  {
    does: "caches, and goes offline",
    ...everywhereRow,
    steps: [
      { deno: "cache --allow-import=<hosts> main.ts" },
      {
        deno: "run --cached-only --allow-read=. --allow-import=<hosts> main.ts",
        prints: answers,
        when: "the registry is gone",
      },
    ],
  },
  {
    does: "has a frozen lockfile",
    ...everywhereRow,
    steps: [
      { deno: "install --allow-import=<hosts> --entrypoint main.ts" },
      { deno: "run --frozen -A main.ts", prints: answers },
    ],
  },
  {
    does: "may not import, and has the same lockfile afterwards",
    main: program(),
    files: {
      "tasks.ts": tasks,
      "revoked.ts": `
        await Deno.permissions.revoke({ name: "import" });
        await import("./main.ts");
      `,
      "restricted_test.ts": `
        import { Executor } from "@genro/executor";
        Deno.test({
          name: "restricted",
          permissions: { read: true },
          fn: async () => await (await Executor.start()).shutdown(),
        });
      `,
      "paths.ts": `
        import { Executor } from "@genro/executor";
        await using executor = await Executor.start();
        for (const path of ["./ledger.ts", "../mod.ts", "./none.ts", "/none.ts"]) {
          const load = async (path: string) => void await import(path);
          await executor.runCpu(load, path).catch(({ name }) => console.log(name));
        }
      `,
    },
    config: { ...RESTRICTED, lock: { frozen: false } },
    steps: [
      { deno: "run -A main.ts", prints: ["module"] },
      { deno: "cache --allow-import=<hosts> revoked.ts restricted_test.ts paths.ts" },
      { deno: "run -A revoked.ts", code: 1, says: /WorkerStartError: .*may not import from 127/ },
      { deno: "run --frozen -A main.ts", prints: ["module"] },
      { deno: "test -A restricted_test.ts", code: 1 },
      { deno: "run --frozen -A main.ts", prints: ["module"] },
      {
        deno: "run -A paths.ts",
        prints: ["TypeError", "TypeError", "TypeError", "TypeError"],
      },
      { deno: "run --frozen -A main.ts", prints: ["module"] },
    ],
  },
  {
    does: "vendors, and deploys the folder alone",
    ...everywhereRow,
    config: { ...RESTRICTED, vendor: true },
    steps: [
      { deno: "install --allow-import=<hosts> --entrypoint main.ts" },
      { deno: "run --cached-only -A main.ts", prints: answers, when: "the registry is gone" },
      { deno: "run -A main.ts", prints: answers, when: "the cache is empty" },
    ],
  },
  {
    does: "installs with a node_modules folder",
    ...everywhereRow,
    config: { ...RESTRICTED, nodeModulesDir: "auto" },
    steps: [
      { deno: "install --allow-import=<hosts> --entrypoint main.ts" },
      { deno: "run --cached-only -A main.ts", prints: answers },
      {
        deno: "run --allow-import=<hosts> main.ts",
        prints: answers.with(1, /file: WorkerStartError: .*--allow-read/),
      },
    ],
  },
  {
    does: "adds it to a project of Node.js",
    main: program(),
    files: { "tasks.ts": tasks, "package.json": '{ "name": "project", "type": "module" }' },
    config: RESTRICTED,
    steps: [{ deno: "run -A main.ts", prints: ["module"] }],
  },
  {
    does: "has no deno.json",
    main: program().replace('"@genro/executor"', '"jsr:@genro/executor@0.1"'),
    files: { "tasks.ts": tasks },
    adds: null,
    steps: [{ deno: "run -A --unstable-worker-options main.ts", prints: ["module"] }],
  },
  {
    does: "checks types",
    main: program(),
    files: { "tasks.ts": tasks, "wrong.ts": program().replace('"/a/module"', "1") },
    steps: [
      { deno: "check main.ts" },
      { deno: "check wrong.ts", code: 1, says: /TS2345.*'number' is not assignable.*'string'/ },
    ],
  },
  {
    does: "has not allowed unstable worker options",
    main: program(),
    files: { "tasks.ts": tasks, "inherit.ts": program('{ cpu: { permissions: "inherit" } }') },
    steps: [
      { deno: "run -A main.ts", code: 70, says: /--unstable-worker-options/ },
      { deno: "run -A --unstable-worker-options main.ts", prints: ["module"] },
      { deno: "run -A inherit.ts", prints: ["module"] },
    ],
  },
  {
    does: "runs tasks in processes",
    main: program('{ cpu: { isolation: "process" } }'),
    files: { "tasks.ts": tasks },
    steps: [
      { deno: "run -A main.ts", prints: ["module"] },
      { deno: "run --allow-run=<deno> main.ts", prints: ["module"] },
      { deno: "run main.ts", code: 1, says: /WorkerStartError: .*expected --allow-run=/ },
    ],
  },
  {
    does: "serves",
    main: `
      import { serve } from "@genro/executor/serve";
      await using server = await serve(
        async (_, { executor }) => new Response(await executor.runCpu(() => "computed")),
        { hostname: "127.0.0.1", port: 0 },
      );
      const response = await fetch("http://127.0.0.1:" + server.addr.port);
      console.log(await response.text());
    `,
    config: RESTRICTED,
    steps: [{ deno: "run --allow-net=127.0.0.1 main.ts", prints: ["computed"] }],
  },
  {
    does: "uses a library that uses it",
    main: `
      import { Executor } from "@genro/executor";
      import { digestOf } from "jsr:@acme/library@1";
      await using executor = await Executor.start();
      console.log(await digestOf(executor, "a text"));
    `,
    config: RESTRICTED,
    steps: [
      { deno: "cache main.ts" },
      { deno: "run --cached-only main.ts", prints: [/^734194ede5b0/] },
    ],
  },
  {
    does: "runs a program of the registry that uses it",
    main: "",
    adds: null,
    steps: [
      {
        deno: "run --unstable-worker-options jsr:@acme/library@1/cli",
        prints: [/^734194ede5b0/],
      },
      {
        deno: "run --allow-run=<deno> jsr:@acme/library@1/cli process",
        prints: [/^734194ede5b0/],
      },
    ],
  },
  {
    does: "bundles, and is told how",
    main: lone(),
    files: { "tasks.ts": tasks, "named.ts": program() },
    config: RESTRICTED,
    steps: [
      { deno: "bundle --output out/main.js main.ts" },
      {
        deno: "run -A out/main.js",
        code: 1,
        says: new RegExp(`WorkerStartError: .*{ workerUrl: "${atJsr}" }`),
      },
      { deno: "bundle --output out/named.js named.ts" },
      { deno: "run -A out/named.js", code: 1, says: /tasksFrom<typeof import\(/ },
    ],
  },
  {
    does: "bundles, with workers from the registry",
    main: lone(`{ workerUrl: "${atJsr}" }`),
    files: { "mapped.ts": lone('{ workerUrl: import.meta.resolve("@genro/executor/worker") }') },
    config: RESTRICTED,
    steps: [
      { deno: "bundle --output out/main.js main.ts" },
      { deno: "bundle --minify --output out/mapped.js mapped.ts" },
      { deno: "run out/main.js", prints: ["source 1"], when: "the cache is empty" },
      { deno: "run out/mapped.js", prints: ["source 1"] },
    ],
  },
  {
    does: "bundles, with a bundle of the worker and of its tasks",
    main: program('{ workerUrl: new URL("./worker.js", import.meta.url) }').replace(
      'tasksFrom(import.meta, () => import("./tasks.ts"))',
      'tasksFrom<typeof import("./tasks.ts")>(new URL("./tasks.js", import.meta.url))',
    ),
    files: { "tasks.ts": tasks },
    config: RESTRICTED,
    steps: [
      { deno: "bundle --output out/main.js main.ts" },
      { deno: "bundle --output out/tasks.js tasks.ts" },
      { deno: `bundle --output out/worker.js ${atJsr}` },
      {
        deno: "run --no-config --unstable-worker-options -A out/main.js",
        prints: ["module"],
        when: "the registry is gone",
      },
    ],
  },
  {
    does: "bundles, with tasks in processes",
    main: lone(`{ cpu: { isolation: "process" }, workerUrl: "${atJsr}" }`),
    files: {
      "own.ts": lone(
        '{ cpu: { isolation: "process" }, workerUrl: new URL("./worker.js", import.meta.url) }',
      ),
    },
    steps: [
      { deno: "bundle --output out/main.js main.ts" },
      { deno: "bundle --output out/own.js own.ts" },
      { deno: `bundle --output out/worker.js ${atJsr}` },
      { deno: "run -A out/main.js", prints: ["source 1"] },
      { deno: "run -A out/own.js", prints: ["source 1"] },
    ],
  },
  {
    does: "has workers of another version",
    main: lone('{ workerUrl: new URL("./old.js", import.meta.url) }'),
    files: {
      "old.js": `
        import { serve as current } from "@genro/executor/worker";
        export const serve = (loaders) => current(loaders, "0.0.1");
      `,
    },
    config: RESTRICTED,
    steps: [{ deno: "run -A main.ts", code: 1, says: /WorkerStartError: .*of the same version/ }],
  },
];

/** Whether `deno task setup` has linked the stand-ins, as JSR does not answer. */
const offline = await Deno.lstat(new URL("../.offline", import.meta.url)).catch(() => undefined);
const registry = new Registry(offline === undefined ? "https://jsr.io" : undefined);

Deno.test.beforeAll(async () => {
  if (offline !== undefined) {
    const standIns = ["assert", "async", "testing"].map((name) => `tests/standins/${name}`);
    await publishAll(registry, ...standIns);
  }
  for (const { stderr } of await publishThis(registry)) assert(!/warning/i.test(stderr), stderr);
  await publishAll(registry, "rehearse/packages/tasks", "rehearse/packages/library");
});

Deno.test.afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await files.shutdown();
});

for (const { does, main, files, config, adds, steps } of rows) {
  Deno.test(`A consumer ${does}`, async () => {
    await using near = new Registry(registry.url);
    await using consumer = new Consumer(near.url);
    for (const [name, text] of Object.entries({ "main.ts": main, ...files })) {
      await consumer.write(name, text);
    }
    if (adds !== null) {
      const { code, stderr } = await consumer.deno(["add", "jsr:@genro/executor"]);
      assertEquals(code, 0, stderr);
    }
    if (config !== undefined) await consumer.configure(config);
    for (const step of steps) {
      if (step.when === "the registry is gone") await near[Symbol.asyncDispose]();
      if (step.when === "the cache is empty") await consumer.forget();
      const hosts = `${host},${new URL(near.url).host}`;
      // Split first: a path may contain spaces.
      const args = step.deno.split(" ").map((arg) =>
        arg.replace("<hosts>", () => hosts).replace("<deno>", () => Deno.execPath())
      );
      await take(consumer, step, args);
    }
  });
}

Deno.test("A reader finds all that the README and the guide link to in the package", async () => {
  const files = registry.filesOf("@genro/executor", version);
  const pages = files.filter((file) => file === "/README.md" || file.startsWith("/docs/"));
  assert(pages.length > 10);
  for (const page of pages) {
    const text = await Deno.readTextFile(new URL(`..${page}`, import.meta.url));
    for (const [, link] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
      const { pathname } = new URL(link!, `file://${page}`);
      const found = files.some((file) => file === pathname || file.startsWith(`${pathname}/`));
      assert(found, `${page} links to ${link}, which is not published`);
    }
  }
});

Deno.test("A consumer compiles, and finds all that a worker needs in the program", async () => {
  await using near = new Registry(registry.url);
  await using consumer = new Consumer(near.url);
  await consumer.write("main.ts", program());
  await consumer.write("tasks.ts", tasks);
  assertEquals((await consumer.deno(["add", "jsr:@genro/executor"])).code, 0);
  await consumer.configure(RESTRICTED);
  const out = Deno.build.os === "windows" ? "out.exe" : "out";
  const compile = ["compile", "-A", "--output", out, "main.ts"];
  const { code, stderr } = await consumer.deno(compile);
  if (code === 0) {
    const { code, stdout, stderr } = await consumer.run(out);
    assertEquals({ code, stdout }, { code: 0, stdout: "module\n" }, stderr);
  } else {
    // Deno's runtime for compiled programs cannot be had here: look at what would be added to it.
    assert(/Download .*denort|lookup|connect/.test(stderr), stderr);
    const anyProgram = { DENORT_BIN: Deno.execPath() };
    const { code, stderr: said } = await consumer.deno(compile, anyProgram);
    assertEquals(code, 0, said);
  }
  const compiled = Buffer.from((await consumer.read(out)).buffer);
  for (const module of ["worker.ts", "src/worker/task_server.ts", "src/worker/process_main.ts"]) {
    assert(compiled.includes(`${near.url}@genro/executor/${version}/${module}`), module);
  }
  // Of tasks.ts, and of worker.ts.
  assert(compiled.includes("return basename(path)"));
  assert(compiled.includes("workerUrl must be of the same version"));
});

/** Takes a step, and sees that what must come of it has come. */
async function take(consumer: Consumer, step: Step, args: string[]): Promise<void> {
  const { code, stdout, stderr } = await consumer.deno(args);
  const told = `deno ${args.join(" ")}\n${stdout}${stderr}`;
  assertEquals(code, step.code ?? 0, told);
  if (step.says !== undefined) assert(step.says.test(stderr), told);
  if (step.prints === undefined) return;
  const lines = stdout.trimEnd().split("\n");
  assertEquals(lines.length, step.prints.length, told);
  for (const [i, expected] of step.prints.entries()) {
    if (typeof expected === "string") assertEquals(lines[i], expected, told);
    else assert(expected.test(lines[i]!), told);
  }
}
