import { assert, assertEquals } from "@std/assert";
import { putErrors, takeErrors } from "../../../../src/wire/values/carried_errors.ts";
import { type Random, withSeeds } from "../../../support/random.ts";
import { describe, randomLeaf, randomPrimitive, randomValue } from "../../../support/values.ts";

class OwnError extends RangeError {
  override name = "OwnError";
}

/** An error, most often with more to say than structured clone keeps. */
function randomError(random: Random): Error {
  const message = `text ${random.below(100)}`;
  if (random.chance(0.2)) return new (random.pick([Error, TypeError, RangeError]))(message);
  const ErrorClass = random.pick([Error, TypeError, OwnError, Deno.errors.NotFound]);
  return Object.assign(new ErrorClass(message), {
    code: randomPrimitive(random),
    list: [random.below(10), { a: 1 }],
  });
}

/** What has arrived of a value that was sent, with its errors beside. */
function sent(value: object): unknown {
  const taken = takeErrors(value);
  const { value: rest, errors } = structuredClone(taken);
  return errors === undefined ? rest : putErrors(rest, errors);
}

Deno.test("takeErrors() and putErrors() send any value with all that its errors say", () => {
  let withErrors = 0;
  withSeeds(400, (random) => {
    const value = randomValue(
      random,
      () => random.chance(0.5) ? randomError(random) : randomLeaf(random),
    );
    const before = describe(value);
    if (takeErrors(value).errors !== undefined) withErrors++;
    assertEquals(describe(sent(value)), before);
    assertEquals(describe(value), before, "the value has changed");
  });
  // The mechanism was at work.
  assert(withErrors > 100, `${withErrors} values had errors that travel beside them`);
});

Deno.test("takeErrors() leaves to structured clone what it can do", () => {
  class Own {
    error = Object.assign(new Error(), { code: 1 });
  }
  for (
    const value of [
      {},
      { error: new TypeError("text", { cause: 1 }) },
      [new DOMException("text", "AbortError")],
      // A class of the program's: structured clone makes a plain object of it.
      { own: new Own() },
    ]
  ) assertEquals(takeErrors(value).errors, undefined, Deno.inspect(value));
});

Deno.test("takeErrors() calls each getter once", () => {
  let calls = 0;
  const value = {
    get error() {
      calls++;
      return Object.assign(new Error("text"), { code: 1 });
    },
  };
  const found = sent([value, value]) as { error: { code: number } }[];
  assertEquals([calls, found[0]!.error.code, found[0] === found[1]], [1, 1, true]);
});

Deno.test("takeErrors() copies a property that Object.prototype has, and does not let go", () => {
  Object.defineProperty(Object.prototype, "kept", { value: 1, configurable: true });
  try {
    const value = {};
    Object.defineProperty(value, "kept", { value: 2, enumerable: true });
    assertEquals(sent([value]), [value]);
  } finally {
    Reflect.deleteProperty(Object.prototype, "kept");
  }
});

Deno.test("putErrors() returns the error that is the value itself", () => {
  const error = sent(Object.assign(new TypeError("text"), { code: 1 })) as TypeError;
  assertEquals(describe(error), 'TypeError ["TypeError","text"] {"code":number 1}');
});
