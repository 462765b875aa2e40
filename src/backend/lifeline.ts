/**
 * How the host notices that a worker has ended. A worker that ends by itself tells nobody. But each
 * worker is given a port, which closes with the worker, and the other port of the pair hears of the
 * close within a few ms. Whatever the end: an exit, an error, or the late return of a terminated
 * worker.
 */

import type { MessageChannel } from "node:worker_threads";

/**
 * Makes a lifeline: `port1` stays here, and keeps the process alive unless told not to by
 * `unref()`; `port2` is for the worker. Nothing is ever sent through the ports.
 *
 * @param onEnd Is called when `port1` was closed, or the worker with `port2` is gone.
 */
export async function newLifeline(onEnd: () => void): Promise<MessageChannel> {
  // Only Node's channels tell of their close. Loading Node's part of Deno takes some ms.
  const { MessageChannel } = await import("node:worker_threads");
  const lifeline = new MessageChannel();
  lifeline.port1.on("close", onEnd);
  // A port that is not started hears nothing, its close included.
  lifeline.port1.start();
  return lifeline;
}
