import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  Executor,
  NotCloneableError,
  type PoolOptions,
  type TaskContext,
  tasksFrom,
  WorkerCrashedError,
  WorkerStartError,
} from "@genro/executor";
import {
  clonesBlobs,
  clonesExceptions,
  hasProcesses,
  lacksLocks,
  lacksProc,
  lacksProcesses,
  takesAhead,
  tellsItsEnd,
  testUnless,
} from "../support/features.ts";
import { isAlive, pathOf, Program } from "../support/processes.ts";
import { until } from "../support/waiting.ts";

const { add, later } = tasksFrom(import.meta, () => import("../fixtures/tasks.ts"));

const testOfProcesses = testUnless(lacksProcesses);
const testOfProc = testUnless(lacksProcesses || lacksProc);

/** Files to be read, and folders. */
const [own, granted, denied] = ["tests/api/process_test.ts", "src", "docs"].map(pathOf) as [
  string,
  string,
  string,
];

/** An executor whose CPU tasks run in one process. */
const withProcess = (options?: PoolOptions) =>
  Executor.start({ cpu: { isolation: "process", maxWorkers: 1, ...options } });

/** How many ms of a core a process has used; Linux tells. */
function cpuTime(pid: number): number {
  const [, user, system] = /^\d+ \(.*\) \S(?: -?\d+){10} (\d+) (\d+)/.exec(
    Deno.readTextFileSync(`/proc/${pid}/stat`),
  )!;
  return (Number(user) + Number(system)) * 10;
}

// Tests below prove by isAlive() that nothing is left: it must know both answers here.
Deno.test("isAlive() tells a process that runs from one that has ended", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "console.log(); setInterval(() => {}, 1_000);"],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  assertEquals([isAlive(child.pid), isAlive(Deno.pid)], [true, true]);
  child.kill("SIGKILL");
  await child.status;
  await reader.cancel();
  assertEquals(isAlive(child.pid), false);
});

const windows = Deno.build.os === "windows";

/** What runs until it is stopped, or longer than anybody would wait. */
const endless: Record<string, () => unknown> = {
  "an endless loop": () => {
    while (true);
  },
  "a catastrophic regular expression": () => /^(a+)+$/.test(`${"a".repeat(50)}b`),
  "Atomics.wait": () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
  "an endless loop that catches everything": () => {
    while (true) {
      try {
        throw new Error("again");
      } catch { /* and again */ }
    }
  },
};

for (const [what, task] of Object.entries(endless)) {
  testOfProcesses(`A process that runs ${what} is killed when its task is aborted`, async () => {
    await using executor = await withProcess();
    const pid = await executor.runCpu(() => Deno.pid);
    const result = executor.with({ timeout: 50 }).runCpu(task);
    await assertRejects(() => result, DOMException, "timed out");
    await until(() => !isAlive(pid));
    assertEquals(await executor.runCpu(add, 1, 2), 3);
    const { stuck, crashed, cancelled } = executor.stats().cpu;
    assertEquals({ stuck, crashed, cancelled }, { stuck: 0, crashed: 0, cancelled: 1 });
  });
}

testOfProc(
  "A process that is killed when its task is aborted leaves its core to others",
  async () => {
    await using executor = await withProcess();
    const pid = await executor.runCpu(() => Deno.pid);
    const result = executor.with({ timeout: 50 }).runCpu(() => {
      while (true);
    });
    await assertRejects(() => result, DOMException, "timed out");
    const atAbort = cpuTime(pid);
    let last = atAbort;
    await until(() => {
      if (!isAlive(pid)) return true;
      last = cpuTime(pid);
      return false;
    });
    assert(last - atAbort < 200, `it used its core for ${last - atAbort} ms more`);
    await until(() => executor.stats().cpu.stuck === 0);
  },
);

