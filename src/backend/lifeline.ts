/**
 * Noticing that a worker has ended. One that ends by itself tells nobody, but a port that it was
 * given goes with it, and the one that stayed here hears of that within a few ms, whatever the
 * end: an exit, an error, or the late return of one that was terminated.
 */

import type { MessageChannel } from "node:worker_threads";

/**
 * Makes a lifeline: `port1` stays here, and keeps the process alive unless it is told not to;
 * `port2` is for the worker. Nothing is ever sent through them.
 *
 * @param onEnd Is called when `port1` was closed, or whoever has `port2` is gone.
 */
export async function newLifeline(onEnd: () => void): Promise<MessageChannel> {
  // Only Node's channels tell of their close. Deno loads them, for some ms, when they are needed.
  const { MessageChannel } = await import("node:worker_threads");
  const lifeline = new MessageChannel();
  lifeline.port1.on("close", onEnd);
  // It hears of its end only when it listens.
  lifeline.port1.start();
  return lifeline;
}
