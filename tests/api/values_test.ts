import { Buffer } from "node:buffer";
import crypto from "node:crypto";
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { clonesBlobs, transfersStreams } from "../support/features.ts";
import {
  Executor,
  type ExecutorOptions,
  isolation,
  NotCloneableError,
  type TaskContext,
  tasksFrom,
} from "../support/isolation.ts";

/** Where tasks run. */
const places: Record<string, ExecutorOptions> = {
  [`in a ${isolation}`]: { cpu: { maxWorkers: 2 } },
  inline: { inline: true },
};

/** How deep values are that are sent; see MAX_LEVELS of the source. */
const LEVELS = Deno.build.os === "windows" ? 1_000 : 1_900;

/** Each makes a value of about so many levels; by its source, as tasks make some, too. */
const shapes: Record<string, string> = {
  "objects": `JSON.parse('{"o":'.repeat(levels) + 1 + "}".repeat(levels))`,
  "instances of a class": `(() => {
    class Node { constructor(next) { this.next = next; } }
    let value = null;
    for (let i = 0; i < levels; i++) value = new Node(value);
    return value;
  })()`,
  "objects of which each is in a list, too": `(() => {
    const nodes = Array.from({ length: levels }, () => ({ next: null }));
    nodes.forEach((node, i) => node.next = nodes[i + 1] ?? null);
    return { nodes };
  })()`,
  "objects, maps, sets, lists, and causes of errors": `(() => {
    let value = {};
    for (let i = 0; i < levels; i += 8) {
      value = { o: { o: { o: { o: value } } } };
      value = new Map([[1, new Set([[new Error("", { cause: value })]])]]);
    }
    return value;
  })()`,
  "objects behind a map's key": `new Map([
    [JSON.parse('{"o":'.repeat(levels) + 1 + "}".repeat(levels)), 1],
  ])`,
};
const maker = (source: string) =>
  new Function("levels", `return ${source}`) as (n: number) => object;

/** The ways of a value, 3,000 levels deep. */
const ways: Record<string, (executor: Executor, source: string) => Promise<unknown>> = {
  "as an argument": (executor, source) =>
    executor.runCpu((value: unknown) => typeof value, maker(source)(3_000)),
  "as a result": (executor, source) => executor.runCpu(maker(source), 3_000),
  "yielded": (executor, source) => {
    const stream = new Function("levels", `return [${source}]`) as (n: number) => object[];
    return Array.fromAsync(executor.streamCpu(stream, 3_000));
  },
  "thrown": (executor, source) =>
    executor.runCpu(new Function("levels", `throw ${source}`) as (n: number) => void, 3_000),
};

for (const [place, options] of Object.entries(places)) {
  for (const [shape, source] of Object.entries(shapes)) {
    Deno.test(`Executor refuses ${shape} 3,000 deep, and nothing else, ${place}`, async () => {
      await using executor = await Executor.start(options);
      for (const send of Object.values(ways)) {
        const short = (n: number) => executor.runCpu((n: unknown) => n, { n });
        const before = Array.from({ length: 20 }, (_, n) => short(n));
        const refused = assertRejects(() => send(executor, source), NotCloneableError, "deep");
        const after = Array.from({ length: 20 }, (_, n) => short(n));
        assertEquals((await Promise.all([...before, ...after])).length, 40);
        await refused;
      }
      assertEquals(executor.stats().cpu.crashed, 0);
      assertEquals(executor.stats().cpu.failed, Object.keys(ways).length);
    });

    Deno.test(`Executor sends ${shape} ${LEVELS} deep ${place}`, async () => {
      await using executor = await Executor.start(options);
      const value = maker(source)(LEVELS);
      assertEquals(await executor.runCpu((value: unknown) => typeof value, value), "object");
      const result: unknown = await executor.runCpu(maker(source), LEVELS);
      assertEquals(typeof result, "object");
      assertEquals(executor.stats().cpu.crashed, 0);
    });
  }

  Deno.test(`Executor survives values 3,000 deep told, part of an error, or a reason ${place}`, async () => {
    await using executor = await Executor.start(options);
    const deep = maker(shapes.objects!);
    await assertRejects(
      () =>
        executor.runCpu(function (this: TaskContext) {
          this.progress(JSON.parse('{"o":'.repeat(3_000) + 1 + "}".repeat(3_000)));
        }),
      NotCloneableError,
      "tells by progress()",
    );
    const error = await assertRejects(
      () =>
        executor.runCpu(() => {
          const deep = JSON.parse('{"o":'.repeat(3_000) + 1 + "}".repeat(3_000));
          throw Object.assign(new RangeError("mine"), { deep, code: 42 });
        }),
      RangeError,
      "mine",
    );
    assertEquals((error as RangeError & { code: number }).code, 42);
    const lists = await assertRejects(
      () =>
        executor.runCpu(() => {
          let list: unknown[] = [new Error("inner")];
          for (let i = 0; i < 3_000; i++) list = [new Error("inner"), list];
          throw Object.assign(new RangeError("mine"), { list });
        }),
      RangeError,
      "mine",
    );
    assertInstanceOf(lists, RangeError);
    const controller = new AbortController();
    const running = executor.with({ signal: controller.signal }).runCpu(async function (
      this: TaskContext,
    ) {
      await new Promise<void>((resolve) => this.signal.addEventListener("abort", () => resolve()));
    });
    const reason = deep(3_000);
    setTimeout(() => controller.abort(reason), 20);
    assertEquals(await running.catch((thrown) => thrown === reason), true);
    assertEquals(await executor.runCpu((n: number) => n, 7), 7);
    assertEquals(executor.stats().cpu.crashed, 0);
  });
}

