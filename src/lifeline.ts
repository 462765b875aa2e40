/**
 * Noticing that a worker has ended. One that ends by itself tells nobody, but a port that it was
 * given goes with it, and the one that stayed here hears of that within a few ms, whatever the
 * end: an exit, an error, or the late return of one that was terminated.
 */

import type { MessagePort } from "node:worker_threads";

/** The host's end of a lifeline. */
export interface Lifeline {
  /** What the worker is to be given; nothing is ever sent through it. */
  readonly end: MessagePort;
  /** Sets whether it keeps the process alive. */
  hold(alive: boolean): void;
  /** Lets go of it. */
  close(): void;
}

/**
 * Makes a lifeline. Only Node's kind of channel tells of its close.
 *
 * @param onEnd Is called when it was closed, or whoever has its other end is gone.
 */
export async function newLifeline(onEnd: () => void): Promise<Lifeline> {
  // Deno loads Node's part, for some ms, when it is first asked for.
  const { MessageChannel } = await import("node:worker_threads");
  const { port1, port2 } = new MessageChannel();
  port1.on("close", onEnd);
  // It hears of its end only when it listens.
  port1.start();
  return {
    end: port2,
    hold: (alive) => alive ? port1.ref() : port1.unref(),
    close: () => port1.close(),
  };
}
