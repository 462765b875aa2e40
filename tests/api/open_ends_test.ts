import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  Executor,
  type ExecutorOptions,
  NotCloneableError,
  ShutdownError,
  tasksFrom,
  testOfWorkers,
  transfer,
  WorkerCrashedError,
} from "../support/isolation.ts";
import { hasProcesses, transfersStreams } from "../support/features.ts";
import { until } from "../support/waiting.ts";

const tasks = tasksFrom(import.meta, () => import("../fixtures/open_ends.ts"));
const pools = ["blocking", "cpu"] as const;
type PoolName = typeof pools[number];

// Deno closes the ports of a stream that was transferred when it likes: some after the test, and
// never those of a stream whose other side dies while a chunk waits.
const testOfStreams = (name: string, test: () => Promise<void>) =>
  testOfWorkers(
    name,
    { ignore: !transfersStreams, sanitizeResources: false, sanitizeOps: false },
    test,
  );

/** One worker in each pool, both of which may exit. */
const withOneWorker = (options?: ExecutorOptions) =>
  Executor.start({
    blocking: { maxWorkers: 1, idleTimeout: 30 },
    cpu: { maxWorkers: 1, idleTimeout: 30, permissions: "inherit" },
    ...options,
  });

const run = (executor: Executor, pool: PoolName) =>
  (pool === "cpu" ? executor.runCpu : executor.runBlocking).bind(executor);

/** Waits until a worker of the other pool that was used last has been idle for too long. */
async function idleFor(executor: Executor, pool: PoolName): Promise<void> {
  const other = pool === "cpu" ? "blocking" : "cpu";
  for (let i = 0; i < 2; i++) {
    await run(executor, other)(() => {});
    await until(() => executor.stats()[other].workers === 0);
  }
}

/** Reads some numbers, and leaves the rest. */
async function readSome(stream: ReadableStream<number>): Promise<void> {
  const reader = stream.getReader();
  for (const value of [0, 1, 2]) assertEquals(await reader.read(), { done: false, value });
  await reader.cancel();
}

/** Asks a port for something, and closes it. */
async function ask(port: MessagePort): Promise<void> {
  const answer = new Promise((resolve) => port.onmessage = ({ data }) => resolve(data));
  port.postMessage("hello");
  assertEquals(await answer, "hello");
  port.close();
}

/** What has one end in a worker, and how it is used later. */
const left: Record<string, (executor: Executor, pool: PoolName) => Promise<() => Promise<void>>> = {
  "a ReadableStream that a task returned": async (executor, pool) => {
    const body = await run(executor, pool)(tasks.source);
    return () => readSome(body);
  },
  "a ReadableStream in an object": async (executor, pool) => {
    const { body, ...rest } = await run(executor, pool)(tasks.nestedSource);
    assertEquals(rest, { status: 200, headers: [["a", "b"]] });
    return () => readSome(body);
  },
  "a ReadableStream in a Map": async (executor, pool) => {
    const map = await run(executor, pool)(tasks.mappedSource);
    return () => readSome(map.get("body")!);
  },
  "a ReadableStream that was told": async (executor, pool) => {
    let told: ReadableStream<number>;
    const runner = executor.with({ onProgress: ({ body }) => told = body });
    await (pool === "cpu" ? runner.runCpu : runner.runBlocking)(tasks.toldSource);
    return () => readSome(told);
  },
  "a ReadableStream that was yielded": async (executor, pool) => {
    const streams = pool === "cpu"
      ? executor.streamCpu(tasks.yieldedSources, 1)
      : executor.streamBlocking(tasks.yieldedSources, 1);
    const [body] = await Array.fromAsync(streams);
    return () => readSome(body!);
  },
  "a WritableStream that a task returned": async (executor, pool) => {
    const writer = (await run(executor, pool)(tasks.sink, 0)).getWriter();
    return async () => {
      await writer.write(1);
      await writer.close();
    };
  },
  "a TransformStream that a task returned": async (executor, pool) => {
    const doubler = await run(executor, pool)(tasks.doubler);
    assert(doubler instanceof TransformStream);
    return async () =>
      assertEquals(await Array.fromAsync(ReadableStream.from([1, 2]).pipeThrough(doubler)), [2, 4]);
  },
  "a MessagePort that a task returned": async (executor, pool) => {
    const port = await run(executor, pool)(tasks.echo);
    return () => ask(port);
  },
  "a ReadableStream that a task was given": async (executor, pool) => {
    const { readable, writable } = new TransformStream<number>();
    const counts = new Int32Array(new SharedArrayBuffer(8));
    const given = transfer({ body: readable }, [readable]);
    await run(executor, pool)(tasks.readLater, given, counts);
    return async () => {
      const writer = writable.getWriter();
      for (let n = 0; n < 5; n++) await writer.write(n);
      await writer.close();
      await until(() => counts[1] === 1);
      assertEquals(counts[0], 5);
    };
  },
  "a WritableStream that a task was given": async (executor, pool) => {
    const { readable, writable } = new TransformStream<number>();
    await run(executor, pool)(tasks.writeLater, transfer(writable, [writable]), 3);
    return async () => assertEquals(await Array.fromAsync(readable), [0, 1, 2]);
  },
  "a MessagePort that a task was given": async (executor, pool) => {
    const { port1, port2 } = new MessageChannel();
    await run(executor, pool)(tasks.answer, transfer(port2, [port2]));
    return () => ask(port1);
  },
};

