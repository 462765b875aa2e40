import { fileURLToPath } from "node:url";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import {
  Executor,
  ExecutorError,
  NotCloneableError,
  TaskNotFoundError,
  tasksFrom,
  testOfWorkers,
  WorkerStartError,
} from "../support/isolation.ts";

const { add, exceed } = tasksFrom(import.meta, () => import("../fixtures/tasks.ts"));

/** This file, to be read. */
const own = fileURLToPath(import.meta.url);

/** What a call rejects with. */
async function caught(call: () => Promise<unknown>): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error("it did not reject");
}

Deno.test("Executor passes native error classes on", async () => {
  await using executor = await Executor.start();
  for (
    const NativeError of [
      Error,
      EvalError,
      RangeError,
      ReferenceError,
      SyntaxError,
      TypeError,
      URIError,
      WebAssembly.CompileError,
      WebAssembly.LinkError,
      WebAssembly.RuntimeError,
    ]
  ) {
    const error = await caught(() =>
      executor.runCpu((path: string) => {
        // deno-lint-ignore no-explicit-any -- a class by its path
        const NativeError = path.split(".").reduce((owner: any, name) => owner[name], globalThis);
        throw new NativeError("its message");
      }, NativeError.name in globalThis ? NativeError.name : `WebAssembly.${NativeError.name}`)
    );
    assertInstanceOf(error, NativeError);
    assertStrictEquals(Object.getPrototypeOf(error), NativeError.prototype);
    assertEquals([error.name, error.message], [NativeError.name, "its message"]);
  }
});

Deno.test("Executor passes DOMException on", async () => {
  await using executor = await Executor.start();
  const error = await caught(() =>
    executor.runCpu(() => {
      throw new DOMException("too much", "QuotaExceededError");
    })
  );
  assertInstanceOf(error, DOMException);
  assertEquals([error.name, error.message], ["QuotaExceededError", "too much"]);
});

Deno.test("Executor passes every class of Deno.errors on", async () => {
  await using executor = await Executor.start();
  for (const [name, DenoError] of Object.entries(Deno.errors)) {
    const error = await caught(() =>
      executor.runCpu((name: string) => {
        throw new Deno.errors[name as "NotFound"]("its message");
      }, name)
    );
    assertInstanceOf(error, DenoError);
    assertEquals([error.name, error.message], [new DenoError("").name, "its message"]);
  }
  const error = await caught(() =>
    executor.runBlocking(() => Deno.readTextFileSync("/there/is/no/such/file"))
  );
  assertInstanceOf(error, Deno.errors.NotFound);
  assertEquals((error as { code?: string }).code, "ENOENT");
});

Deno.test("Executor passes AggregateError on with its errors", async () => {
  await using executor = await Executor.start();
  const error = await caught(() =>
    executor.runCpu(() => {
      const inner = new RangeError("one", { cause: "why" });
      throw new AggregateError([inner, "two", { three: 3 }, inner], "several");
    })
  );
  assertInstanceOf(error, AggregateError);
  assertEquals(error.message, "several");
  const [one, two, three, again] = error.errors;
  assertInstanceOf(one, RangeError);
  assertEquals([one.message, one.cause, two, three], ["one", "why", "two", { three: 3 }]);
  assertStrictEquals(again, one);
});

Deno.test("Executor passes own properties of errors on", async () => {
  await using executor = await Executor.start();
  const error = await caught(() =>
    executor.runCpu(() => {
      throw Object.assign(new Error("with properties"), {
        code: "E_CODE",
        details: new Map([["a", [1n]]]),
        inner: new TypeError("inner"),
        method: () => "cannot be cloned",
      });
    })
  ) as Error & Record<string, unknown>;
  assertEquals(error.code, "E_CODE");
  assertEquals(error.details, new Map([["a", [1n]]]));
  assertInstanceOf(error.inner, TypeError);
  assertEquals("method" in error, false);
  assertEquals(Object.keys(error), ["code", "details", "inner"]);
});

