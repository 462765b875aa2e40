import nodeAssert from "node:assert";

// deno-lint-ignore no-explicit-any -- a class with any constructor
type Class<E> = abstract new (...args: any[]) => E;

export function assert(condition: unknown, message = "Expected it to hold"): asserts condition {
  nodeAssert.ok(condition, message);
}

export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.deepStrictEqual(actual, expected, message);
}

export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  message?: string,
): asserts actual is T {
  nodeAssert.strictEqual(actual, expected, message);
}

export function assertInstanceOf<T>(actual: unknown, type: Class<T>): asserts actual is T {
  nodeAssert.ok(actual instanceof type, `Expected ${type.name}, received ${Deno.inspect(actual)}`);
}

export function assertMatch(actual: string, expected: RegExp): void {
  nodeAssert.match(actual, expected);
}

export function assertStringIncludes(actual: string, expected: string): void {
  nodeAssert.ok(actual.includes(expected), `Expected "${expected}" in "${actual}"`);
}

export function assertThrows(call: () => unknown): unknown;
export function assertThrows<E extends Error>(
  call: () => unknown,
  type: Class<E>,
  messageIncludes?: string,
): E;
export function assertThrows(call: () => unknown, type?: Class<Error>, includes?: string): unknown {
  try {
    call();
  } catch (error) {
    return checked(error, type, includes);
  }
  nodeAssert.fail("Expected it to throw");
}

export function assertRejects(call: () => PromiseLike<unknown>): Promise<unknown>;
export function assertRejects<E extends Error>(
  call: () => PromiseLike<unknown>,
  type: Class<E>,
  messageIncludes?: string,
): Promise<E>;
export async function assertRejects(
  call: () => PromiseLike<unknown>,
  type?: Class<Error>,
  includes?: string,
): Promise<unknown> {
  const promise = call(); // what it throws by itself is no rejection
  try {
    await promise;
  } catch (error) {
    return checked(error, type, includes);
  }
  nodeAssert.fail("Expected it to reject");
}

function checked(error: unknown, type?: Class<Error>, includes = ""): unknown {
  if (type !== undefined) {
    assertInstanceOf(error, type);
    assertStringIncludes(error.message, includes);
  }
  return error;
}
