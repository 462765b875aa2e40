import { AsyncLocalStorage } from "node:async_hooks";
import { assertEquals, assertRejects } from "@std/assert";
import { Executor, isolation, type TaskContext } from "../support/isolation.ts";
import { until } from "../support/waiting.ts";

const storage = new AsyncLocalStorage<string>();

/** What a task that runs in this thread finds. */
const here = { stored: () => storage.getStore(), seen: [] as unknown[], begun: 0 };
Object.assign(globalThis, { here });
type Here = { here: typeof here };

async function tell(this: TaskContext, count: number) {
  for (let n = 0; n < count; n++) {
    this.progress(n);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

async function* tellAndYield(this: TaskContext, count: number) {
  for (let n = 0; n < count; n++) {
    this.progress(n);
    yield await Promise.resolve(n);
  }
}

const pools = ["Blocking", "Cpu"] as const;

for (const kind of [isolation, "inline"] as const) {
  const start = (maxWorkers = 1) =>
    Executor.start({
      inline: kind === "inline",
      blocking: { maxWorkers },
      cpu: { maxWorkers },
    });

  for (const pool of pools) {
    Deno.test(`RunOptions.onProgress of run${pool}() is in its caller's context, ${kind}`, async () => {
      await using executor = await start();
      const seen: Record<string, unknown[]> = {};
      const call = async (name: string) => {
        const heard: unknown[] = seen[name] = [];
        const runner = executor.with({ onProgress: () => heard.push(storage.getStore()) });
        await runner[`run${pool}`](tell, 2);
        for await (const _ of runner[`map${pool}`](tell, [1]));
        for await (const _ of runner[`stream${pool}`](tellAndYield, 2));
      };
      // The first one starts the worker; the others wait until it is free, and are sent from there.
      const names = ["Alice", "Bob", "Carol"];
      await Promise.all([...names.map((name) => storage.run(name, call, name)), call("nobody")]);
      for (const name of [...names, "nobody"]) {
        const expected = name === "nobody" ? undefined : name;
        assertEquals(seen[name], Array(5).fill(expected), name);
      }
    });

    Deno.test(`Executor.stream${pool}() belongs to whoever called it, ${kind}`, async () => {
      await using executor = await start();
      const heard: unknown[] = [];
      const runner = executor.with({ onProgress: () => heard.push(storage.getStore()) });
      const stream = storage.run("Alice", () => runner[`stream${pool}`](tellAndYield, 3));
      await storage.run("Bob", () => stream.next());
      for await (const _ of stream);
      assertEquals(heard, ["Alice", "Alice", "Alice"]);
    });

    Deno.test(`Executor.map${pool}() reads its source in its caller's context, ${kind}`, async () => {
      await using executor = await start();
      const seen: unknown[] = [];
      const iterator = {
        next: () => {
          seen.push(storage.getStore());
          return { done: false as const, value: 1 };
        },
        return: () => {
          seen.push(storage.getStore());
          return { done: true as const, value: undefined };
        },
        [Symbol.iterator]() {
          seen.push(storage.getStore());
          return this;
        },
      };
      const map = storage.run(
        "Alice",
        () => executor[`map${pool}`]((n: number) => n, iterator, { buffer: 2 }),
      );
      // Whoever reads it.
      await storage.run("Bob", () => map.next());
      await map.next();
      await map.return!();
      assertEquals(new Set(seen), new Set(["Alice"]));
    });
  }

  Deno.test(`Executor calls its listeners in no caller's context, ${kind}`, async () => {
    const executor = new Executor({
      inline: kind === "inline",
      cpu: { maxWorkers: 1, maxQueue: 1, idleTimeout: 5 },
      blocking: { maxWorkers: 1, idleTimeout: 5 },
    });
    const seen: unknown[] = [];
    await storage.run("Alice", async () => {
      for (const type of ["workerstart", "workercrash", "queuefull", "workerretire"] as const) {
        executor.addEventListener(type, () => seen.push(type, storage.getStore()));
      }
      await executor.startup();
      await executor.runCpu(() => {});
      await Promise.allSettled([1, 2, 3].map((n) => executor.runCpu((n: number) => n, n)));
      if (kind !== "inline") await executor.runBlocking(() => Deno.exit(1)).catch(() => {});
      await executor.runBlocking(() => {});
    });
    await until(() => seen.filter((type) => type === "workerretire").length >= 2);
    await storage.run("Bob", () => executor.shutdown());
    const told = seen.filter((type) => type !== undefined);
    assertEquals(
      new Set(told),
      new Set(
        kind === "inline"
          ? ["workerstart", "queuefull", "workerretire"]
          : ["workerstart", "workercrash", "queuefull", "workerretire"],
      ),
    );
  });
}

async function beforeAndAfter() {
  const { here } = globalThis as unknown as Here;
  const before = here.stored();
  await new Promise((resolve) => setTimeout(resolve, 1));
  return `${before} ${here.stored()}`;
}

async function* yieldForEver() {
  const { here } = globalThis as unknown as Here;
  try {
    for (;;) yield await Promise.resolve(`${here.stored()}`);
  } finally {
    await Promise.resolve();
    here.seen.push(`finally ${here.stored()}`);
  }
}

function waitForAbort(this: TaskContext) {
  const { here } = globalThis as unknown as Here;
  here.begun++;
  return new Promise<void>((resolve) => {
    this.signal.addEventListener("abort", () => {
      here.seen.push(`abort ${here.stored()}`);
      resolve();
    });
  });
}

for (const pool of pools) {
  Deno.test(`Executor({ inline }) runs tasks of ${pool} in their caller's context`, async () => {
    const workers = { maxWorkers: 1 };
    await using executor = await Executor.start({ inline: true, blocking: workers, cpu: workers });
    const call = async (name: string | undefined) => {
      const both = `${name} ${name}`;
      assertEquals(await executor[`run${pool}`](beforeAndAfter), both);
      const mapped = executor[`map${pool}`](beforeAndAfter, [1, 2] as never[]);
      assertEquals(await Array.fromAsync(mapped), [both, both]);
      for await (const value of executor[`stream${pool}`](yieldForEver)) {
        assertEquals(value, `${name}`);
        break;
      }
      await until(() => here.seen.length === 1);
      const controller = new AbortController();
      here.begun = 0;
      const aborted = executor.with({ signal: controller.signal })[`run${pool}`](waitForAbort);
      await until(() => here.begun === 1);
      // By whoever it may be.
      storage.run("Mallory", () => controller.abort(new Error("enough")));
      await assertRejects(() => aborted, Error, "enough");
      await until(() => here.seen.length === 2);
      assertEquals(here.seen.splice(0), [`finally ${name}`, `abort ${name}`]);
    };
    for (const name of ["Alice", "Bob"]) await storage.run(name, call, name);
    await call(undefined);
    // All of them together, where each is begun by the end of another.
    const results = await Promise.all(["Alice", "Bob", "Carol"].map((name) => {
      return storage.run(name, () => executor[`run${pool}`](beforeAndAfter));
    }));
    assertEquals(results, ["Alice Alice", "Bob Bob", "Carol Carol"]);
  });
}
