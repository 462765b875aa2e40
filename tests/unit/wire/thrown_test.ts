import { assert, assertEquals } from "@std/assert";
import { isThrown } from "../../../src/wire/check.ts";
import { decodeThrown, encodeThrown } from "../../../src/wire/thrown.ts";
import { type Random, withSeeds } from "../../support/random.ts";
import { describe, put, randomLeaf, randomName, randomPrimitive } from "../../support/values.ts";

class OwnError extends RangeError {}
class NamedError extends Error {
  override name = "Named";
}
class NoMessageError extends TypeError {
  override get message(): string {
    throw new Error("unreadable");
  }
}

const makers: readonly ((message: string, cause: unknown) => Error)[] = [
  (message, cause) => new Error(message, { cause }),
  (message) => new TypeError(message),
  (message, cause) => new SyntaxError(message, { cause }),
  (message) => new OwnError(message),
  (message) => new NamedError(message),
  (message) => new Deno.errors.NotFound(message),
  (message) => new DOMException(message, "AbortError"),
  (message, cause) => new AggregateError([cause, 1], message),
  (message, cause) => new SuppressedError(cause, 1, message),
  (message) => new WebAssembly.CompileError(message),
];

const randomMessage = (random: Random) =>
  random.pick(["", "text", "a: b", "two\nlines", "    at task (file:///a.ts:1:1)", "é\ud800"]);

/** Errors that are each other's causes, properties and items, in circles, too. */
function randomErrors(random: Random): Error[] {
  const errors: Error[] = [];
  const inner = (): unknown => {
    if (errors.length > 0 && random.chance(0.5)) return random.pick(errors);
    return random.chance(0.3) ? randomLeaf(random) : randomPrimitive(random);
  };
  const count = 1 + random.below(8);
  for (let i = 0; i < count; i++) errors.push(random.pick(makers)(randomMessage(random), inner()));
  for (const error of errors) {
    for (let i = random.below(4); i > 0; i--) {
      const name = randomName(random);
      if (name === "constructor") continue;
      const value = random.chance(0.3) ? random.list(4, inner) : inner();
      if (Object.hasOwn(error, name)) continue;
      if (random.chance(0.8)) put(error, name, value);
      else Object.defineProperty(error, name, { value, configurable: true });
    }
  }
  return errors;
}

/** The same errors, as the other side shall see them: one of a class of the program's has its name. */
function named(errors: readonly Error[]): void {
  for (const error of errors) {
    if (error instanceof OwnError) {
      Object.defineProperty(error, "name", { value: "OwnError", configurable: true });
    }
  }
}

const roundTrip = (value: unknown): unknown => {
  const thrown = structuredClone(encodeThrown(value));
  assert(isThrown(thrown));
  return decodeThrown(thrown);
};

Deno.test("encodeThrown() and decodeThrown() keep any errors, what they say and how they refer", () => {
  let withProperties = 0;
  withSeeds(500, (random) => {
    const errors = randomErrors(random);
    const value = random.chance(0.5) ? errors[0] : errors;
    const found = roundTrip(value);
    named(errors);
    const expected = describe(value);
    assertEquals(describe(found), expected);
    if (/\{"/.test(expected)) withProperties++;
  });
  assert(withProperties > 200, `${withProperties} had errors with properties`);
});

Deno.test("decodeThrown() makes the stack that the error has had, without frames of this package", () => {
  withSeeds(200, (random) => {
    const error = random.pick(makers)(randomMessage(random), undefined);
    const head = error.stack!.slice(0, error.stack!.indexOf("\n    at", error.message.length));
    const own = `    at serve (${import.meta.resolve("../../../src/worker/task_server.ts")}:1:1)`;
    const frames = "    at task (file:///tasks.ts:1:2)\n    at async file:///tasks.ts:3:4";
    error.stack = `${head}\n${frames}\n${own}`;
    assertEquals((roundTrip(error) as Error).stack, `${head}\n${frames}`);
  });
});

Deno.test("encodeThrown() sends any value that is no error as it is", () => {
  withSeeds(200, (random) => {
    const value = random.chance(0.5) ? randomPrimitive(random) : randomLeaf(random);
    assertEquals(describe(roundTrip(value)), describe(value));
  });
});

Deno.test("encodeThrown() sends of an error what can be read", () => {
  const error = Object.assign(new NoMessageError(), {
    fine: 1,
    calls() {},
    mixed: { kept: 1, lost() {} },
    get unreadable() {
      return 1;
    },
  });
  Object.defineProperty(error, "throwing", {
    enumerable: true,
    get() {
      throw new Error("unreadable");
    },
  });
  const found = roundTrip(error) as NoMessageError & Record<string, unknown>;
  assertEquals([found.name, found.message], ["NoMessageError", ""]);
  assertEquals({ ...found }, { fine: 1, mixed: { kept: 1 }, unreadable: 1 });
});
