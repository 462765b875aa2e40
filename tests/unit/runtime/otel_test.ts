import { assert, assertEquals } from "@std/assert";
import { sdk, type Span, within } from "../../../src/runtime/otel.ts";

const API = Symbol.for("opentelemetry.js.api.1");
const SPAN = Symbol.for("OpenTelemetry Context Key SPAN");
const span = { traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: 1 };

/** Registers something as an SDK while some code runs. */
function withSdk(registered: unknown, call: () => void): void {
  const globals = globalThis as unknown as Record<symbol, unknown>;
  globals[API] = registered;
  try {
    call();
  } finally {
    delete globals[API];
  }
}

type Values = Record<symbol, unknown>;
const contextOf = (
  values: Values,
): { values: Values; setValue(key: symbol, value: unknown): object } => ({
  values,
  setValue: (key, value) => contextOf({ ...values, [key]: value }),
});

Deno.test("within() calls back in the context of a span that has the other's names, and takes nothing", () => {
  let current = contextOf({});
  const context = {
    active: () => current,
    with(inner: typeof current, call: () => void) {
      const before = current;
      current = inner;
      try {
        call();
      } finally {
        current = before;
      }
    },
  };
  withSdk({ context }, () => {
    assert(sdk()?.context !== undefined);
    let found: Span & Record<string, () => unknown> | undefined;
    within(span, () => found = current.values[SPAN] as typeof found);
    assertEquals(current.values, {});
    assertEquals({ ...found!.spanContext() } as object, { ...span, isRemote: true });
    assertEquals(found!.isRecording!(), false);
    for (
      const method of [
        "setAttribute",
        "setAttributes",
        "addEvent",
        "addLink",
        "addLinks",
        "setStatus",
        "updateName",
      ]
    ) assertEquals(found![method]!() === found, true, method);
    assertEquals([found!.recordException!(), found!.end()], [undefined, undefined]);
  });
});

Deno.test("within() calls back once, whatever is registered", () => {
  const active = () => contextOf({});
  const registered: Record<string, unknown> = {
    "nothing": undefined,
    "no contexts": {},
    "what never calls": { context: { active, with() {} } },
    "what calls twice": {
      context: {
        active,
        with(_: unknown, call: () => void) {
          call();
          call();
        },
      },
    },
    "what throws": {
      context: {
        active,
        with() {
          throw new Error("broken");
        },
      },
    },
    "what calls and throws": {
      context: {
        active,
        with(_: unknown, call: () => void) {
          call();
          throw new Error("broken");
        },
      },
    },
    "what has no context": { context: { active: () => undefined } },
  };
  for (const [name, sdk] of Object.entries(registered)) {
    let calls = 0;
    withSdk(sdk, () => within(span, () => calls++));
    assertEquals(calls, 1, name);
  }
});