Deno.test("Executor passes a chain of causes on, and a circular one", async () => {
  await using executor = await Executor.start();
  const error = await caught(() =>
    executor.runCpu((depth: number) => {
      let error = new TypeError("0");
      for (let i = 1; i < depth; i++) error = new TypeError(String(i), { cause: error });
      throw error;
    }, 999)
  );
  let depth = 0;
  for (let at = error; at !== undefined; at = (at as Error).cause) {
    assertInstanceOf(at, TypeError);
    depth++;
  }
  assertEquals(depth, 999);

  const circular = await caught(() =>
    executor.runCpu(() => {
      const error = new Error("circular");
      error.cause = error;
      throw error;
    })
  );
  assertStrictEquals((circular as Error).cause, circular);
});

Deno.test("Executor passes a custom class on as an Error with its name and properties", async () => {
  await using executor = await Executor.start();
  const error = await caught(() => executor.runCpu(exceed, 5)) as Error & { quota: number };
  assertStrictEquals(Object.getPrototypeOf(error), Error.prototype);
  assertEquals([error.name, error.message, error.quota], ["QuotaError", "over 5", 5]);

  const nameless = await caught(() =>
    executor.runCpu(() => {
      class LimitError extends RangeError {}
      throw new LimitError("custom");
    })
  );
  assertInstanceOf(nameless, RangeError);
  assertEquals(nameless.name, "LimitError");
});

Deno.test("Executor passes anything else thrown on as it is", async () => {
  await using executor = await Executor.start();
  const values = [42, "text", null, undefined, true, 10n, { a: [1] }, new Date(0)];
  for (const value of values) {
    const thrown = await caught(() =>
      executor.runCpu((value: unknown) => {
        throw value;
      }, value)
    );
    assertEquals(thrown, value);
  }
});

Deno.test("Executor shows the task's line and the caller's in the stack", async () => {
  await using executor = await Executor.start();
  const source = await Deno.readTextFile(new URL("../fixtures/tasks.ts", import.meta.url));
  const line = source.split("\n").findIndex((text) => text.includes("a stack must show")) + 1;
  async function theCaller(): Promise<number> {
    return await executor.runBlocking(exceed, 1);
  }
  for (const call of [theCaller, () => Promise.all([theCaller()])]) {
    const { stack } = await caught(call) as Error;
    assertMatch(stack!, /^QuotaError: over 1\n/);
    assertMatch(stack!, new RegExp(`at .*exceed \\(.*/fixtures/tasks\\.ts:${line}:\\d+\\)`));
    assertMatch(stack!, /at async theCaller \(.*\/errors_test\.ts:\d+:\d+\)/);
    assert(!/\/src\/|\/executor\.ts|\/worker\.ts/.test(stack!), `our own frames show:\n${stack}`);
  }
});

Deno.test("Executor shows the caller's line in its own errors", async () => {
  await using executor = await Executor.start();
  async function theCaller(): Promise<unknown> {
    return await executor.runBlocking(() => new Headers());
  }
  const { stack } = await caught(theCaller) as Error;
  assertMatch(stack!, /^NotCloneableError: Cannot send the result/);
  assertMatch(stack!, /at async theCaller \(.*\/errors_test\.ts:\d+:\d+\)/);
});

Deno.test("Executor shows the task and the caller's line when the time is over", async () => {
  await using executor = await Executor.start();
  async function theCaller(): Promise<unknown> {
    return await executor.with({ timeout: 10 }).runBlocking(async function waits() {
      await new Promise(() => {});
    });
  }
  const error = await caught(theCaller) as Error;
  assertInstanceOf(error, DOMException);
  assertEquals(error.name, "TimeoutError");
  assertMatch(
    error.stack!,
    /^TimeoutError: The task timed out: the function waits ran for 10 ms\n/,
  );
  assertMatch(error.stack!, /at async theCaller \(.*\/errors_test\.ts:\d+:\d+\)/);
  assert(!/\/src\/|\/executor\.ts/.test(error.stack!), `our own frames show:\n${error.stack}`);
});

