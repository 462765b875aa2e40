/**
 * What this Deno and this system can do. docs/platforms.md says what an older Deno lacks.
 */

import { ChildProcess } from "node:child_process";
import * as modules from "node:module";
import { HAS_PIPES } from "../../src/backend/process_command.ts";

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

/**
 * Whether a process is sent tasks ahead: the process must have a descriptor, beside the channel, to
 * write into at once. Since 2.9.2, except on Windows.
 */
export const takesAhead = HAS_PIPES;

/** Why no test of signals can run here, if none can. */
export const lacksSignals = Deno.build.os === "windows" &&
  "Windows has no signals, a process ends at once";

/** Why no test of `/proc` can run here, if none can. */
export const lacksProc = Deno.build.os !== "linux" && "only Linux has /proc";

/** Why no test of processes can run here, if none can. */
export const lacksProcesses = !hasProcesses && "this Deno cannot speak to processes";

/** Why no test of Deno 2.9's additions can run here, if none can; see {@linkcode hasLocks}. */
export const lacksLocks = !hasLocks && "this Deno has no Web Locks";

type TestFunction = (t: Deno.TestContext) => void | Promise<void>;
type TestOptions = Omit<Deno.TestDefinition, "fn" | "name">;

/** How a test is defined. */
interface DefineTest {
  (name: string, fn: TestFunction): void;
  (name: string, options: TestOptions, fn: TestFunction): void;
}

/** `Deno.test`, or where there is a reason, what skips a test and adds the reason to its name. */
export function testUnless(reason: string | false): DefineTest {
  // Deno reports the place that calls Deno.test: no function of ours is to stand between.
  if (reason === false) return Deno.test;
  return (name: string, ...rest: [TestFunction] | [TestOptions, TestFunction]) => {
    const skipped = `${name} (skipped: ${reason})`;
    if (rest.length === 1) Deno.test.ignore(skipped, ...rest);
    else Deno.test.ignore(skipped, ...rest);
  };
}
