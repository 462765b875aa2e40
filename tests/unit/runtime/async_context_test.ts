import { AsyncLocalStorage } from "node:async_hooks";
import { assertEquals, assertThrows } from "@std/assert";
import * as ours from "../../../src/runtime/async_context.ts";

const storage = new AsyncLocalStorage<string>();

/** What the module is where Deno's own functions are missing, as in a later Deno. */
async function byNode(): Promise<typeof ours> {
  const { internal } = Deno as unknown as { internal: symbol };
  const internals = (Deno as unknown as Record<symbol, object>)[internal]!;
  const core = Object.getOwnPropertyDescriptor(internals, "core")!;
  Object.defineProperty(internals, "core", { value: {}, configurable: true });
  try {
    return await import(`${import.meta.resolve("../../../src/runtime/async_context.ts")}?node`);
  } finally {
    Object.defineProperty(internals, "core", core);
  }
}

for (const [name, load] of [["Deno's functions", () => ours], ["Node's", byNode]] as const) {
  Deno.test(`runIn() calls in the context of another time, and comes back from there: by ${name}`, async () => {
    const { currentContext, runIn, runInNone } = await load();
    const contexts = ["ann", "bob"].map((store) => storage.run(store, currentContext));
    storage.run("here", () => {
      const stores = contexts.map((context) => runIn(context, () => storage.getStore()));
      assertEquals(stores, ["ann", "bob"]);
      assertEquals(storage.getStore(), "here");
      const failing = () => {
        throw new Error(storage.getStore());
      };
      assertThrows(() => runIn(contexts[0], failing), Error, "ann");
      assertEquals(storage.getStore(), "here");
      assertEquals(runInNone(() => [storage.getStore()]), [undefined]);
      assertEquals(storage.getStore(), "here");
    });
    assertEquals(runInNone(() => storage.getStore()), undefined);
  });
}
