/**
 * How the host ends workers that may run native code; see ../worker/ending.ts for the worker's
 * half.
 */

import { END, EXITS, type ToWorker, UNHEARD } from "../wire/protocol.ts";
import { now } from "../runtime/real_timers.ts";

/** How long, in ms, the end of the program waits for workers with native code to stop. */
const PARK_MS = 200;

/** A worker that was asked to end, and goes on. */
interface Leaving {
  readonly state: Int32Array;
  ask(): void;
}

const leaving = new Set<Leaving>();

/** Whether tasks with these permissions can load native code. */
export function mayLoadNativeCode(permissions: Deno.PermissionOptions): boolean {
  const ffi = typeof permissions === "object" ? permissions.ffi ?? false : permissions;
  if (ffi === "inherit") return Deno.permissions.querySync({ name: "ffi" }).state !== "denied";
  return ffi !== "none" && ffi !== false;
}

/**
 * Asks a worker to end as soon as that is safe.
 *
 * @param post Sends the worker a message.
 * @param gone Resolves when the worker has ended.
 * @returns Asks the worker, each time it is called.
 */
export function askToEnd(
  post: (message: ToWorker) => void,
  gone: Promise<void>,
): () => void {
  const state = new Int32Array(new SharedArrayBuffer(8));
  const one = { state, ask: () => post([END, state]) };
  if (leaving.size === 0) addEventListener("unload", parkAll);
  leaving.add(one);
  gone.then(() => {
    leaving.delete(one);
    if (leaving.size === 0) removeEventListener("unload", parkAll);
  });
  return one.ask;
}

/** The program ends, and Deno would end all workers now: stops workers with native code at work. */
function parkAll(): void {
  const end = now() + PARK_MS;
  for (const { state, ask } of leaving) {
    Atomics.store(state, 1, EXITS);
    ask();
  }
  // A worker in synchronous code does not answer, and does not end before the program either.
  for (const { state } of leaving) Atomics.wait(state, 0, UNHEARD, Math.max(0, end - now()));
}

let warned = false;

/** Warns, once, that a worker goes on. */
export function warnOfNativeCode(): void {
  if (warned) return;
  warned = true;
  console.warn(
    "@genro/executor: a worker that has loaded native code was given up while its task runs. It " +
      "goes on until the task returns, as Deno would crash if it ended now. Native addons are " +
      'best run with isolation: "process".',
  );
}
