import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { Executor, isolation } from "../support/isolation.ts";

/** What a task returns, and where in it the error is that says more than structured clone keeps. */
const places: Record<string, [make: () => unknown, find: (value: never) => unknown]> = {
  "alone": [
    () => Object.assign(new RangeError("too low"), { issues: [{ path: ["a"] }] }),
    (value) => value,
  ],
  "behind a getter": [
    () => ({
      success: false,
      get error() {
        return Object.assign(new RangeError("too low"), { issues: [{ path: ["a"] }] });
      },
    }),
    ({ error }: { error: unknown }) => error,
  ],
  "in a list of outcomes": [
    () =>
      Promise.allSettled([
        1,
        Promise.reject(Object.assign(new RangeError("too low"), { issues: [{ path: ["a"] }] })),
      ]),
    ([, { reason }]: [unknown, { reason: unknown }]) => reason,
  ],
  "in a Map": [
    () => new Map([["a", Object.assign(new RangeError("too low"), { issues: [{ path: ["a"] }] })]]),
    (value: Map<string, unknown>) => value.get("a"),
  ],
  "in a Set": [
    () => new Set([Object.assign(new RangeError("too low"), { issues: [{ path: ["a"] }] })]),
    (value: Set<unknown>) => [...value][0],
  ],
};

for (const kind of [isolation, "inline"] as const) {
  for (const [place, [make, find]] of Object.entries(places)) {
    Deno.test(`An error ${place} of what a task returns keeps what it says, ${kind}`, async () => {
      await using executor = await Executor.start({ inline: kind === "inline" });
      const told: unknown[] = [];
      const runner = executor.with({ onProgress: (value: unknown) => told.push(value) });
      const source = `return async function (make) {
        const value = await eval("(" + make + ")")();
        this.progress(value);
        return value;
      }`;
      const task = new Function(source)() as (make: string) => Promise<unknown>;
      const result = await runner.runCpu(task, String(make));
      for (const value of [result, told[0]]) {
        const error = find(value as never) as RangeError & { issues: unknown };
        assertInstanceOf(error, RangeError);
        assertEquals([error.name, error.message], ["RangeError", "too low"]);
        assertEquals(error.issues, [{ path: ["a"] }]);
      }
    });
  }
}

Deno.test("An error that stands twice in what a task returns is one error, and what refers to itself arrives", async () => {
  await using executor = await Executor.start();
  interface Found {
    first: Error & { code: number };
    list: unknown[];
    self: unknown;
    when: Date;
  }
  const found = await executor.runCpu((): Found => {
    const first = Object.assign(new Error("one"), { code: 7 });
    const value = { first, list: [1, , first, { first }], when: new Date(5) } as unknown as Found;
    value.self = value;
    return value;
  });
  assertEquals([found.first.code, found.when.getTime()], [7, 5]);
  assert(found.self === found && found.list[2] === found.first && found.list.length === 4);
  assert((found.list[3] as Found).first === found.first);
});

Deno.test("The result of a validator arrives with what it has found", async () => {
  await using executor = await Executor.start();
  const result = await executor.runCpu(async (age: unknown) => {
    const { z } = await import("npm:zod@4");
    return z.object({ age: z.number() }).safeParse({ age });
  }, "young");
  assertEquals(result.success, false);
  assertEquals(result.error?.name, "ZodError");
  assertEquals(result.error?.issues[0]?.path, ["age"]);
});
