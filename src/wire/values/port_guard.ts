import type { Guard } from "./stream_guards.ts";

/**
 * Guards a port that has arrived. A web port of Deno does not tell when its other end is closed or
 * has died with its thread; a port that arrives through a channel of Node's does, with a `close`
 * event, on both Deno's and Node's ports. So the port is shown to such a channel.
 *
 * @param onEnd Is called when either end was closed; if nobody listens to the port, the other end's
 * closing is not noticed.
 */
export function guardPort(port: MessagePort, onEnd: () => void): Guard {
  port.addEventListener("close", onEnd, { once: true });
  tellClose(port);
  // Weak, so that a port that nobody has any more can be collected.
  const ref = new WeakRef(port);
  return {
    fail() {
      ref.deref()?.close();
      onEnd();
    },
  };
}

/** Has a port tell of its end. */
async function tellClose(port: MessagePort): Promise<void> {
  // Loaded, for some ms, when a port first arrives.
  const { MessageChannel } = await import("node:worker_threads");
  const { port1, port2 } = new MessageChannel();
  port1.on("message", () => {});
  (port1 as unknown as EventTarget).dispatchEvent(new MessageEvent("message", { data: [port] }));
  port1.close();
  port2.close();
}