Deno.test("Executor is not held up by values with endless paths, holes, or cycles", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  let paths: object = {};
  for (let i = 0; i < 60; i++) paths = { a: paths, b: [paths, paths] };
  const holes: number[] = [];
  holes[4_000_000_000] = 1;
  const cycle: Record<string, unknown> = { list: [] };
  for (let i = 0; i < 100; i++) (cycle.list as unknown[]).push({ cycle, i });
  cycle.self = new Map([[cycle, new Set([cycle])]]);
  for (const value of [paths, holes, cycle]) {
    assertEquals(await executor.runCpu((value: unknown) => typeof value, value), "object");
  }
  const back = await executor.runCpu((value: unknown) => value, cycle) as typeof cycle;
  assert(back.self instanceof Map && back.self.has(back));
});

Deno.test("Executor refuses what would arrive as an empty object", async () => {
  await using executor = await Executor.start({ cpu: { permissions: "inherit" } });
  const makers: Record<string, () => object> = {
    CountQueuingStrategy: () => new CountQueuingStrategy({ highWaterMark: 1 }),
    CustomEvent: () => new CustomEvent("type"),
    ImageData: () => new ImageData(1, 1),
    Performance: () => performance,
    ReadableStreamDefaultReader: () => new ReadableStream().getReader(),
    SubtleCrypto: () => globalThis.crypto.subtle,
    TextDecoderStream: () => new TextDecoderStream(),
    URL: () => new URL("http://localhost/"),
    Command: () => new Deno.Command("deno"),
    PermissionStatus: () => Deno.permissions.querySync({ name: "read" }),
  };
  for (const [name, make] of Object.entries(makers)) {
    const value = make();
    await assertRejects(
      () => executor.runCpu((value: unknown) => typeof value, value),
      NotCloneableError,
      `${name} object could not be cloned`,
    );
    await assertRejects(
      async () => await executor.runCpu(make),
      NotCloneableError,
      `${name} object could not be cloned`,
    );
  }
  // A class of the program's own may have the same name.
  class Performance {
    mark = 1;
  }
  assertEquals(
    await executor.runCpu((value: unknown) => value, new Performance() as unknown),
    { mark: 1 },
  );
});

Deno.test("Executor gives a key of Web Crypto back as one, or says that it cannot", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const key = await globalThis.crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, true, [
    "sign",
  ]);
  for (let i = 0; i < 3; i++) {
    try {
      assertInstanceOf(await executor.runCpu((key: unknown) => key, key as unknown), CryptoKey);
    } catch (error) {
      if (!(error instanceof NotCloneableError)) throw error;
    }
  }
});

