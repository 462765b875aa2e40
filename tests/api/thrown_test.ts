import { assert, assertEquals, assertInstanceOf, assertMatch, assertRejects } from "@std/assert";
import { Executor } from "../support/isolation.ts";

const codeOf = (error: Error) => (error as Error & { code?: unknown }).code;

Deno.test("Executor gives a SuppressedError as it was thrown, with both of its errors", async () => {
  await using executor = await Executor.start();
  const error = await assertRejects(
    () =>
      executor.runCpu(() => {
        using _resource = {
          [Symbol.dispose]() {
            throw Object.assign(new RangeError("while it was disposed of"), { code: 1 });
          },
        };
        throw Object.assign(new TypeError("in the block"), { code: 2 });
      }),
    SuppressedError,
  );
  assertInstanceOf(error.error, RangeError);
  assertInstanceOf(error.suppressed, TypeError);
  assertEquals([error.error.message, codeOf(error.error)], ["while it was disposed of", 1]);
  assertEquals([error.suppressed.message, codeOf(error.suppressed)], ["in the block", 2]);
  assertEquals(Object.keys(error), []);
  const nested = await assertRejects(
    () =>
      executor.runCpu(() => {
        throw new SuppressedError(42, new SuppressedError({ a: 1 }, "text"), "mine");
      }),
    SuppressedError,
    "mine",
  );
  assertEquals([nested.error, nested.suppressed.error], [42, { a: 1 }]);
  assertEquals(nested.suppressed.suppressed, "text");
});

Deno.test("Executor takes from an error's properties only what cannot be cloned", async () => {
  await using executor = await Executor.start();
  // What the error of an HTTP client holds.
  const error = await assertRejects(
    () =>
      executor.runCpu(() => {
        class Headers {
          constructor(readonly type: string) {}
          get() {}
        }
        const config = {
          url: "/a",
          transformRequest: [() => {}, "kept"],
          validateStatus() {},
          headers: new Headers("json"),
          ["__proto__"]: { url: "/b" },
        };
        const sockets = Array.from({ length: 5_000 }, (_, i) => ({ i, on() {}, next: null }));
        sockets.forEach((socket, i) => Object.assign(socket, { next: sockets[i + 1] }));
        const request = {
          sockets,
          get broken(): never {
            throw new Error("from a getter");
          },
        };
        const response = {
          status: 404,
          headers: new Headers("html"),
          config,
          request,
          data: {
            reason: "none",
            when: new Date(0),
            bytes: new Uint8Array(2),
            nested: [() => 1],
          },
          cache: new Map<unknown, unknown>([["fn", () => {}], ["n", 1], ["list", [
            Symbol("s"),
            2,
          ]]]),
          seen: new Set<unknown>([1, () => {}]),
          failed: new RangeError("inner"),
        };
        const thrown = Object.assign(new Error("Request failed"), { config, request, response });
        throw Object.assign(thrown, { code: "ERR", self: thrown, toJSON() {} });
      }),
    Error,
    "Request failed",
    // deno-lint-ignore no-explicit-any -- whatever it holds
  ) as any;
  const { config, response } = error;
  assertEquals(error.code, "ERR");
  assertEquals(error.self, error);
  assertEquals("toJSON" in error, false);
  assertEquals(config.url, "/a");
  assertEquals(config.transformRequest, [undefined, "kept"]);
  assertEquals(config.headers, { type: "json" });
  assertEquals(Object.keys(config).includes("validateStatus"), false);
  assertEquals([response.status, response.headers], [404, { type: "html" }]);
  assertEquals(response.data, {
    reason: "none",
    when: new Date(0),
    bytes: new Uint8Array(2),
    nested: [undefined],
  });
  assertEquals([...response.cache], [["n", 1], ["list", [undefined, 2]]]);
  assertEquals([...response.seen], [1]);
  assertInstanceOf(response.failed, RangeError);
  assert(Array.isArray(response.request.sockets));
  assertEquals("broken" in response.request, false);
});

Deno.test("Executor gives the task's own error, whatever the program makes of stacks", async () => {
  await using executor = await Executor.start({ cpu: { maxWorkers: 1 } });
  const ways: Record<string, (error: Error, sites: unknown[]) => unknown> = {
    sites: (_, sites) => sites,
    nothing: () => undefined,
    number: () => 42,
    object: () => ({}),
    throws: () => {
      throw new Error("while it formats");
    },
  };
  const errors = Error as unknown as { prepareStackTrace?: unknown };
  for (const [name, way] of Object.entries(ways)) {
    for (const place of ["here", "there", "both"]) {
      const task = new Function(
        "name",
        `${place === "here" ? "delete Error.prepareStackTrace" : `Error.prepareStackTrace = ${way}`}
         throw new RangeError("mine: " + name);`,
      ) as (name: string) => void;
      if (place !== "there") errors.prepareStackTrace = way;
      const settled = await executor.runCpu(task, name).then(
        () => ({ error: undefined }),
        (error) => ({ error }),
      ).finally(() => delete errors.prepareStackTrace);
      assertInstanceOf(settled.error, RangeError);
      assertEquals(settled.error.message, `mine: ${name}`);
      assertMatch(settled.error.stack!, new RegExp(`^RangeError: mine: ${name}`));
      // Its own line is there if the worker can tell.
      if (place === "here" || name === "sites") {
        assertMatch(settled.error.stack!, /\n {4}at .*task:/);
      }
    }
  }
});