testOfProcesses("A task that ends when it is aborted keeps its process", async () => {
  await using executor = await withProcess();
  const pid = await executor.runCpu(() => Deno.pid);
  const result = executor.with({ timeout: 50 }).runCpu(async function (this: TaskContext) {
    await new Promise((resolve) => this.signal.addEventListener("abort", resolve));
    (globalThis as { reason?: string }).reason = this.signal.reason.name;
  });
  await assertRejects(() => result, DOMException, "timed out");
  const [same, reason] = await executor.runCpu(() => [
    Deno.pid,
    (globalThis as { reason?: string }).reason,
  ]);
  assertEquals([same, reason], [pid, "TimeoutError"]);
});

const crashes: Record<string, [task: () => unknown, why: RegExp]> = {
  "Deno.exit(42)": [() => Deno.exit(42), /exit code 42/],
  "a native crash": [() => {
    const libraries: Partial<Record<typeof Deno.build.os, string>> = {
      darwin: "/usr/lib/libSystem.B.dylib",
      windows: "ucrtbase.dll",
    };
    const libc = libraries[Deno.build.os] ?? "libc.so.6";
    const { abort } = Deno.dlopen(libc, { abort: { parameters: [], result: "void" } }).symbols;
    abort();
    // An older Deno knows signals as exit codes only, Windows has none.
  }, windows ? /exit code (3$|-)/ : /killed by SIGABRT|exit code 134/],
  "running out of memory": [
    () => {
      const all: number[][] = [];
      while (true) all.push(new Array(1_000_000).fill(Math.random()));
    },
    windows
      ? /exit code -2147483645/
      : /killed by SIGTRAP, which is how V8 ends when it is out of memory|exit code 133/,
  ],
};

for (const [what, [task, why]] of Object.entries(crashes)) {
  testOfProcesses(`A process that ends by ${what} takes its task with it alone`, async () => {
    await using executor = await withProcess({ memoryLimit: 64, permissions: { ffi: true } });
    const hit = executor.runCpu(task);
    const others = [1, 2, 3].map((n) => executor.runCpu(add, n, n));
    const { message } = await assertRejects(() => hit, WorkerCrashedError);
    assert(why.test(message), message);
    assertEquals(await Promise.all(others), [2, 4, 6]);
    assertEquals(executor.stats().cpu.crashed, 1);
  });
}

/** Numbers the messages of tasks: between two messages a process runs its microtasks. */
function countMessages(): number {
  const scope = globalThis as { messages?: number };
  const { messages = 0 } = scope;
  queueMicrotask(() => scope.messages = messages + 1);
  return messages;
}

/** Waits until a process is sent tasks ahead, where this Deno can. */
async function untilAhead(executor: Executor): Promise<void> {
  if (!takesAhead) return;
  for (const end = performance.now() + 20_000; performance.now() < end;) {
    const numbers = Array.from({ length: 40 }, () => executor.runCpu(countMessages));
    if (new Set(await Promise.all(numbers)).size < 20) return;
  }
  throw new Error("Each task travels alone");
}

testOfProcesses(
  "A process that dies fails the task that it ran, of all that were sent ahead",
  async () => {
    const file = await Deno.makeTempFile();
    try {
      const note = (n: number, file: string) => {
        Deno.writeTextFileSync(file, `${n}\n`, { append: true });
        if (n % 100 === 50) Deno.exit(7);
        return n;
      };
      await using executor = await withProcess({ maxWorkers: 2, permissions: { write: [file] } });
      for (let n = 0; n < 40; n++) await executor.runCpu(note, 0, file);
      await untilAhead(executor);
      await Deno.writeTextFile(file, "");
      const outcomes = await Promise.allSettled(
        Array.from({ length: 500 }, (_, n) => executor.runCpu(note, n, file)),
      );
      const failed = outcomes.flatMap((outcome, n): unknown[] => {
        if (outcome.status === "fulfilled") return outcome.value === n ? [] : [`${n} is not ${n}`];
        assertStringIncludes(String(outcome.reason), "exit code 7");
        return [n];
      });
      assertEquals(failed, [50, 150, 250, 350, 450]);
      // Each has run, once.
      const ran = (await Deno.readTextFile(file)).trim().split("\n").map(Number);
      assertEquals(ran.sort((a, b) => a - b), Array.from({ length: 500 }, (_, n) => n));
    } finally {
      await Deno.remove(file);
    }
  },
);

