/**
 * Ends a process that has too much memory of any kind: `memoryLimit` counts V8's heap alone, and
 * neither an `ArrayBuffer` nor WebAssembly's memory nor threads are in it.
 */

import { Worker } from "node:worker_threads";

/** How often, in ms, the memory is looked at. What is set aside in between is not seen. */
const INTERVAL_MS = 20;

/**
 * Starts the guard in a thread of its own, where no endless loop of a snippet holds it up.
 *
 * @param limit How many MB the process may have in memory.
 */
export function guardMemory(limit: number): void {
  const source = `setInterval(() => {
    if (Deno.memoryUsage().rss > ${limit * 2 ** 20}) Deno.kill(Deno.pid, "SIGKILL");
  }, ${INTERVAL_MS});`;
  // The guard alone keeps no process.
  new Worker(source, { eval: true }).unref();
}
