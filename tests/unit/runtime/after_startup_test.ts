import { assertEquals } from "@std/assert";
import { hasLocks, testUnless } from "../../support/features.ts";

/** The module as a thread has it that has not used a timer yet, and what some code there tells. */
async function inNewThread<T>(code: string): Promise<T> {
  const url = import.meta.resolve("../../../src/runtime/after_startup.ts");
  const source = `
    import { afterStartup, endStartup, isAfterStartup } from ${JSON.stringify(url)};
    const told = [];
    const tell = (...values) => told.push(...values);
    const send = () => postMessage(told);
    ${code}`;
  const worker = new Worker(`data:text/javascript,${encodeURIComponent(source)}`, {
    type: "module",
  });
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new Error(event.message));
  };
  try {
    return await promise;
  } finally {
    worker.terminate();
  }
}

const testOfMoment = testUnless(!hasLocks && "this Deno loads its timers at once");

testOfMoment(
  "afterStartup() calls back in order when the moment is over, and at once later on",
  async () => {
    assertEquals(
      await inNewThread(`
      tell(isAfterStartup());
      afterStartup(() => tell("first", isAfterStartup()));
      afterStartup(() => {
        tell("second");
        afterStartup(() => tell("inside"));
        send();
      });
      tell("waiting");
    `),
      [false, "waiting", "first", true, "second", "inside"],
    );
  },
);

testOfMoment("endStartup() ends the moment", async () => {
  assertEquals(
    await inNewThread(`
      const word = new Int32Array(new SharedArrayBuffer(4));
      // Shorter than the moment.
      Atomics.waitAsync(word, 0, 0, 50).value.then(() => {
        tell("waited");
        send();
      });
      afterStartup(() => tell("called"));
      endStartup();
    `),
    ["called", "waited"],
  );
});

testOfMoment("afterStartup() waits for nothing where timers are in use, or fake", async () => {
  assertEquals(
    await inNewThread(`
      globalThis.setTimeout = () => {};
      afterStartup(() => tell("called"));
      tell(isAfterStartup());
      send();
    `),
    ["called", true],
  );
});