testOfProcesses("A process passes over a task sent ahead whose caller gives up", async () => {
  await using executor = await withProcess();
  const work = (ms: number) => {
    for (const end = performance.now() + ms; performance.now() < end;);
    const scope = globalThis as { ran?: number };
    scope.ran = (scope.ran ?? 0) + 1;
    return [Deno.pid, scope.ran];
  };
  for (let n = 0; n < 40; n++) await executor.runCpu(work, 0);
  await untilAhead(executor);
  const [pid, before] = await executor.runCpu(work, 0) as [number, number];
  const controller = new AbortController();
  // With the answer to the first task, all others are sent ahead.
  const first = executor.runCpu(work, 0).then((result) => {
    controller.abort();
    return result;
  });
  const long = executor.runCpu(work, 4);
  const given = Array.from(
    { length: 5 },
    () => executor.with({ signal: controller.signal }).runCpu(work, 0),
  );
  const kept = executor.runCpu(work, 0);
  for (const result of given) await assertRejects(() => result, DOMException, "abort");
  assertEquals(await first, [pid, before + 1]);
  // The long task is nobody's victim, and the aborted tasks have not run.
  assertEquals(await long, [pid, before + 2]);
  assertEquals(await kept, [pid, before + 3]);
});

testOfProcesses("A process has the permissions of its pool, and no others", async () => {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, "granted");
    await using none = await withProcess();
    const read = (path: string) => Deno.readTextFileSync(path);
    await assertRejects(() => none.runCpu(read, file), Deno.errors.NotCapable);
    const forbidden: (() => unknown)[] = [
      () => Deno.listen({ port: 0 }),
      () => Deno.env.get("PATH"),
      () => new Deno.Command(Deno.execPath()).outputSync(),
      () => Deno.hostname(),
      () => import(`https://deno.land/${"x"}`),
    ];
    for (const task of forbidden) {
      const error = await assertRejects(async () => await none.runCpu(task), Error);
      assertStringIncludes(error.message, "Requires");
    }
    await using some = await withProcess({ permissions: { read: [file], env: ["PATH"] } });
    assertEquals(await some.runCpu(read, file), "granted");
    await assertRejects(() => some.runCpu(read, own), Deno.errors.NotCapable);
    assertEquals(await some.runCpu(() => Deno.env.get("PATH") !== undefined), true);
    await assertRejects(() => some.runCpu(() => Deno.env.get("HOME")), Deno.errors.NotCapable);
  } finally {
    await Deno.remove(file);
  }
});

testOfProc("A process gets no environment variable that it may not read", async () => {
  Deno.env.set("EXECUTOR_TEST_SECRET", "secret");
  try {
    for (const [env, has] of [[false, false], [["EXECUTOR_TEST_SECRET"], true], [true, true]]) {
      await using executor = await withProcess({ permissions: { env: env as boolean } });
      const pid = await executor.runCpu(() => Deno.pid);
      const variables = Deno.readTextFileSync(`/proc/${pid}/environ`);
      assertEquals(variables.includes("EXECUTOR_TEST_SECRET"), has);
      assertEquals(variables.includes("PATH="), env === true);
    }
  } finally {
    Deno.env.delete("EXECUTOR_TEST_SECRET");
  }
});

