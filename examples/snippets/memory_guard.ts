/**
 * Ends a process that has too much memory of any kind. `memoryLimit` counts V8's heap alone: an
 * `ArrayBuffer`, WebAssembly's memory and threads are not on the heap.
 */

import { Worker } from "node:worker_threads";

/** How often, in ms, the guard looks at the memory. */
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
