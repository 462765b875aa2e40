import { assertEquals } from "@std/assert";
import { listen, onAbort, stopListening } from "../../../src/runtime/abort_listeners.ts";

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

Deno.test("listen() calls each callback with those that are not settled, and the reason", () => {
  const { controller, listeners } = counted();
  const { signal } = controller;
  const heard: unknown[] = [];
  const calls = ["a", "b"].map((name) => (who: { id: number }, reason: unknown) => {
    heard.push(name, who.id, reason);
  });
  const all = Array.from({ length: 1_000 }, (_, id) => ({ id, settled: false }));
  for (const who of all) listen(signal, who, calls[who.id % 2]!);
  assertEquals(listeners(), 1);
  for (const who of all) {
    // Settled in any order, more than once half of those that are left.
    if (who.id === 5 || who.id === 998) continue;
    who.settled = true;
    stopListening(signal);
  }
  controller.abort("why");
  assertEquals(heard, ["a", 998, "why", "b", 5, "why"]);
  assertEquals(listeners(), 0);
});

Deno.test("listen() keeps at most as many settled listeners as others", () => {
  const controller = new AbortController();
  let asked = 0;
  const heard: number[] = [];
  for (let id = 0; id < 100; id++) {
    const who = {
      get settled() {
        asked++;
        return id > 0;
      },
    };
    listen(controller.signal, who, () => heard.push(id));
    if (id > 0) stopListening(controller.signal);
  }
  asked = 0;
  controller.abort();
  assertEquals([heard, asked <= 2], [[0], true]);
});

Deno.test("listen() of a signal does not hear what others do about another signal", () => {
  const [one, other] = [counted(), counted()];
  const who = () => ({ settled: false });
  let heard = 0;
  listen(one.controller.signal, who(), () => heard++);
  listen(other.controller.signal, who(), () => heard += 10);
  stopListening(other.controller.signal);
  assertEquals([one.listeners(), other.listeners()], [1, 0]);
  one.controller.abort();
  assertEquals(heard, 1);
});
