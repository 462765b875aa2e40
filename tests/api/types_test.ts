/**
 * Calls that must compile, and calls that must not. The type-check before the tests is the
 * test: an expected error that does not come is an error.
 */

import {
  type Executor,
  type Runner,
  type Task,
  type TaskContext,
  type TaskFunction,
  tasksFrom,
  transfer,
} from "@genro/executor";

const tasks = tasksFrom(import.meta, () => import("../fixtures/tasks.ts"));

const overloads = tasksFrom(import.meta, () => import("../fixtures/overloads.ts"));

const crypto = tasksFrom(import.meta, () => import("node:crypto"));

const files = tasksFrom(import.meta, () => import("node:fs"));

const methods = tasksFrom(import.meta, () => import("../fixtures/methods.ts"));
const streams = tasksFrom(import.meta, () => import("../fixtures/streams.ts"));

Deno.test("Executor is typed", () => {});

export async function right(executor: Executor): Promise<void> {
  const sum: number = await executor.runCpu(tasks.add, 1, 2);
  const text: string = await executor.runBlocking(tasks.later, "text", sum);
  const optional = (a: number, b?: string) => a + (b ?? "");
  const joined: string = await executor.runCpu(optional, 1);
  const rest = (...numbers: number[]) => numbers.length;
  const length: number = await executor.runCpu(rest, 1, 2, 3, 4);
  const unwrapped: string = await executor.runCpu(
    async (n: number) => await Promise.resolve(`${n}`),
    1,
  );
  const aborted: boolean = await executor.runCpu(function (this: TaskContext, _n: number) {
    return this.signal.aborted;
  }, 1);
  const bytes = new Uint8Array(1);
  const moved: number = await executor.runCpu(
    (bytes: Uint8Array<ArrayBuffer>) => bytes.length,
    transfer(bytes, [bytes.buffer]),
  );
  const task: Task<(n: number) => number> = tasks.default.nested.double;
  const doubled: number = await executor.with({ timeout: 1 }).runCpu(task, 2);
  for await (const n of executor.mapCpu((text: string) => text.length, ["a", "b"])) {
    const length: number = n;
    void length;
  }
  for await (const n of executor.streamCpu(streams.upTo, 3)) {
    const number: number = n;
    void number;
  }
  for await (const letter of executor.streamBlocking(streams.promisedList)) {
    const text: string = letter;
    void text;
  }
  for await (const n of executor.with({ timeout: 1 }).streamCpu(streams.promises)) {
    const number: number = n;
    void number;
  }
  const hashed: string = await executor.runCpu(methods.default.hash, "text");
  for await (const n of executor.streamCpu(methods.Counter.count, 3)) {
    const number: number = n;
    void number;
  }
  executor.with({ onProgress: (rows: number) => rows + 1 });
  executor.addEventListener("workercrash", ({ pool, worker }) => {
    const number: number = worker;
    const name: "blocking" | "cpu" = pool;
    void [number, name];
  });
  void [hashed, text, joined, length, unwrapped, aborted, moved, doubled];
}

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;

/** Compiles if both types are the same. */
function same<A, B>(_same: Equal<A, B>): void {}

declare function overloaded(text: string): number;
declare function overloaded(n: number): string;