Deno.test("Executor shows the line in a function that was sent by its source", async () => {
  await using executor = await Executor.start();
  const { stack } = await caught(() =>
    executor.runCpu(function parse(text: string) {
      return JSON.parse(text);
    }, "{")
  ) as Error;
  assertMatch(stack!, /at .*parse \(task:parse, <anonymous>:2:/);
});

Deno.test("Executor shows the task's own name in the stack, and none of ours", async () => {
  await using executor = await Executor.start();
  const tasks = [
    function named() {
      throw new Error("thrown");
    },
    async function named() {
      await Promise.resolve();
      throw new Error("thrown");
    },
    {
      named() {
        throw new Error("thrown");
      },
    }.named,
    function named(this: { throwIfAborted(): void }) {
      (() => this.throwIfAborted.call(1 as never))();
    },
  ];
  for (const task of tasks) {
    const { stack } = await caught(() => executor.runCpu(task)) as Error;
    assertMatch(stack!, /\n {4}at (async )?named \(task:named, /);
    assert(!/RunContext|\/src\/|\(ext:core/.test(stack!), `our own frames show:\n${stack}`);
  }
  // Where a task prints it itself, too.
  const printed = await executor.runCpu(function named() {
    return new Error("printed").stack!;
  });
  assertMatch(printed, /^Error: printed\n {4}at named \(/);
});

Deno.test("Executor explains a ReferenceError in a function that was sent by its source", async () => {
  await using executor = await Executor.start();
  const outside = 42;
  const error = await caught(() => executor.runCpu(() => outside));
  assertInstanceOf(error, ReferenceError);
  for (const part of ["outside is not defined", "by its source", "argument", "tasksFrom()"]) {
    assertStringIncludes(error.message, part);
  }
  assertStringIncludes(error.stack!, error.message);
});

Deno.test("Executor explains a permission that the tasks of a pool do not have", async () => {
  await using executor = await Executor.start({ blocking: { permissions: "none" } });
  const read = (path: string) => Deno.readTextFileSync(path);
  const cpu = await assertRejects(() => executor.runCpu(read, own), Deno.errors.NotCapable);
  assertMatch(cpu.message, /tasks of the cpu pool have what cpu: { permissions } grants; runBl/);
  assertStringIncludes(cpu.stack!, cpu.message);
  const blocking = await assertRejects(
    () => executor.runBlocking(read, own),
    Deno.errors.NotCapable,
  );
  assertMatch(blocking.message, /what blocking: { permissions } grants$/);
});

Deno.test("Executor explains a permission that a task's module does not have", async () => {
  await using executor = await Executor.start({ blocking: { permissions: "none" } });
  const source = (text: string) => `data:text/javascript,${encodeURIComponent(text)}`;
  for (
    const text of [
      "Deno.env.get('HOME');",
      `Deno.readTextFileSync(${JSON.stringify(own)});`,
      "Deno.dlopen('no_such_library', {});",
      "import process from 'node:process'; process.env.NODE_ENV;",
    ]
  ) {
    const { f } = tasksFrom<{ f(): void }>(source(`${text} export function f() {}`));
    const cpu = await assertRejects(() => executor.runCpu(f), WorkerStartError);
    assertMatch(cpu.message, /tasks of the cpu pool have what cpu: { permissions } grants; runBl/);
    const blocking = await assertRejects(() => executor.runBlocking(f), WorkerStartError);
    assertMatch(blocking.message, /what blocking: { permissions } grants$/);
  }
});

testOfWorkers("Executor does not explain a module that the program itself may not load", {
  permissions: { read: [new URL("../..", import.meta.url)], import: true, run: true, env: true },
}, async () => {
  await using executor = await Executor.start({ cpu: { permissions: "inherit" } });
  const outside = new URL("../../../no_such_module.ts", import.meta.url);
  const { f } = tasksFrom<{ f(): void }>(outside.href);
  const { message } = await assertRejects(() => executor.runCpu(f), WorkerStartError);
  assertStringIncludes(message, `Requires read access to "${fileURLToPath(outside)}"`);
  assert(!message.includes("permissions }"), message);
});

Deno.test("Executor explains what a function that was sent by its source leaves behind", async () => {
  await using executor = await Executor.start();
  // deno-lint-ignore prefer-const -- as a variable of the surroundings
  let fib: (n: number) => number;
  fib = (n) => n < 2 ? n : fib(n - 1) + fib(n - 2);
  class Hidden extends Array<number> {
    static #secret = 1;
    static reveal() {
      return Hidden.#secret;
    }
    inherited() {
      return super.toString();
    }
    own() {
      // deno-lint-ignore no-explicit-any -- what the compiler would refuse
      return (this as any).inherited();
    }
  }
  const { inherited, own } = Hidden.prototype;
  const withArguments = (0, eval)("(function () { return () => arguments.length })()");
  const withSuper = (0, eval)("({ m() { return () => super.toString() } })").m();
  const lost: [() => unknown, string, string][] = [
    [fib as () => unknown, "ReferenceError", "write function fib() { … }, or export"],
    [withArguments, "ReferenceError", "as an arrow, which has none"],
    [inherited, "TypeError", "without the object or the class that it is a method of"],
    [own, "TypeError", "without the object or the class that it is a method of"],
    [withSuper, "TaskNotFoundError", "by its source: 'super' keyword unexpected here; export"],
    [() => import.meta.url, "TaskNotFoundError", "by its source: Cannot use 'import.meta'"],
    [{ m: () => import.meta.url }.m, "TaskNotFoundError", "Cannot use 'import.meta' outside"],
    [
      {
        m() {
          return import.meta.url;
        },
      }.m,
      "TaskNotFoundError",
      "Cannot use 'import.meta' outside a module; export the function",
    ],
    [Hidden.reveal, "TaskNotFoundError", "Private field '#secret' must be declared"],
  ];
  for (const [task, name, part] of lost) {
    const error = await caught(() => executor.runCpu(task as () => void)) as Error;
    assertEquals(error.name, name, error.message);
    assertStringIncludes(error.message, part);
    if (name !== "TypeError" || !part.startsWith("without")) continue;
    assertStringIncludes(error.message, "name the method with tasksFrom()");
  }
});

Deno.test("Executor explains an import by a path in a function that was sent by its source", async () => {
  await using executor = await Executor.start();
  await using inline = await Executor.start({ inline: true });
  const load = () => import("../fixtures/tasks.ts");
  // A file that is there, beside the module that runs tasks.
  const loadOurs = (path: string) => import(path);
  for (
    const call of [
      () => executor.runCpu(load),
      () => executor.runBlocking(load),
      () => executor.runBlocking(loadOurs, "./ledger.ts"),
      () => executor.runBlocking(loadOurs, "../../mod.ts"),
      () => executor.runBlocking(loadOurs, new URL(import.meta.url).pathname),
      () => inline.runCpu(load),
      () => inline.runCpu(loadOurs, "./ledger.ts"),
    ]
  ) {
    const { message, stack } = await assertRejects(call, TypeError);
    assertStringIncludes(message, "no path leads to your modules; export the function");
    assert(!message.includes("data:"), message);
    assertStringIncludes(stack!, message);
  }
});

Deno.test("Executor lets a function that was sent by its source import what has no path", async () => {
  await using executor = await Executor.start();
  await using inline = await Executor.start({ inline: true });
  for (const runner of [executor, inline]) {
    assertEquals(
      await runner.runCpu(async () => {
        const { basename } = await import("node:path");
        const { default: bcrypt } = await import("npm:bcryptjs@3");
        const { default: three } = await import("data:text/javascript,export default 3");
        return [basename("/a/b"), bcrypt.getRounds(bcrypt.hashSync("secret", 4)), three];
      }),
      ["b", 4, 3],
    );
  }
});

Deno.test("Executor says of a generator that it can be streamed", async () => {
  await using executor = await Executor.start();
  const count = function* () {
    yield 1;
  };
  for (const task of [count, () => [1].values()]) {
    const { message } = await assertRejects(
      async () => await executor.runCpu<() => unknown>(task),
      NotCloneableError,
    );
    assertStringIncludes(message, "stream what it yields with streamBlocking() or streamCpu()");
  }
});

Deno.test("Executor refuses native and bound functions, and classes", async () => {
  await using executor = await Executor.start();
  // deno-lint-ignore no-explicit-any -- any function at all
  const refused: [(...args: any[]) => unknown, string][] = [
    [Math.max, `"max"`],
    [Array.prototype.map, `"map"`],
    [(() => 1).bind(null), "bound"],
    [class Thing {} as unknown as () => unknown, `class "Thing"`],
  ];
  for (const [task, part] of refused) {
    const error = await assertRejects(() => executor.runCpu(task), TaskNotFoundError);
    assertStringIncludes(error.message, part);
  }
  assertEquals(await executor.runCpu(add, 1, 2), 3);
});

Deno.test("Executor refuses what is no task at all", async () => {
  await using executor = await Executor.start();
  for (const task of [undefined, null, 42, "task", {}, Symbol("task")]) {
    await assertRejects(
      () => executor.runCpu(task as unknown as () => void),
      TaskNotFoundError,
      "pass a function, or a task of tasksFrom()",
    );
  }
});

Deno.test("Executor names the export that a module does not have", async () => {
  await using executor = await Executor.start();
  const tasks = tasksFrom<Record<string, () => void>>(import.meta.resolve("../fixtures/tasks.ts"));
  const error = await assertRejects(() => executor.runCpu(tasks.substract!), TaskNotFoundError);
  for (const part of ["substract", "fixtures/tasks.ts", "exported: ", "add, "]) {
    assertStringIncludes(error.message, part);
  }
  await assertRejects(
    () => executor.runCpu(tasks.notAFunction!),
    TaskNotFoundError,
    "not a function but number",
  );
});

Deno.test("Executor names the module that cannot be loaded, and the reason", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const broken = tasksFrom(import.meta, () => import("../fixtures/throws.ts"));
  const error = await assertRejects(() => executor.runCpu(broken.never), WorkerStartError);
  assertStringIncludes(error.message, "fixtures/throws.ts");
  assertInstanceOf(error.cause, RangeError);
  assertEquals(error.cause.message, "this module does not load");

  const missing = tasksFrom<{ never(): void }>(import.meta.resolve("./fixtures/no_such_file.ts"));
  const notFound = await assertRejects(() => executor.runCpu(missing.never), WorkerStartError);
  assertStringIncludes(notFound.message, "no_such_file.ts");

  const invalid = tasksFrom<{ never(): void }>("data:text/javascript,export function never( {");
  await assertRejects(() => executor.runCpu(invalid.never), WorkerStartError);

  // The broken modules break nothing but their own tasks.
  assertEquals(await executor.runCpu(add, 1, 2), 3);
  assertEquals(executor.stats().cpu.crashed, 0);
});

Deno.test("Executor names the argument that cannot be cloned", async () => {
  await using executor = await Executor.start();
  const values: [unknown, string][] = [
    [() => 1, "()=>1"],
    [{ nested: [Symbol("x")] }, "Symbol"],
    [new URL("http://localhost/"), "URL"],
    [new Headers(), "Headers"],
    [new URLSearchParams(), "URLSearchParams"],
    [Promise.resolve(), "Promise"],
    [new WeakMap(), "WeakMap"],
    [new Proxy({}, {}), "Object"],
    [(function* () {})(), "Generator"],
  ];
  const second = (_first: unknown, second: unknown) => typeof second;
  for (const [value, part] of values) {
    const error = await assertRejects(
      () => executor.runCpu(second, "fine", value),
      NotCloneableError,
    );
    assertStringIncludes(error.message, "argument 2 of the function second");
    assertStringIncludes(error.message, part);
    assert(error.cause !== undefined);
  }
  assertEquals(await executor.runCpu(second, 1, 2), "number");
});

Deno.test("Executor fails only the task whose argument throws while it is cloned", async () => {
  await using executor = await Executor.start();
  const hostile = {
    get trap(): never {
      throw new Error("from a getter");
    },
  };
  const error = await assertRejects(
    () => executor.runCpu((value: unknown) => value, hostile),
    NotCloneableError,
  );
  assertInstanceOf(error.cause, Error);
  assertEquals(error.cause.message, "from a getter");
  assertEquals(await executor.runCpu(add, 1, 2), 3);
});

Deno.test("Executor says that a result cannot be cloned", async () => {
  await using executor = await Executor.start();
  const tasks: [() => unknown, string][] = [
    [() => () => 1, "()=>1"],
    [() => new URL("http://localhost/"), "URL"],
    [() => new Headers(), "Headers"],
    [() => new Response("text"), "Response"],
    [() => ({ deep: new WeakSet() }), "WeakSet"],
    [function* generate() {}, "enerator"],
    [() => ({
      get trap(): never {
        throw new Error("from a getter");
      },
    }), "from a getter"],
  ];
  for (const [task, part] of tasks) {
    const error = await assertRejects(() => executor.runCpu(task), NotCloneableError);
    assertMatch(error.message, /^Cannot send the result of /);
    assertStringIncludes(error.message, part);
  }
  await assertRejects(
    () =>
      executor.runCpu(() => {
        throw () => "a function";
      }),
    NotCloneableError,
  );
  assertEquals(await executor.runCpu(add, 1, 2), 3);
});

Deno.test("Executor fails only the task whose thrown value is hostile", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const tasks: (() => never)[] = [
    () => {
      throw Object.defineProperty(new Error("bad stack"), "stack", {
        get: () => {
          throw 1;
        },
      });
    },
    () => {
      throw new Proxy(new Error("proxy"), {
        get: () => {
          throw 1;
        },
        getPrototypeOf: () => {
          throw 2;
        },
      });
    },
    () => {
      throw Object.setPrototypeOf(new Error("no prototype"), null);
    },
    () => {
      throw {
        then: () => {
          throw new Error("thenable");
        },
      };
    },
  ];
  for (const task of tasks) {
    const error = await caught(() => executor.runCpu(task));
    assert(error !== undefined);
    assertEquals(await executor.runCpu(add, 1, 2), 3);
  }
  const error = await caught(() =>
    executor.runCpu(() => ({
      get then(): never {
        throw new RangeError("then throws");
      },
    }))
  );
  assertInstanceOf(error, RangeError);
  assertEquals(executor.stats().cpu.crashed, 0);
});

Deno.test("Executor keeps its strength through 10,000 bad calls", async () => {
  await using executor = await Executor.start({ cpu: { minWorkers: 2, maxWorkers: 2 } });
  const missing = tasksFrom<{ nothing(): void }>(import.meta.resolve("../fixtures/tasks.ts"));
  const broken = tasksFrom(import.meta, () => import("../fixtures/throws.ts"));
  const outside = 1;
  const calls: (() => Promise<unknown>)[] = [
    () => executor.runCpu(broken.never),
    () => executor.runCpu(() => outside),
    () => executor.runCpu(missing.nothing),
    () => executor.runCpu(Math.max, 1, 2),
    () => executor.runCpu((value: unknown) => value, () => 1),
    () => executor.runCpu(() => new Headers()),
  ];
  const outcomes = await Promise.allSettled(
    Array.from({ length: 10_000 }, (_, i) => calls[i % calls.length]!()),
  );
  assertEquals(outcomes.filter(({ status }) => status === "rejected").length, 10_000);
  const { workers, idle, crashed, stuck } = executor.stats().cpu;
  assertEquals({ workers, idle, crashed, stuck }, { workers: 2, idle: 2, crashed: 0, stuck: 0 });
  assertEquals(await executor.runCpu(add, 1, 2), 3);
});

Deno.test("ExecutorError is the class of the executor's own errors only", async () => {
  await using executor = await Executor.start();
  const own = await caught(() => executor.runCpu(() => () => {}));
  assertInstanceOf(own, ExecutorError);
  assertEquals(own.name, "NotCloneableError");
  assert(!(await caught(() => executor.runCpu(exceed, 1)) instanceof ExecutorError));
});