for (const [what, open] of Object.entries(left)) {
  for (const pool of pools) {
    testOfStreams(`A ${pool} worker is not retired before ${what} has ended`, async () => {
      await using executor = await withOneWorker();
      const use = await open(executor, pool);
      await idleFor(executor, pool);
      assertEquals(executor.stats()[pool].workers, 1);
      // The worker takes other tasks meanwhile.
      assertEquals(await run(executor, pool)((n: number) => n, 1), 1);
      await use();
      await until(() => executor.stats()[pool].workers === 0);
    });
  }

  // What was given to a port's task is the caller's: nobody knows when the caller has done with it.
  if (what === "a MessagePort that a task was given") continue;

  testOfStreams(`Executor.shutdown() waits for ${what}`, async () => {
    const executor = await withOneWorker();
    const use = await open(executor, "blocking");
    const stopped = executor.shutdown();
    await use();
    await stopped;
    assertEquals(executor.stats().blocking.workers, 0);
  });

  testOfStreams(`Executor.shutdown({ timeout }) does not wait for ever for ${what}`, async () => {
    const executor = await withOneWorker();
    await open(executor, "cpu");
    await executor.shutdown({ timeout: 10 });
    assertEquals(executor.stats().cpu.workers, 0);
  });
}

testOfStreams("Executor.shutdown() does not wait for a port that a task was given", async () => {
  const executor = await withOneWorker();
  const { port1, port2 } = new MessageChannel();
  await executor.runCpu(tasks.answer, transfer(port2, [port2]));
  await executor.shutdown();
  port1.close();
});

testOfStreams("Executor.shutdown() waits until the sink of a stream has closed", async () => {
  const executor = await withOneWorker();
  const counts = new Int32Array(new SharedArrayBuffer(8));
  const writer = (await executor.runCpu(tasks.countingSink, counts)).getWriter();
  await writer.write(1);
  await writer.close();
  await executor.shutdown();
  assertEquals([...counts], [1, 1]);
});

testOfStreams("Executor.shutdown() waits until a source that was cancelled has ended", async () => {
  const executor = await withOneWorker();
  const body = await executor.runCpu(tasks.slowlyCancelled);
  await body.cancel();
  const begun = performance.now();
  await executor.shutdown();
  assert(performance.now() - begun > 50);
});

/** How a worker ends, and what its streams then say. */
const ways: Record<string, [(executor: Executor) => unknown, new (m: string) => Error, string]> = {
  "has exited": [
    (executor) => executor.runCpu(tasks.exit).catch(() => {}),
    WorkerCrashedError,
    "while a stream of it was open: it ended by itself",
  ],
  "is given up": [
    (executor) => executor.with({ timeout: 20 }).runCpu(tasks.beStuck, 1_000).catch(() => {}),
    WorkerCrashedError,
    "while a stream of it was open: it was given up, as it did not respond",
  ],
  "is terminated": [
    (executor) => executor.terminate(),
    ShutdownError,
    "terminated while the stream was open",
  ],
  "has no time left": [
    (executor) => executor.shutdown({ timeout: 10 }),
    ShutdownError,
    "terminated while the stream was open",
  ],
};