testOfProcesses("A process refuses what cannot be written to it, and goes on", async () => {
  await using executor = await withProcess();
  const pid = await executor.runCpu(() => Deno.pid);
  const deep = () => {
    let value: object = {};
    for (let depth = 0; depth < 10_000; depth++) value = { value };
    return value;
  };
  const { port1, port2 } = new MessageChannel();
  const refused: unknown[] = [
    new SharedArrayBuffer(8),
    new Uint8Array(new SharedArrayBuffer(8)),
    ...clonesBlobs ? [new Blob(["text"]), { key: [new Map([["blob", new Blob([])]])] }] : [],
    ...clonesExceptions ? [new DOMException("as a value")] : [],
    port1,
    deep(),
    () => {},
  ];
  for (const value of refused) {
    await assertRejects(
      () => executor.runCpu((_: number, value: unknown) => value, 0, value),
      NotCloneableError,
      "argument 2",
    );
  }
  const results: (() => unknown)[] = [
    () => new SharedArrayBuffer(8),
    ...clonesBlobs ? [() => [new Blob(["text"])]] : [],
    () => new WeakRef({}),
    () => new Intl.NumberFormat(),
    () => [][Symbol.iterator](),
    deep,
    () => () => {},
  ];
  for (const task of results) {
    await assertRejects(async () => await executor.runCpu(task), NotCloneableError);
  }
  assertEquals(await executor.runCpu(() => Deno.pid), pid);
  port1.close();
  port2.close();
});

testOfProcesses(
  "A process keeps what it is sent apart, in order, and whole when it is large",
  async () => {
    await using executor = await withProcess({ maxWorkers: 2 });
    const results = await Promise.all(
      Array.from({ length: 1_500 }, (_, i) => executor.runCpu((i: unknown) => i, { i })),
    );
    assertEquals(results, Array.from({ length: 1_500 }, (_, i) => ({ i })));
    const bytes = new Uint8Array(20_000_000).fill(7);
    const back = await executor.runCpu((bytes: Uint8Array) => bytes, bytes);
    assertEquals(back.length, bytes.length);
    assert(back.every((byte) => byte === 7));
  },
);

/** A program with a task in a process, that then does what it is told. */
const program = (then: string, options = "") => `
  import { Executor } from ${JSON.stringify(import.meta.resolve("../../mod.ts"))};
  const executor = await Executor.start({ cpu: { isolation: "process", ${options} } });
  console.log("pid", await executor.runCpu(() => Deno.pid));
  ${then}
`;

const run = (source: string, ...args: string[]) =>
  new Program([
    "run",
    "--quiet",
    "--no-prompt",
    `--config=${pathOf("deno.json")}`,
    ...args,
    `data:text/javascript,${encodeURIComponent(source)}`,
  ]);

const ends: Record<string, string> = {
  "ends by itself": "",
  "calls Deno.exit()": "Deno.exit(3);",
  "dies of an error": "throw new Error('on purpose');",
  "is killed": "Deno.kill(Deno.pid, 'SIGKILL');",
};

for (const [end, code] of Object.entries(ends)) {
  for (const busy of [false, true]) {
    // A program that waits for its task does not end by itself.
    if (busy && code === "") continue;
    const state = busy ? "a stuck" : "an idle";
    const lacks = lacksProcesses || busy && lacksLocks;
    testUnless(lacks)(`A program that ${end} leaves ${state} process not alone`, async () => {
      const loop = `executor.runCpu(() => { while (true); }).catch(() => {});
        await new Promise((resolve) => setTimeout(resolve, 300));`;
      await using running = run(program(`${busy ? loop : ""} ${code}`), "--allow-all");
      const [, pid] = await running.line(/^pid (\d+)/);
      await running.ended();
      await until(() => !isAlive(Number(pid)), 5_000);
    });
  }
}

testOfProcesses("What a task prints in a process is the program's, whatever it is", async () => {
  const source = program(`
    const bytes = await executor.runCpu(() => {
      console.log("out of the task");
      console.error("error of the task");
      Deno.stdout.writeSync(new Uint8Array([0, 255, 1, 2, 10]));
      return 42;
    });
    console.log("result", bytes);
    await executor.shutdown();
  `);
  await using running = run(source, `--allow-run=${Deno.execPath()}`);
  await running.line(/^result 42/);
  assertEquals((await running.ended()).code, 0);
  const all = running.printed.join("\n");
  assertStringIncludes(all, "out of the task");
  assertStringIncludes(all, "error of the task");
});

