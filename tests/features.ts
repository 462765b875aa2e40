/** What this Deno can do: what one lacks, the README says in "On an older Deno". */

import { ChildProcess } from "node:child_process";
import * as modules from "node:module";

/** Whether tasks can run in processes. */
export const hasProcesses = "spawn" in ChildProcess.prototype;

/** Whether a process can end when nothing is left to do in it, neither sooner nor later. */
export const tellsItsEnd = "registerHooks" in modules;

/** Whether a `Blob` can be cloned. */
export const clonesBlobs = structuredClone(new Blob()) instanceof Blob;

/** Whether a `DOMException` is cloned as one. */
export const clonesExceptions = structuredClone(new DOMException()) instanceof DOMException;

/** Whether a stream can be transferred. */
export const transfersStreams = await (async () => {
  const stream = new ReadableStream();
  try {
    await structuredClone(stream, { transfer: [stream] }).cancel();
    return true;
  } catch {
    return false;
  }
})();

/**
 * Whether there are Web Locks. With them, in 2.9, came an end of `deno serve` in order, the delivery
 * of many messages in one turn of the event loop, and that a process may kill itself.
 */
export const hasLocks = "locks" in navigator;