for (const inline of [false, true]) {
  for (const [way, [end, error, message]] of Object.entries(ways)) {
    if (inline && error !== ShutdownError) continue;
    const where = inline ? ", inline" : "";

    testOfStreams(`Streams and ports end when their worker ${way}${where}`, async () => {
      const executor = inline ? await Executor.start({ inline }) : await withOneWorker();
      const told: string[] = [];
      const tell = (name: string) => (reason: unknown) => {
        assert(reason instanceof error, `${name}: ${reason}`);
        told.push(name);
      };
      // Returned: those who wait, and those who come later.
      const body = (await executor.runCpu(tasks.source)).getReader();
      await body.read();
      const silent = (await executor.runCpu(tasks.silentSource)).getReader();
      const reads = assertRejects(() => silent.read(), error, message);
      const sink = (await executor.runCpu(tasks.silentSink)).getWriter();
      // The first has left for the sink, unless the sink is here.
      sink.write(1).catch(() => {});
      const writes = [sink.write(2), sink.write(3), sink.closed]
        .map((done) => assertRejects(() => done, error, message));
      const transform = (await executor.runCpu(tasks.silentTransform)).silent;
      const transforms = assertRejects(
        () => transform.readable.getReader().read(),
        error,
        message,
      );
      const port = await executor.runCpu(tasks.echo);
      const closed = new Promise((resolve) => port.addEventListener("close", resolve));
      port.start();
      // Given: some that are used, and some that nobody uses yet.
      for (const task of [tasks.readLater, tasks.keep]) {
        const given = new ReadableStream<number>({ cancel: tell("source") });
        await executor.runCpu(task, transfer({ body: given }, [given]));
      }
      const given = new WritableStream<number>({ abort: tell("sink") });
      await executor.runCpu(tasks.writeLater, transfer(given, [given]), 0);

      const ended = end(executor);
      await Promise.all([reads, ...writes, transforms, closed]);
      await assertRejects(
        async () => {
          while (true) await body.read();
        },
        error,
        message,
      );
      await until(() => told.length === 3);
      await ended;
      await executor.shutdown();
    });
  }
}

testOfStreams("A stream that a task returned keeps its chunks, in order", async () => {
  await using executor = await withOneWorker();
  const chunks = ["text", new Uint8Array([1, 2]), { a: new Map([[1, 2n]]) }, null, [undefined]];
  assertEquals(await Array.fromAsync(await executor.runCpu(tasks.short, chunks)), chunks);
  assertEquals(await Array.fromAsync(await executor.runCpu(tasks.short, [])), []);
  const bytes = [new Uint8Array(3), new Uint8Array(100_000).fill(7)];
  const response = new Response(
    await executor.runCpu(tasks.short, bytes) as ReadableStream<Uint8Array<ArrayBuffer>>,
  );
  assertEquals((await response.bytes()).length, 100_003);
});

testOfStreams("A stream that a task returned tells of its error after its chunks", async () => {
  await using executor = await withOneWorker();
  const got: unknown[] = [];
  const body = await executor.runCpu(tasks.failing);
  await assertRejects(
    async () => {
      for await (const chunk of body) got.push(chunk);
    },
    RangeError,
    "out of chunks",
  );
  assertEquals(got, [1, 2]);
});

testOfStreams("A stream that a task returned is held back while nobody reads", async () => {
  await using executor = await withOneWorker();
  const pulls = new Int32Array(new SharedArrayBuffer(4));
  const body = await executor.runCpu(function (pulls: Int32Array) {
    const body = new ReadableStream({
      pull: (controller) => controller.enqueue(pulls[0]!++),
    });
    return this.transfer(body, [body]);
  }, pulls);
  const reader = body.getReader();
  for (let n = 0; n < 10; n++) await reader.read();
  await executor.runCpu(() => {});
  assert(pulls[0]! <= 15, `${pulls[0]} were made when 10 were read`);
  await reader.cancel();
});

testOfStreams("Cancelling and aborting reach the worker", async () => {
  await using executor = await withOneWorker();
  await (await executor.runCpu(tasks.source)).cancel("enough");
  await (await executor.runCpu(tasks.sink, 0)).abort(new Error("never mind"));
  const log: string[] = [];
  while (log.length < 2) log.push(...await executor.runCpu(tasks.seen));
  assertEquals(log.sort(), ["aborted: never mind", "cancelled"]);
});

/** How streams that arrive find nobody who takes them. */
const untaken: Record<string, (executor: Executor) => Promise<unknown>> = {
  "of a task whose time was over": async (executor) => {
    const runner = executor.with({ timeout: 20 });
    await assertRejects(() => runner.runCpu(tasks.lateSource), DOMException, "timed out");
  },
  "that was told to nobody": (executor) => executor.runCpu(tasks.toldSource),
  "that was yielded to a loop that was left": async (executor) => {
    for await (const body of executor.streamCpu(tasks.yieldedSources, 2)) {
      await body.cancel();
      break;
    }
  },
};

