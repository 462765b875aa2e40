import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  ExecutorError,
  NotStartedError,
  QueueFullError,
  ShutdownError,
} from "../../../src/api/errors.ts";
import { asResponse, explain } from "../../../src/server/responses.ts";

const tenantFull = Object.assign(new QueueFullError("full"), { status: 429 });
const answers: readonly [error: unknown, status: number, text: string, retry: string | null][] = [
  [new QueueFullError("full"), 503, "Too much to do, try again", "1"],
  [tenantFull, 429, "Too much to do, try again", "1"],
  [new ShutdownError("ended"), 503, "The server is stopping", "1"],
  [new NotStartedError("not started"), 503, "The server is stopping", "1"],
  [new DOMException("gone", "AbortError"), 499, "", null],
];
for (const [error, status, text, retry] of answers) {
  Deno.test(`explain() answers ${(error as Error).name} with ${status}`, async () => {
    const response = explain(error);
    assertEquals(
      [response.status, await response.text(), response.headers.get("retry-after")],
      [status, text, retry],
    );
  });
}

for (
  const error of [new ExecutorError("other"), new DOMException("late", "TimeoutError"), "text"]
) {
  Deno.test(`explain() prints ${error}, and answers 500`, async () => {
    const printed: unknown[] = [];
    const { error: print } = console;
    console.error = (...values: unknown[]) => printed.push(...values);
    try {
      const response = explain(error);
      assertEquals([response.status, await response.text()], [500, "Internal Server Error"]);
    } finally {
      console.error = print;
    }
    assertEquals(printed, [error]);
  });
}

Deno.test("asResponse() passes a response, and refuses anything else", () => {
  const response = new Response();
  assertStrictEquals(asResponse(response), response);
  const others = [[undefined, "undefined"], [null, "null"], ["text", "string"], [{}, "object"]];
  for (const [value, name] of others) {
    assertThrows(() => asResponse(value), TypeError, `returned ${name}, expected a Response`);
  }
});
