import { assertEquals, assertStrictEquals } from "@std/assert";
import { lazyGlobal } from "../../../src/runtime/lazy_global.ts";

/** Gives a global a value, or has it loaded, while some code runs. */
function withGlobal(descriptor: PropertyDescriptor, call: () => void): void {
  Object.defineProperty(globalThis, "someGlobal", { configurable: true, ...descriptor });
  try {
    call();
  } finally {
    Reflect.deleteProperty(globalThis, "someGlobal");
  }
}

Deno.test("lazyGlobal() loads a global when it is asked for, once, whatever stands there then", () => {
  let loads = 0;
  const get = function (this: unknown) {
    assertStrictEquals(this, globalThis);
    return { loads: ++loads };
  };
  withGlobal({ get }, () => {
    const read = lazyGlobal<{ loads: number }>("someGlobal");
    assertEquals(loads, 0);
    Object.defineProperty(globalThis, "someGlobal", { value: "a library's", configurable: true });
    assertEquals([read(), read()], [{ loads: 1 }, { loads: 1 }]);
  });
});

Deno.test("lazyGlobal() keeps a global that is there", () => {
  withGlobal({ value: "ours" }, () => {
    const read = lazyGlobal<string>("someGlobal");
    Object.defineProperty(globalThis, "someGlobal", { value: "a library's", configurable: true });
    assertEquals(read(), "ours");
  });
  assertEquals(lazyGlobal("someGlobal")(), undefined);
});
