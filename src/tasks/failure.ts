/** What the caller of a run catches, with the caller's line in the stack. */

import { ExecutorError } from "../api/errors.ts";
import type { FailureKind } from "../wire/protocol.ts";
import { framesOf } from "../wire/stack.ts";
import { explain } from "./explanation.ts";
import { reasonOf } from "./reason.ts";
import { loadError, notCloneable, notFound } from "./refusals.ts";
import type { AddressedTask } from "./task.ts";

/** The failure of a run in its worker. The error is made when a caller asks for the error. */
export class Failure {
  readonly #task: AddressedTask;
  readonly #kind: FailureKind;
  readonly #thrown: () => unknown;
  readonly #restricted: string | undefined;

  /**
   * Makes a failure.
   *
   * @param thrown Decodes the thrown value.
   * @param restricted The name of the pool, if its tasks have permissions of their own.
   */
  constructor(
    task: AddressedTask,
    kind: FailureKind,
    thrown: () => unknown,
    restricted: string | undefined,
  ) {
    this.#task = task;
    this.#kind = kind;
    this.#thrown = thrown;
    this.#restricted = restricted;
  }

  /**
   * Makes the error that the caller of the run catches.
   *
   * @param callee The function that the caller waits for: the error's stack has the frames above.
   */
  revive(callee: () => void): unknown {
    const thrown = this.#thrown();
    if (this.#kind !== "threw") return withStackFrom(this.#refusal(thrown), callee);
    if (thrown instanceof Error) {
      const frames = callerFrames(callee);
      if (frames !== "") thrown.stack += `\n${frames}`;
      explain(thrown, this.#task, this.#restricted);
    }
    return thrown;
  }

  #refusal(cause: unknown): ExecutorError {
    const { label } = this.#task;
    switch (this.#kind) {
      case "load":
        return loadError(`Cannot load the module of ${label}`, cause, this.#restricted);
      case "find":
        return notFound(this.#task, cause);
      case "tell":
        return notCloneable(`what ${label} tells by progress()`, "pass", cause, reasonOf(cause));
      default:
        return notCloneable(`the result of ${label}`, "return", cause, reasonOf(cause));
    }
  }
}

/** The frames above a function's call, unless the program's own code cannot format stacks. */
export function callerFrames(callee: (...args: never[]) => unknown): string {
  try {
    return framesOf(withStackFrom(new Error(), callee).stack);
  } catch {
    return "";
  }
}

/** Gives an error the stack above a function's call. V8 makes text of a stack when code reads it. */
export function withStackFrom<E extends Error>(error: E, callee: (...args: never[]) => unknown): E {
  Error.captureStackTrace(error, callee);
  return error;
}

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
