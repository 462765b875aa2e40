// deno-lint-ignore-file no-explicit-any -- wrong types are the point
import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { Executor } from "@genro/executor";

const wrong: [any, typeof RangeError | typeof TypeError, string][] = [
  [
    { cpu: { maxWorkers: 0 } },
    RangeError,
    "cpu.maxWorkers: expected an integer of at least 1, received 0",
  ],
  [{ cpu: { maxWorkers: -1 } }, RangeError, "received -1"],
  [{ cpu: { maxWorkers: 1.5 } }, RangeError, "received 1.5"],
  [{ cpu: { maxWorkers: NaN } }, RangeError, "received NaN"],
  [{ cpu: { maxWorkers: Infinity } }, RangeError, "received Infinity"],
  [{ cpu: { maxWorkers: "4" } }, TypeError, `received "4"`],
  [{ cpu: { maxWorkers: 4n } }, TypeError, "received 4n"],
  [{ cpu: { maxWorkers: null } }, TypeError, "received null"],
  [{ blocking: { minWorkers: -1 } }, RangeError, "blocking.minWorkers"],
  [{ blocking: { minWorkers: 0.5 } }, RangeError, "received 0.5"],
  [{ blocking: { minWorkers: 3, maxWorkers: 2 } }, RangeError, "received 3"],
  [{ cpu: { maxQueue: 0 } }, RangeError, "cpu.maxQueue"],
  [{ cpu: { maxQueue: -Infinity } }, RangeError, "received -Infinity"],
  [{ cpu: { maxQueue: "many" } }, TypeError, `received "many"`],
  [{ cpu: { idleTimeout: -1 } }, RangeError, "cpu.idleTimeout"],
  [{ cpu: { idleTimeout: NaN } }, RangeError, "received NaN"],
  [{ cpu: { idleTimeout: "1s" } }, TypeError, `received "1s"`],
  [{ cpu: { permissions: "all" } }, TypeError, `received "all"`],
  [{ cpu: { permissions: true } }, TypeError, "received true"],
  [{ cpu: { permissions: null } }, TypeError, "received null"],
  [{ cpu: { permissions: { raed: true } } }, TypeError, "cpu.permissions.raed: there is no such"],
  [{ cpu: { permissions: { read: "data" } } }, TypeError, `cpu.permissions.read: expected true`],
  [{ cpu: { permissions: { read: null } } }, TypeError, "received null"],
  [{ cpu: { permissions: { env: ["A", 1] } } }, TypeError, "received 1"],
  [{ cpu: { permissions: { env: [""] } } }, TypeError, `received ""`],
  [{ cpu: { permissions: { read: [new URL("https://a.b")] } } }, TypeError, "file URLs, received"],
  [{ cpu: { isolation: "thread" } }, TypeError, `received "thread"`],
  [{ cpu: { isolation: "process" }, inline: true }, TypeError, "cpu.isolation: { inline: true }"],
  [{ cpu: { memoryLimit: 100 } }, TypeError, `expected cpu.isolation "process"`],
  [{ cpu: { isolation: "process", memoryLimit: 0 } }, RangeError, "received 0"],
  [{ cpu: { isolation: "process", memoryLimit: "1 GB" } }, TypeError, `received "1 GB"`],
  [{ cpu: { args: ["--quiet"] } }, TypeError, `cpu.args: only a process is started with flags`],
  [{ cpu: { isolation: "worker", args: [] } }, TypeError, `received "worker"`],
  [{ cpu: { isolation: "process", args: "--quiet" } }, TypeError, `received "--quiet"`],
  [{ cpu: { isolation: "process", args: [1] } }, TypeError, "cpu.args: expected an array of flags"],
  [{ cpu: { isolation: "process", args: { length: 1 } } }, TypeError, "received { length: 1 }"],
  ...["main.ts", "-A", "-qA", "--", "-", "", "map.json", " --quiet"].map((flag) =>
    [
      { cpu: { isolation: "process", args: ["--quiet", flag] } },
      TypeError,
      `cpu.args: expected flags such as --name or --name=value, received ${JSON.stringify(flag)}`,
    ] as [any, typeof TypeError, string]
  ),
  ...[
    "--allow-all",
    "--allow-read",
    "--allow-read=data",
    "--deny-net",
    "--ignore-env=HOME",
    "--permission-set=all",
    "--allow-scripts=npm:esbuild",
  ].map((flag) =>
    [
      { blocking: { isolation: "process", args: [flag] } },
      TypeError,
      `blocking.args: what a process may do is said by permissions, received "${flag}"`,
    ] as [any, typeof TypeError, string]
  ),
  [{ cpu: 4 }, TypeError, "Cannot use cpu: expected an object, received 4"],
  [{ cpu: null }, TypeError, "received null"],
  [{ inline: "yes" }, TypeError, `received "yes"`],
  [{ workerUrl: 4 }, TypeError, "Cannot use workerUrl: expected an absolute URL, received 4"],
  [{ workerUrl: "./worker.ts" }, TypeError, 'gives, received "./worker.ts"'],
  [{ cpu: { maxWorker: 1 } }, TypeError, "Cannot use cpu.maxWorker: there is no such option"],
  [{ maxWorkers: 1 }, TypeError, "expected blocking, cpu, inline, workerUrl"],
  [4, TypeError, "received 4"],
  [null, TypeError, "received null"],
];