testOfProcesses("Executor.startup() rejects processes that the program may not start", async () => {
  const source = `
    import { Executor } from ${JSON.stringify(import.meta.resolve("../../mod.ts"))};
    const options = { isolation: "process" };
    await Executor.start({ cpu: options }).catch(({ name, message }) => console.log(name, message));
  `;
  await using running = run(source);
  await running.line(/^WorkerStartError Cannot start processes: .* --allow-run=/);
  assertEquals((await running.ended()).code, 0);
});

testOfProcesses(
  "Executor.startup() rejects permissions that the program has not got itself",
  async () => {
    const cases = [
      ["{ read: true }", [], "read"],
      ["{ read: true }", [`--allow-read=${granted}`], "read"],
      [`{ read: [${JSON.stringify(denied)}] }`, [`--allow-read=${granted}`], denied],
      ["{ read: true }", ["--allow-read", `--deny-read=${denied}`], "read"],
      ["{ net: ['127.0.0.1:80'] }", [], "127.0.0.1:80"],
    ] as const;
    for (const [permissions, flags, named] of cases) {
      const source = `
      import { Executor } from ${JSON.stringify(import.meta.resolve("../../mod.ts"))};
      const options = { isolation: "process", permissions: ${permissions} };
      await Executor.start({ cpu: options }).catch(({ name, message }) => console.log(name, message));
    `;
      await using running = run(source, `--allow-run=${Deno.execPath()}`, ...flags);
      const [line] = await running.line(/^WorkerStartError Cannot give a process .*/);
      assertStringIncludes(line, named);
    }
  },
);

testOfProcesses("A process inherits what the program has in full", async () => {
  await using executor = await Executor.start({ blocking: { isolation: "process" } });
  const text = await executor.runBlocking((path) => Deno.readTextFileSync(path), own);
  assertEquals(typeof text, "string");
  assertEquals(await executor.runBlocking(later, "later", 1), "later");
});

/** How many lines a task leaves: a slow system writes so many within the time that a process has. */
const LINES = 500;

/** How a task may leave lines to be written when it has returned. */
const writers: Record<string, (path: string, count: number) => unknown> = {
  "a stream of Node's": async (path, count) => {
    const { createWriteStream } = await import("node:fs");
    const stream = createWriteStream(path);
    for (let line = 0; line < count; line++) stream.write(`line ${line}\n`);
  },
  "a stream of the web": async (path, count) => {
    const { writable } = await Deno.open(path, { write: true });
    const writer = writable.getWriter();
    for (let line = 0; line < count; line++) {
      writer.write(new TextEncoder().encode(`line ${line}\n`));
    }
    writer.close();
  },
  "a timer": (path, count) => {
    const lines = Array.from({ length: count }, (_, line) => `line ${line}\n`);
    setTimeout(() => Deno.writeTextFileSync(path, lines.join("")), 100);
  },
  "the end of its process": (path, count) => {
    const lines = Array.from({ length: count }, (_, line) => `line ${line}\n`);
    addEventListener("unload", () => Deno.writeTextFileSync(path, lines.join("")));
  },
};

/** Ways of a pool to end a process that has nothing to do. */
const retirements: Record<string, (executor: Executor) => Promise<void>> = {
  "Executor.shutdown()": (executor) => executor.shutdown(),
  "Executor.shutdown({ timeout })": (executor) => executor.shutdown({ timeout: 30_000 }),
  "idleTimeout": async () => {},
  "a module that it does not know": async (executor) => {
    const { answer } = tasksFrom<{ answer(): number }>(
      `data:text/javascript,export const answer = () => 42;//${crypto.randomUUID()}`,
    );
    assertEquals(await executor.runCpu(answer), 42);
  },
};