export async function rightOverloads(executor: Executor): Promise<void> {
  // All but those with a callback, even where such is the last.
  const spelt = await executor.runCpu(overloads.spell, "word");
  same<typeof spelt, string>(true);
  const bytes: Uint8Array = await executor.runCpu(crypto.randomBytes, 16);
  const n: number = await executor.runCpu(crypto.randomInt, 1, 6);
  const below: number = await executor.runCpu(crypto.randomInt, 6);
  const key: Uint8Array = await executor.runCpu(crypto.scryptSync, "password", "salt", 32);
  // What any of them returns, of several that take data.
  const parsed = await executor.runCpu(overloads.parse, "1");
  same<typeof parsed, number | string>(true);
  const formatted = await executor.with({ timeout: 1 }).runCpu(overloads.parse, 1, 2);
  same<typeof formatted, number | string>(true);
  const content: string | Uint8Array = await executor.runBlocking(files.readFileSync, "a", "utf8");
  for await (const letter of executor.streamCpu(overloads.letters, "abc")) {
    same<typeof letter, string | number>(true);
  }
  for await (const word of executor.mapCpu(overloads.spell, ["a"])) same<typeof word, string>(true);

  // One of them, or one type of a generic function.
  const parseText: Task<(text: string) => number> = overloads.parse;
  const one: number = await executor.runCpu(parseText, "1");
  const text: string = await executor.runBlocking<(path: string, encoding: "utf8") => string>(
    files.readFileSync,
    "a",
    "utf8",
  );
  const identity: Task<(n: number) => number> = overloads.identity;
  const same1: number = await executor.runCpu(identity, 1);
  const first = await executor.runCpu<(list: string[]) => string | undefined>(
    overloads.firstOf,
    ["a"],
  );
  same<typeof first, string | undefined>(true);
  const unknown = await executor.runCpu(overloads.identity, 1);
  same<typeof unknown, unknown>(true);
  const own = <T>(value: T) => value;
  const same2: number = await executor.runCpu(own<number>, 1);
  const number: number = await executor.runCpu<(text: string) => number>(overloaded, "1");

  // One signature is left as it is.
  const add: Task<(a: number, b: number) => number> = tasks.add;
  void [bytes, n, below, key, content, one, text, same1, same2, number, add];
}

export async function wrongOverloads(executor: Executor): Promise<void> {
  // @ts-expect-error no signature takes that
  await executor.runCpu(overloads.parse, true);
  // @ts-expect-error an argument is missing
  await executor.runCpu(overloads.parse, 1);
  // @ts-expect-error a callback cannot be sent
  await executor.runCpu(overloads.spell, "word", () => {});
  // @ts-expect-error the argument is of another type
  await executor.runCpu(crypto.randomBytes, "16");
  // @ts-expect-error it may be a number, too
  const text: string = await executor.runCpu(overloads.parse, 1, 2);
  // @ts-expect-error there is no such signature
  const task: Task<(text: string) => string> = overloads.parse;
  // @ts-expect-error the items are of another type
  executor.mapCpu(overloads.spell, [1]);
  void [text, task];
}

export async function wrong(executor: Executor): Promise<void> {
  // @ts-expect-error the argument is of another type
  await executor.runCpu(tasks.add, 1, "2");
  // @ts-expect-error an argument is missing
  await executor.runCpu(tasks.add, 1);
  // @ts-expect-error there is one argument too many
  await executor.runCpu(tasks.add, 1, 2, 3);
  // @ts-expect-error the argument of a function is of another type
  await executor.runBlocking((path: string) => path, 42);
  // @ts-expect-error there is one argument too many for a function
  await executor.runBlocking(() => 1, 42);
  // @ts-expect-error the module has no such export
  await executor.runCpu(tasks.substract, 1, 2);
  // @ts-expect-error the export is no function
  await executor.runCpu(tasks.notAFunction);
  // @ts-expect-error an await is missing
  const sum: number = executor.runCpu(tasks.add, 1, 2);
  // @ts-expect-error the result is of another type
  const text: string = await executor.runCpu(tasks.add, 1, 2);
  // @ts-expect-error a task cannot be called
  tasks.add(1, 2);
  // @ts-expect-error a value is no task
  await executor.runCpu(42);
  // @ts-expect-error the items are of another type
  executor.mapCpu(tasks.default.nested.double, ["a"]);
  // @ts-expect-error there is no such option
  executor.with({ timeOut: 5 });
  // @ts-expect-error an option is of another type
  await executor.shutdown({ timeout: "5" });
  // @ts-expect-error the bound call checks its arguments too
  await executor.with({ timeout: 5 }).runCpu(tasks.add, "1", 2);
  // @ts-expect-error what it returns is not iterable
  executor.streamCpu(tasks.add, 1, 2);
  // @ts-expect-error an argument of a generator is of another type
  executor.streamCpu(streams.upTo, "3");
  // @ts-expect-error there is no such option of a map
  executor.mapCpu(tasks.default.nested.double, [1], { order: false });
  void [sum, text];
}

