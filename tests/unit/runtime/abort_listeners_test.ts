import { assertEquals } from "@std/assert";
import { onAbort } from "../../../src/runtime/abort_listeners.ts";

/** A signal, and how many listeners it has. */
function counted(): { controller: AbortController; listeners: () => number } {
  const controller = new AbortController();
  const { signal } = controller;
  let count = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: unknown[]) => {
    count++;
    Reflect.apply(addEventListener, signal, args);
  };
  signal.removeEventListener = (...args: unknown[]) => {
    count--;
    Reflect.apply(removeEventListener, signal, args);
  };
  return { controller, listeners: () => count };
}

Deno.test("onAbort() has one listener for all who ask, and none after the last has stopped", () => {
  const { controller, listeners } = counted();
  const heard: number[] = [];
  const stops = Array.from({ length: 1_000 }, (_, i) => {
    return onAbort(controller.signal, () => heard.push(i));
  });
  assertEquals(listeners(), 1);
  const again = stops.pop()!;
  for (const stop of stops.splice(2)) stop();
  assertEquals(listeners(), 1);
  controller.abort();
  assertEquals(heard, [0, 1, 999]);
  for (const stop of [...stops, again, again]) stop();
  assertEquals(listeners(), 0);
});

Deno.test("onAbort() listens anew to a signal that nobody has listened to for a while", () => {
  const { controller, listeners } = counted();
  onAbort(controller.signal, () => heard.push("first"))();
  const heard: string[] = [];
  onAbort(controller.signal, () => heard.push("second"));
  assertEquals(listeners(), 1);
  controller.abort();
  assertEquals(heard, ["second"]);
});

Deno.test("onAbort() calls nobody who has stopped while others were called", () => {
  const controller = new AbortController();
  const heard: string[] = [];
  onAbort(controller.signal, () => {
    heard.push("first");
    stop();
  });
  const stop = onAbort(controller.signal, () => heard.push("second"));
  onAbort(controller.signal, () => heard.push("third"));
  controller.abort();
  assertEquals(heard, ["first", "third"]);
});