Deno.test("new Executor() refuses options that make no sense, and quotes them", () => {
  for (const [options, ErrorClass, message] of wrong) {
    const error = assertThrows(() => new Executor(options), ErrorClass);
    assertStringIncludes((error as Error).message, message);
  }
});

Deno.test("Executor.with() refuses options that make no sense, and quotes them", () => {
  const executor = new Executor();
  const wrong: [any, typeof RangeError | typeof TypeError, string][] = [
    [{ timeout: 0 }, RangeError, "received 0"],
    [{ timeout: -5 }, RangeError, "received -5"],
    [{ timeout: NaN }, RangeError, "received NaN"],
    [{ timeout: "5" }, TypeError, `received "5"`],
    [{ signal: {} }, TypeError, "expected an AbortSignal, received {}"],
    [{ timeOut: 5 }, TypeError, "timeOut: there is no such option; expected signal, timeout, on"],
    [null, TypeError, "received null"],
  ];
  for (const [options, ErrorClass, message] of wrong) {
    const error = assertThrows(() => executor.with(options), ErrorClass);
    assertStringIncludes((error as Error).message, message);
  }
  executor.with({});
  executor.with({ timeout: Infinity });
});

Deno.test("Executor.shutdown() refuses options that make no sense, and quotes them", async () => {
  await using executor = await Executor.start();
  const wrong: [any, typeof RangeError | typeof TypeError, string][] = [
    [{ timeout: -1 }, RangeError, "received -1"],
    [{ timeout: NaN }, RangeError, "received NaN"],
    [{ timeout: "1" }, TypeError, `received "1"`],
    [{ wait: 1 }, TypeError, "received 1"],
    [{ cancelQueued: "no" }, TypeError, `received "no"`],
    [{ timeOut: 5 }, TypeError, "timeOut: there is no such option; expected wait, cancelQueued"],
  ];
  for (const [options, ErrorClass, message] of wrong) {
    await assertRejects(() => executor.shutdown(options), ErrorClass, message);
  }
  assertEquals(executor.isRunning, true);
});

Deno.test("Executor.with() takes a timeout longer than a timer can have", async () => {
  await using executor = await Executor.start({ cpu: { idleTimeout: 2 ** 40 } });
  const result = executor.with({ timeout: 2 ** 40 }).runCpu((n: number) => n, 42);
  assertEquals(await result, 42);
  assertEquals(executor.stats().cpu.workers, 1);
});

Deno.test("new Executor() reads own properties only", () => {
  const inherited = Object.create({ cpu: { maxWorkers: -1 } });
  new Executor(inherited);
  new Executor({ cpu: Object.create({ maxWorkers: -1 }) });
});
