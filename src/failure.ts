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

  /** Makes what the caller will catch; `frames` are the caller's. */
  revive(frames: string): unknown {
    const thrown = decodeThrown(this.#thrown);
    if (this.#kind !== "threw") return withFrames(this.#refusal(thrown), frames);
    if (thrown instanceof Error) {
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

/**
 * What the caller of a run is to catch for this reason. Called where the caller awaits, so
 * that the stack shows where that is: capturing it at each submission would cost more than
 * a short task.
 */
export function rejection(reason: unknown): unknown {
  if (!(reason instanceof Failure) && !(reason instanceof ExecutorError)) return reason;
  const frames = framesOf(new Error().stack!);
  return reason instanceof Failure ? reason.revive(frames) : withFrames(reason, frames);
}

/** Gives one of our errors the stack of who will catch it, in place of where we made it. */
function withFrames(error: ExecutorError, frames: string): ExecutorError {
  error.stack = `${error.name}: ${error.message}\n${frames}`;
  return error;
}

/** A message that can be continued; Deno ends some of its own with a period. */
export function withoutPeriod(message: string): string {
  return message.replace(/\.$/, "");
}
