import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  Executor,
  isolation,
  NotCloneableError,
  type TaskContext,
  tasksFrom,
} from "../support/isolation.ts";
import { SentCalls } from "../support/sent_calls.ts";
import { clonesBlobs, testUnless } from "../support/features.ts";

const testOfBlobs = testUnless(
  isolation === "process"
    ? "not for tasks in processes"
    : !clonesBlobs && "this Deno cannot clone a Blob",
);

Deno.test("tasksFrom() names the exports of a module", async () => {
  const { add } = tasksFrom(import.meta, () => import("../fixtures/tasks.ts"));
  await using executor = await Executor.start();
  assertEquals(await executor.runCpu(add, 1, 2), 3);
  assertEquals(await executor.runBlocking(add, 3, 4), 7);
});

Deno.test("tasksFrom() reads single quotes, templates, comments and attributes", async () => {
  await using executor = await Executor.start();
  // deno-fmt-ignore
  const forms = [
    tasksFrom(import.meta, () => import('../fixtures/tasks.ts')),
    tasksFrom(import.meta, () => import(`../fixtures/tasks.ts`)),
    tasksFrom(import.meta, () => import(/* the tasks */ "../fixtures/tasks.ts")),
    tasksFrom(import.meta, () => import("../fixtures/tasks.ts", {})),
    tasksFrom(import.meta, function () { return import("../fixtures/tasks.ts"); }),
    tasksFrom(import.meta, async () => { return await import("../fixtures/tasks.ts"); }),
    tasksFrom<typeof import("../fixtures/tasks.ts")>(import.meta.resolve("../fixtures/tasks.ts")),
    tasksFrom<typeof import("../fixtures/tasks.ts")>(new URL("../fixtures/tasks.ts", import.meta.url)),
  ];
  for (const { add } of forms) assertEquals(await executor.runCpu(add, 1, 2), 3);
});

Deno.test("tasksFrom() refuses a specifier that it cannot read", () => {
  const name = "../fixtures/tasks.ts";
  const thunks: (() => Promise<unknown>)[] = [
    () => import(name),
    () => import(`../fixtures/${name}`),
    () => Promise.resolve({}),
  ];
  for (const thunk of thunks) {
    assertThrows(() => tasksFrom(import.meta, thunk), TypeError, "absolute URL");
  }
  assertThrows(() => tasksFrom("./tasks.ts"), TypeError, "not an absolute URL");
});

Deno.test("tasksFrom() reaches into the objects of a module", async () => {
  const { default: { nested } } = tasksFrom(import.meta, () => import("../fixtures/tasks.ts"));
  await using executor = await Executor.start();
  assertEquals(await executor.runCpu(nested.double, 21), 42);
});

Deno.test("tasksFrom() does not load the module here", async () => {
  const { never } = tasksFrom(import.meta, () => import("../fixtures/throws.ts"));
  await using executor = await Executor.start();
  await assertRejects(() => executor.runCpu(never));
});

Deno.test("tasksFrom() runs npm: packages under no permissions", async () => {
  const { default: bcrypt } = tasksFrom(import.meta, () => import("npm:bcryptjs@3"));
  const { matches } = tasksFrom(import.meta, () => import("../fixtures/npm.ts"));
  await using executor = await Executor.start();
  const hash = await executor.runCpu(bcrypt.hashSync, "secret", 4);
  assertEquals(await executor.runCpu(matches, "secret", hash), true);
  assertEquals(await executor.runCpu(matches, "wrong", hash), false);
});

Deno.test("tasksFrom() keeps a module's state in its worker", async () => {
  const { countCalls } = tasksFrom(import.meta, () => import("../fixtures/tasks.ts"));
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  assertEquals(await executor.runCpu(countCalls), 1);
  assertEquals(await executor.runCpu(countCalls), 2);
});