export function wrongTasks(executor: Executor, runner: Runner): void {
  for (const calls of [executor, runner, executor.with({ timeout: 1 })]) {
    // @ts-expect-error a generator is streamed
    calls.runCpu(function* () {});
    // @ts-expect-error an async generator is streamed
    calls.runBlocking(async function* () {});
    // @ts-expect-error a generator of a module is streamed
    calls.runCpu(streams.upTo, 3);
    // @ts-expect-error a generator has no results to map to
    calls.mapCpu(streams.upTo, [3]);
    // @ts-expect-error a map gives one argument
    calls.mapCpu(tasks.add, [1]);
    // @ts-expect-error a map gives a function one argument
    calls.mapBlocking((a: number, b: number) => a + b, [1]);
    // @ts-expect-error a string is a single value
    calls.streamCpu(() => "letters");
    // @ts-expect-error a promise of a string is one of a single value
    calls.streamBlocking(() => Promise.resolve("letters"));
    calls.runCpu(function () {
      // @ts-expect-error `this` is the context, which has no such method
      this.nope();
    });
    // @ts-expect-error `this` is not what the function expects
    calls.runCpu(function (this: { hash: string }) {
      return this.hash;
    });
  }
  const steps = executor.with({ onProgress: (rows: number) => rows });
  // @ts-expect-error the listener hears numbers
  steps.runCpu(function (this: TaskContext<string>) {
    this.progress("half");
  });
  steps.runCpu(function () {
    // @ts-expect-error the listener hears numbers, as the context knows
    this.progress("half");
  });
  // @ts-expect-error there is no such event
  executor.addEventListener("workerCrash", () => {});
  // @ts-expect-error there is no such event to take a listener from
  executor.removeEventListener("crash", () => {});
}

export async function rightTasks(executor: Executor): Promise<void> {
  const aborted: boolean = await executor.runCpu(function () {
    return this.signal.aborted;
  });
  const steps = executor.with({ onProgress: (rows: number) => rows });
  await steps.runCpu(function (this: TaskContext<number>) {
    this.progress(1);
  });
  await steps.runCpu(function (this: TaskContext) {
    this.progress("a context of any type");
  });
  // What narrows the calls keeps what their listener hears.
  // @ts-expect-error the listener hears numbers
  steps.with({ timeout: 1 }).runCpu(function (this: TaskContext<string>) {});
  // A task may take less than a map gives, and need no more.
  executor.mapCpu((n: number, scale = 1) => n * scale, [1]);
  executor.mapCpu((...numbers: number[]) => numbers.length, [1]);
  executor.mapBlocking(files.readFileSync, ["a"]);
  // Nothing is known of what these return, or nothing is returned.
  await executor.runCpu(() => JSON.parse("1"));
  await executor.runCpu(() => {
    throw new Error("always");
  });
  await executor.runCpu(<T>(value: T) => value, 1);
  executor.streamCpu((text: string) => text.matchAll(/./g), "text");
  executor.streamCpu(() => Promise.resolve(new Set([1])));
  // A function that takes any task passes the task on.
  const timed = <F extends TaskFunction>(task: F | Task<F>, ...args: Parameters<F>) =>
    executor.runCpu(task, ...args);
  const sum: number = await timed((a: number, b: number) => a + b, 1, 2);
  const each = <F extends TaskFunction>(task: F | Task<F>, items: Parameters<F>[0][]) =>
    executor.mapCpu(task, items);
  for await (const n of each((n: number) => n, [1])) same<typeof n, number>(true);
  // The `this` of a method is its object, wherever the task is called from.
  const ticks: number = await executor.runCpu(methods.clock.ticks, 2);
  executor.addEventListener("queuefull", { handleEvent: ({ pool }) => void pool });
  void [aborted, sum, ticks];
}
