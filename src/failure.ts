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
  readonly #restricted: string | undefined;

  /**
   * Makes one.
   *
   * @param restricted What the pool is called, if its tasks have permissions of their own.
   */
  constructor(
    task: AddressedTask,
    kind: FailureKind,
    thrown: Thrown,
    restricted: string | undefined,
  ) {
    this.#task = task;
    this.#kind = kind;
    this.#thrown = thrown;
    this.#restricted = restricted;
  }

  /** Makes what the caller will catch, who waits for this function. */
  revive(callee: () => void): unknown {
    const thrown = decodeThrown(this.#thrown);
    if (this.#kind !== "threw") return withStackFrom(this.#refusal(thrown), callee);
    if (thrown instanceof Error) {
      const frames = framesOf(withStackFrom(new Error(), callee).stack!);
      if (frames !== "") thrown.stack += `\n${frames}`;
      const explanation = this.#explanation(thrown);
      if (explanation !== undefined) explain(thrown, explanation);
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
          `Cannot send the result of ${label}: ${why}; ${
            /Generator|Iterator/.test(why)
              ? "stream what it yields with streamBlocking() or streamCpu()"
              : "return plain data"
          }`,
          { cause },
        );
    }
  }

  /** What one needs to know to understand an error that comes of running in a worker. */
  #explanation({ name, message }: Error): string | undefined {
    const { label, address } = this.#task;
    const pool = this.#restricted;
    const missing = name === "ReferenceError" && /^(\S+) is not defined$/.exec(message)?.[1];
    if ("source" in address && missing) {
      return `${label} was sent to the worker by its source and sees nothing around it; pass ` +
        `${missing} as an argument, or export the function from a module and name it with tasksFrom()`;
    }
    if (
      "source" in address && name === "TypeError" && UNLOADED.test(message) &&
      RELATIVE_IMPORT.test(address.source)
    ) {
      return `${label} was sent to the worker by its source, where no path leads to your modules; ` +
        "export the function from a module and name it with tasksFrom()";
    }
    if (pool !== undefined && NOT_GRANTED.test(message)) {
      return `whatever the program may, tasks of the ${pool} pool have what ${pool}: ` +
        `{ permissions } grants${pool === "cpu" ? "; runBlocking() has what the program has" : ""}`;
    }
  }
}

/** An import that is relative to the module it stands in, and what Deno says where that fails. */
const RELATIVE_IMPORT = /\bimport\s*\(\s*["'`]\.{1,2}\//;
const UNLOADED = /module|manifest|import|access/i;
/** What it says where a permission is missing, be it to read or to import. */
const NOT_GRANTED = /\bRequires .+ access\b/;

/** Adds an explanation to an error's message. */
function explain(error: Error, explanation: string): void {
  const { message } = error;
  error.message = `${message}: ${explanation}`;
  error.stack = error.stack?.replace(message, () => error.message);
}

/** A task has run for too long. A class of its own, as a signal's reason is its owner's to change. */
export class TimedOut extends DOMException {
  constructor({ label }: AddressedTask, ms: number) {
    super(`The task timed out: ${label} ran for ${ms} ms`, "TimeoutError");
  }
}

/** Whether a reason is to show where its caller is: what a task threw, or an error of ours. */
export function showsCaller(reason: unknown): reason is Failure | ExecutorError | TimedOut {
  return reason instanceof Failure || reason instanceof ExecutorError || reason instanceof TimedOut;
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
