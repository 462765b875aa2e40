import type { ExecutorError } from "../api/errors.ts";
import type { FailureKind } from "../wire/protocol.ts";
import { callerFrames, withStackFrom } from "./caller_stack.ts";
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
