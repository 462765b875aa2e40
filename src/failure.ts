import { ExecutorError, NotCloneableError, TaskNotFoundError, WorkerStartError } from "./errors.ts";
import type { FailureKind } from "./protocol.ts";
import { framesOf } from "./stack.ts";
import type { AddressedTask } from "./task.ts";
import { decodeThrown, type Thrown } from "./thrown.ts";

/** How a run failed in its worker, not yet made into what its caller will catch. */
export class Failure {
  readonly #task: AddressedTask;
  readonly #kind: FailureKind;
  readonly #thrown: Thrown;

  constructor(task: AddressedTask, kind: FailureKind, thrown: Thrown) {
    this.#task = task;
    this.#kind = kind;
    this.#thrown = thrown;
  }

  /** Makes what the caller will catch, who waits for this function. */
  revive(callee: () => void): unknown {
    const thrown = decodeThrown(this.#thrown);
    if (this.#kind !== "threw") return withStackFrom(this.#refusal(thrown), callee);
    if (thrown instanceof Error) {
      const frames = framesOf(withStackFrom(new Error(), callee).stack!);
      if (frames !== "") thrown.stack += `\n${frames}`;
      this.#explain(thrown);
    }
    return thrown;
  }

  #refusal(cause: unknown): ExecutorError {
    const { label } = this.#task;
    const why = cause instanceof Error ? withoutPeriod(cause.message) : String(cause);
    switch (this.#kind) {
      case "load":
        return new WorkerStartError(`Cannot load the module of ${label}: ${why}`, { cause });
      case "find":
        return new TaskNotFoundError(`Cannot find ${label}: ${why}`, { cause });
      default:
        return new NotCloneableError(
          `Cannot send the result of ${label}: ${why}; return plain data`,
          { cause },
        );
    }
  }

  /** Says what a `ReferenceError` means in a function that was sent by its source. */
  #explain(error: Error): void {
    if (!("source" in this.#task.address) || !(error instanceof ReferenceError)) return;
    const { message } = error;
    const name = /^(\S+) is not defined$/.exec(message)?.[1];
    if (name === undefined) return;
    error.message = `${message}: ${this.#task.label} was sent to the worker by its source and ` +
      `sees nothing around it; pass ${name} as an argument, or export the function from a ` +
      `module and name it with tasksFrom()`;
    error.stack = error.stack!.replace(message, () => error.message);
  }
}

/** Whether a reason is to show where its caller is: what a task threw, or an error of ours. */
export function showsCaller(reason: unknown): reason is Failure | ExecutorError {
  return reason instanceof Failure || reason instanceof ExecutorError;
}

/**
 * A promise that rejects with what the caller of a run is to catch for this reason. It does so
 * where the caller awaits it, so that the stack shows where that is: capturing it at each
 * submission would cost more than a short task.
 */
export function rejected(reason: unknown): Promise<never> {
  if (!showsCaller(reason)) return Promise.reject(reason);
  // Two turns later what was resolved with this promise waits for it, as V8's stacks need it.
  return Promise.resolve().then(() => {}).then(function here() {
    if (reason instanceof Failure) throw reason.revive(here);
    throw withStackFrom(reason, here);
  });
}

/** Gives an error the stack of whoever called this function; it becomes text when it is read. */
function withStackFrom<E extends Error>(error: E, callee: () => void): E {
  Error.captureStackTrace(error, callee);
  return error;
}

/** A message that can be continued; Deno ends some of its own with a period. */
export function withoutPeriod(message: string): string {
  return message.replace(/\.$/, "");
}