for (const [how, retire] of Object.entries(retirements)) {
  const lacks = lacksProcesses ||
    !tellsItsEnd && "no process of this Deno tells when nothing is left to do";
  testUnless(lacks)(
    `A process that is ended by ${how} writes what its tasks have left`,
    async () => {
      for (const [what, write] of Object.entries(writers)) {
        const path = await Deno.makeTempFile();
        try {
          await using executor = await withProcess({
            permissions: { write: [path] },
            idleTimeout: how === "idleTimeout" ? 0 : 60_000,
          });
          await executor.runCpu(write, path, LINES);
          await retire(executor);
          const lines = () => Deno.readTextFileSync(path).split("\n").length - 1;
          // The other ways tell nobody when the process is gone.
          if (!how.startsWith("Executor.")) await until(() => lines() === LINES);
          assertEquals([what, lines()], [what, LINES]);
        } finally {
          await Deno.remove(path);
        }
      }
    },
  );
}

/** What a task may leave that does not end. */
const remains: Record<string, () => unknown> = {
  "an interval": () => void setInterval(() => {}, 10),
  "a server": () => void Deno.listen({ hostname: "127.0.0.1", port: 0 }).accept(),
  // Begun when the result has left, which on a slow machine takes more than a turn of the event loop.
  "an endless loop": () => {
    setTimeout(() => {
      while (true);
    }, 300);
  },
};

for (const [what, leave] of Object.entries(remains)) {
  testOfProcesses(`A process with ${what} is gone when Executor.shutdown() has ended`, async () => {
    const ends: ((executor: Executor) => void | Promise<void>)[] = [
      (executor) => executor.shutdown(),
      (executor) => executor.shutdown({ timeout: 20 }),
      (executor) => {
        const done = executor.shutdown();
        executor.terminate();
        return done;
      },
      (executor) => {
        executor.terminate();
        return executor.shutdown();
      },
    ];
    for (const end of ends) {
      await using executor = await withProcess({ permissions: { net: true } });
      const pid = await executor.runCpu(() => Deno.pid);
      await executor.runCpu(leave);
      const begun = performance.now();
      await end(executor);
      assert(performance.now() - begun < 15_000);
      assertEquals(isAlive(pid), false);
    }
  });
}

testOfProcesses("A process that is ended does not run its program", async () => {
  const source = program(`
    console.log("this program runs");
    await executor.shutdown();
    console.log("end");
  `);
  await using running = run(source, "--allow-all");
  await running.line(/^end/);
  assertEquals((await running.ended()).code, 0);
  assertEquals(running.printed.filter((line) => line === "this program runs").length, 1);
});

testOfProcesses("Executor.startup() rejects with what keeps a process from starting", async () => {
  const error = await assertRejects(
    () => withProcess({ permissions: { read: ["a,b"] } }),
    WorkerStartError,
  );
  assertStringIncludes(error.message, "comma");
});

testUnless(hasProcesses && "this Deno can")(
  "Executor.startup() rejects processes where Deno cannot speak to them",
  async () => {
    await assertRejects(() => withProcess(), WorkerStartError, "2.6 can");
  },
);

testOfProcesses(
  "Pool says why a process cannot be started, and starts one as soon as it can be",
  // Deno leaks the channel of a process that did not start, and before 2.8 fails each such test:
  // https://github.com/denoland/deno/pull/33250
  { sanitizeResources: false },
  async () => {
    await using executor = await withProcess();
    const { execPath } = Deno;
    try {
      Deno.execPath = () => "/there/is/no/deno";
      await assertRejects(() => executor.runCpu(() => Deno.exit()), WorkerCrashedError);
      const error = await assertRejects(() => executor.runCpu(() => 1), WorkerStartError);
      assertStringIncludes(error.message, "its process did not start: spawn /there/is/no/deno");
    } finally {
      Deno.execPath = execPath;
    }
    assertEquals(await executor.runCpu(() => 42), 42);
  },
);
