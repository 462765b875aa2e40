import { isRefusal } from "../wire/values/cloneable.ts";
import type { FailureKind } from "../wire/protocol.ts";

/** Why a run has failed, and in which of its steps. */
export class Unrunnable {
  readonly #kind: FailureKind;
  readonly cause: unknown;

  constructor(kind: FailureKind, cause: unknown) {
    this.#kind = kind;
    this.cause = cause;
  }

  get kind(): FailureKind {
    return this.#kind;
  }

  /**
   * What a run has failed of that has thrown this: the task, or a step before the task.
   * `instanceof` is no way to tell, as it throws for a revoked proxy, such as the drafts of immer.
   */
  static of(thrown: unknown): Unrunnable {
    if (typeof thrown === "object" && thrown !== null && #kind in thrown) return thrown;
    return new Unrunnable(isRefusal(thrown) ? "tell" : "threw", thrown);
  }
}