Deno.test("Executor runs every form of function", async () => {
  await using executor = await Executor.start();
  const forms = {
    plain: function (a: number, b: number) {
      return a + b;
    },
    named: function plus(a: number, b: number) {
      return a + b;
    },
    arrow: (a: number, b: number) => a + b,
    asyncArrow: async (a: number, b: number) => await Promise.resolve(a + b),
    asyncFunction: async function (a: number, b: number) {
      return await Promise.resolve(a + b);
    },
    method(a: number, b: number) {
      return a + b;
    },
    async asyncMethod(a: number, b: number) {
      return await Promise.resolve(a + b);
    },
    "quoted method"(a: number, b: number) {
      return a + b;
    },
    ["computed" + "Method"](a: number, b: number) {
      return a + b;
    },
    42(a: number, b: number) {
      return a + b;
    },
    get(a: number, b: number) {
      return a + b;
    },
    async(a: number, b: number) {
      return a + b;
    },
    class(a: number, b: number) {
      return a + b;
    },
    classify(a: number, b: number) {
      return a + b;
    },
    static: class {
      static add(a: number, b: number) {
        return a + b;
      }
    }.add,
    getter: Object.getOwnPropertyDescriptor({
      get sum() {
        return 42;
      },
    }, "sum")!.get!,
    recursive: function add(a: number, b: number): number {
      return b === 0 ? a : add(a + 1, b - 1);
    },
    destructuring: (...[a, b]: [number, number]) => a + b,
    defaults: (a: number, b = 0, c = (() => 0)()) => a + b + c,
    thenable: (a: number, b: number) => ({
      then: (resolve: (value: number) => void) => resolve(a + b),
    }),
  };
  for (const [form, task] of Object.entries(forms)) {
    const sum = await executor.runCpu(task as (a: number, b: number) => number, 40, 2);
    assertEquals(sum, 42, form);
  }
  const generators = [
    function* () {},
    async function* () {},
    { *generator() {} }.generator,
    { async *generator() {} }.generator,
  ];
  // They run; what they return is a generator, which cannot be cloned.
  for (const task of generators) {
    // @ts-expect-error The compiler refuses them, too.
    await assertRejects(() => executor.runCpu(task), NotCloneableError);
  }
});

Deno.test("Executor runs a function that was sent by its source in strict mode", async () => {
  await using executor = await Executor.start();
  const strict = await executor.runCpu(() => {
    return (function (this: unknown) {
      return this === undefined;
    })();
  });
  assertEquals(strict, true);
});

Deno.test("Executor runs any number of different functions", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  using sent = new SentCalls();
  for (let i = 0; i < 2_500; i += 500) {
    const results = Array.from(
      { length: 500 },
      (_, j) => executor.runCpu(new Function(`return ${i + j}`) as () => number),
    );
    assertEquals(await Promise.all(results), Array.from({ length: 500 }, (_, j) => i + j));
  }
  // A worker keeps a thousand.
  assertEquals(sent.forgets, isolation === "worker" ? 2 : 0);
});

Deno.test("Executor gives a task its context as `this`", async () => {
  await using executor = await Executor.start();
  const context = await executor.runCpu(function (this: TaskContext) {
    return [
      this.signal instanceof AbortSignal,
      typeof this.throwIfAborted,
      typeof this.transfer,
    ];
  });
  assertEquals(context, [true, "function", "function"]);
});

Deno.test("Executor copies whatever structured clone takes, both ways", async () => {
  await using executor = await Executor.start();
  const values = [
    new Map<unknown, unknown>([["a", new Set([1, 2])]]),
    new Date(1_234),
    /re+/gi,
    2n ** 100n,
    new Uint8Array([1, 2, 3]),
    { nested: { list: [1, , 3], nothing: undefined } },
    null,
    undefined,
    "text",
  ];
  for (const value of values) {
    assertEquals(await executor.runCpu((value: unknown) => value, value), value);
  }
});

testOfBlobs("Executor copies a Blob", async () => {
  await using executor = await Executor.start();
  const text = await executor.runCpu((blob: Blob) => blob.text(), new Blob(["a blob"]));
  assertEquals(text, "a blob");
});

Deno.test("tasksFrom() names functions of several signatures, and generic ones", async () => {
  const { identity, letters, parse, spell } = tasksFrom(
    import.meta,
    () => import("../fixtures/overloads.ts"),
  );
  await using executor = await Executor.start();
  assertEquals(await executor.runCpu(parse, "1"), 1);
  assertEquals(await executor.runCpu(parse, 1, 2), "1 2");
  assertEquals(await executor.runCpu(spell, "abc"), "a-b-c");
  assertEquals(await executor.runCpu(identity, "abc"), "abc");
  assertEquals(await Array.fromAsync(executor.mapCpu(spell, "ab")), ["a", "b"]);
  assertEquals(await Array.fromAsync(executor.streamCpu(letters, 3)), [0, 1, 2]);
});
