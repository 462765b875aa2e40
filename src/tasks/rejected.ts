import { ExecutorError } from "../api/errors.ts";
import { withStackFrom } from "./caller_stack.ts";
import { Failure } from "./failure.ts";
import type { AddressedTask } from "./task.ts";

/**
 * The reason of a task that has run for its time limit. A class of its own, as a `DOMException` may
 * also be the reason of a user's signal, which must stay as it is.
 */
export class TimedOut extends DOMException {
  constructor({ label }: AddressedTask, ms: number) {
    super(`The task timed out: ${label} ran for ${ms} ms`, "TimeoutError");
  }
}

/** Whether a reason is to show the caller's line: the error of a task, or an error of this package. */
export function showsCaller(reason: unknown): reason is Failure | ExecutorError | TimedOut {
  return reason instanceof Failure || reason instanceof ExecutorError || reason instanceof TimedOut;
}

/**
 * Makes a promise that rejects with what the caller of a run is to catch. The error's stack shows the
 * line where the caller awaits the promise: to capture the line of each submission would cost more
 * than a short task.
 */
export function rejected(reason: unknown): Promise<never> {
  if (!showsCaller(reason)) return Promise.reject(reason);
  // V8 finds the caller's frames only if the caller's promise waits for this promise already, which
  // takes two turns.
  return Promise.resolve().then(() => {}).then(function here() {
    if (reason instanceof Failure) throw reason.revive(here);
    throw withStackFrom(reason, here);
  });
}
