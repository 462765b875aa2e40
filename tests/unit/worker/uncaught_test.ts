import { assertEquals } from "@std/assert";
import type { ChannelProcess } from "../../../src/worker/host_channel.ts";
import { hearUncaught } from "../../../src/worker/uncaught.ts";

const died: unknown[] = [];
let nodeListeners = 0;
const process = { listenerCount: () => nodeListeners } as unknown as ChannelProcess;
// Once for all tests, as in a process: before any listener of a task.
hearUncaught(process, (thrown) => died.push(thrown));

/** An error, or a rejection, that nobody has caught. */
const events: Record<string, (thrown: unknown) => Event> = {
  error: (error) => new ErrorEvent("error", { error, cancelable: true }),
  unhandledrejection: (reason) =>
    new PromiseRejectionEvent("unhandledrejection", {
      promise: Promise.resolve(),
      reason,
      cancelable: true,
    }),
};

/** Dispatches an event beside the listener of a task; returns what has died, and who has prevented. */
function dispatch(type: string, listener?: (event: Event) => void): [unknown[], boolean] {
  died.length = 0;
  if (listener !== undefined) addEventListener(type, listener);
  const prevented = !dispatchEvent(events[type]!("thrown"));
  if (listener !== undefined) removeEventListener(type, listener);
  return [[...died], prevented];
}

for (const type of Object.keys(events)) {
  Deno.test(`hearUncaught() dies of an ${type} that no listener handles`, () => {
    nodeListeners = 0;
    assertEquals(dispatch(type), [["thrown"], true]);
    assertEquals(dispatch(type, () => {}), [["thrown"], true]);
  });

  Deno.test(`hearUncaught() leaves an ${type} to a listener that handles it, once`, () => {
    nodeListeners = 0;
    let calls = 0;
    const handle = (event: Event) => {
      calls++;
      assertEquals("reason" in event ? event.reason : (event as ErrorEvent).error, "thrown");
      event.preventDefault();
    };
    assertEquals(dispatch(type, handle), [[], true]);
    assertEquals(calls, 1);
  });

  Deno.test(`hearUncaught() hears an ${type} of a listener of such events`, () => {
    nodeListeners = 0;
    let outer = true;
    const handle = (event: Event) => {
      if (outer) {
        outer = false;
        // Nobody handles this event.
        dispatchEvent(events[type]!("inner"));
        event.preventDefault();
      }
    };
    assertEquals(dispatch(type, handle), [["inner"], true]);
  });
}

Deno.test("hearUncaught() leaves a rejection to Node's listeners, and an error not", () => {
  nodeListeners = 1;
  assertEquals(dispatch("unhandledrejection"), [[], false]);
  assertEquals(dispatch("error"), [["thrown"], true]);
});