Deno.test({
  name: "Executor says how to move a stream or a port that is not marked",
  ignore: !transfersStreams || !clonesBlobs,
  fn: async () => {
    await using executor = await Executor.start();
    const inProcess = isolation === "process";
    const makers: (() => unknown)[] = [
      () => new ReadableStream(),
      () => new WritableStream(),
      () => new TransformStream(),
      () => ({ body: new Blob(["text"]).stream() }),
      () => {
        const { port1, port2 } = new MessageChannel();
        port2.close();
        return port1;
      },
    ];
    for (const make of makers) {
      const value = make();
      await assertRejects(
        () => executor.runCpu((value: unknown) => typeof value, value),
        NotCloneableError,
        inProcess ? "for a process" : "pass transfer(stream, [stream])",
      );
      if (value instanceof MessagePort) value.close();
      const how = inProcess ? "for a process" : "return this.transfer(stream, [stream])";
      await assertRejects(async () => await executor.runCpu(make), NotCloneableError, how);
    }
  },
});

Deno.test("Executor gives a Buffer of Node.js as one, as an argument, a result, and what is told", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const hex = (a: Buffer, n: number, b: Buffer) => [a.toString("hex"), n, b.toString("hex")];
  const [a, b] = [Buffer.from("ab"), Buffer.from("cd")];
  assertEquals(await executor.runCpu(hex, a, 1, b), ["6162", 1, "6364"]);

  const { scryptSync } = tasksFrom(import.meta, () => import("node:crypto"));
  const key = await executor.runCpu(scryptSync, "password", "salt", 16) as Buffer;
  assertEquals(key.toString("hex"), crypto.scryptSync("password", "salt", 16).toString("hex"));

  const { Buffer: buffers } = tasksFrom(import.meta, () => import("node:buffer"));
  const large = await executor.runCpu(buffers.alloc, 1_000_000, "x") as Buffer;
  assertEquals([large.length, large.toString("latin1", 0, 3)], [1_000_000, "xxx"]);

  const moved = await executor.runCpu(function (this: TaskContext) {
    const bytes = new Uint8Array([104, 105]).buffer;
    return this.transfer(Buffer.from(bytes), [bytes]);
  });
  assertEquals(moved.toString(), "hi");

  const told: string[] = [];
  const runner = executor.with({ onProgress: (bytes: Buffer) => told.push(bytes.toString()) });
  const yielded = runner.streamCpu(function* (this: TaskContext, first: Buffer) {
    this.progress(Buffer.from("told"));
    yield first;
    yield Buffer.from("second");
  }, Buffer.from("first"));
  assertEquals((await Array.fromAsync(yielded)).map(String), ["first", "second"]);
  assertEquals(told, ["told"]);

  // Other bytes stay what they are, and so do those inside of another value.
  const bytes = await executor.runCpu(() => new Uint8Array([1]));
  assertEquals(bytes, new Uint8Array([1]));
  const inner = await executor.runCpu(() => ({ bytes: Buffer.from("a") }));
  assertEquals(Object.getPrototypeOf(inner.bytes), Uint8Array.prototype);
});

Deno.test("Executor calls a getter of a result, or of a yielded value, once", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const make = (inner: unknown) => {
    const scope = globalThis as { calls?: number };
    return {
      a: inner,
      get b() {
        return scope.calls = (scope.calls ?? 0) + 1;
      },
      c: inner,
    };
  };
  // The worker learns these names, so that the values of the next objects are read at once.
  assertEquals(await executor.runCpu(() => ({ a: 1, b: 2, c: 3 })), { a: 1, b: 2, c: 3 });
  const first = await executor.runCpu(
    (make: string) => new Function(`return ${make}`)()(0),
    `${make}`,
  );
  assertEquals(first, { a: 0, b: 1, c: 0 });
  const second = await executor.runCpu(
    (source: string) =>
      Object.defineProperty(new Function(`return ${source}`)()(0), "c", { value: [1] }),
    `${make}`,
  );
  assertEquals(second, { a: 0, b: 2, c: [1] });
  const yielded = await Array.fromAsync(executor.streamCpu(function* (source: string) {
    const make = new Function(`return ${source}`)();
    yield make(0);
    yield Object.defineProperty(make(0), "c", { value: [1] });
    yield make(0);
  }, `${make}`));
  assertEquals(yielded, [{ a: 0, b: 3, c: 0 }, { a: 0, b: 4, c: [1] }, { a: 0, b: 5, c: 0 }]);
});