for (const [what, run] of Object.entries(untaken)) {
  testOfStreams(`A stream ${what} is cancelled`, async () => {
    await using executor = await withOneWorker();
    const log: string[] = [];
    while (log.length === 0) {
      // Again: on a busy machine a worker may be given up after a timeout, and its log with it.
      await run(executor);
      log.push(...await executor.runCpu(tasks.seen));
    }
    assertEquals(new Set(log), new Set(["cancelled"]));
  });
}

/** How a task does not get to use its stream. */
const unused: Record<string, (executor: Executor, given: { body: ReadableStream }) => unknown> = {
  "of a task that failed": (executor, given) => executor.runCpu(tasks.throwAtOnce, given),
  "of a task that was not found": (executor, given) => {
    const { missing } = tasksFrom<{ missing(given: unknown): void }>(
      import.meta.resolve("../fixtures/open_ends.ts"),
    );
    return executor.runCpu(missing, given);
  },
  "of a task that was aborted before it began": async (executor, given) => {
    for (let i = 0; i < 20; i++) await executor.runCpu(tasks.keep, {});
    const controller = new AbortController();
    const before = executor.runCpu(tasks.beStuck, 20);
    const runner = executor.with({ signal: controller.signal });
    const aborted = runner.runCpu(tasks.keep, given);
    // It was sent ahead, and is in the worker.
    assertEquals(given.body.locked, true);
    controller.abort(new Error("never mind"));
    await before;
    await aborted;
  },
};

for (const [what, run] of Object.entries(unused)) {
  testOfStreams(`A stream that was given to a task is cancelled, ${what}`, async () => {
    await using executor = await withOneWorker();
    const cancelled = Promise.withResolvers<unknown>();
    const body = new ReadableStream({ cancel: cancelled.resolve });
    await assertRejects(async () => await run(executor, transfer({ body }, [body])));
    await cancelled.promise;
  });
}

testOfStreams("A stream that a task has kept can be read by the next task", async () => {
  await using executor = await withOneWorker();
  const given = ReadableStream.from([1, 2, 3]);
  await executor.runCpu(tasks.keep, transfer(given, [given]));
  assertEquals(await executor.runCpu(tasks.readKept), [1, 2, 3]);
});

testOfStreams("A stream that a task did not use is waited for by nobody", async () => {
  const cancelled = Promise.withResolvers<unknown>();
  const executor = await withOneWorker();
  const given = new ReadableStream({ cancel: cancelled.resolve });
  await executor.runCpu(tasks.keep, transfer(given, [given]));
  await executor.shutdown();
  await cancelled.promise;
});

testOfStreams("transfer() of a locked stream fails that task only", async () => {
  await using executor = await withOneWorker();
  const locked = new ReadableStream();
  locked.getReader();
  for (const given of [transfer(locked, [locked]), transfer({ locked }, [locked])]) {
    await assertRejects(() => executor.runCpu(tasks.keep, given), NotCloneableError, "locked");
  }
  await executor.runCpu(tasks.keep, 1);
});

testOfStreams("transfer() moves streams and what else is in the value", async () => {
  await using executor = await withOneWorker();
  const [body, bytes, when] = [ReadableStream.from([1]), new Uint8Array(10), new Date(0)];
  class Request {
    body = body;
    list = [body, { bytes }, new Set(["a"])];
    error = new Error("x", { cause: when });
  }
  const { port1, port2 } = new MessageChannel();
  const given = transfer({ request: new Request(), port: port2 }, [body, bytes.buffer, port2]);
  const result = await executor.runCpu(async ({ request, port }: typeof given) => {
    port.close();
    const { body, list, error } = request;
    const set = list[2] as unknown as Set<string>;
    return [
      body === list[0],
      await Array.fromAsync(body),
      (list[1] as { bytes: Uint8Array }).bytes.length,
      [...set],
      error.cause,
    ];
  }, given);
  port1.close();
  assertEquals(result, [true, [1], 10, ["a"], when]);
  assertEquals(bytes.length, 0);
});

Deno.test({
  name: "Streams are refused by processes, and what was given is cancelled",
  ignore: !hasProcesses || !transfersStreams,
  sanitizeResources: false,
  sanitizeOps: false,
  async fn() {
    await using executor = await Executor.start({ cpu: { maxWorkers: 1, isolation: "process" } });
    const cancelled = Promise.withResolvers<unknown>();
    const given = new ReadableStream({ cancel: cancelled.resolve });
    await assertRejects(
      () => executor.runCpu(tasks.keep, transfer(given, [given])),
      NotCloneableError,
      "ReadableStream object could not be cloned for a process",
    );
    await cancelled.promise;
    await assertRejects(
      () => executor.runCpu(tasks.source),
      NotCloneableError,
      "ReadableStream object could not be cloned for a process",
    );
  },
});
