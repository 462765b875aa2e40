import { runsBetween } from "../wire/ledger.ts";
import type { WorkerLedger } from "../wire/worker_ledger.ts";

/**
 * What a process notes of its runs, for itself alone: the host learns of each step from messages.
 * Once a run was sent to a process, the host can neither take the run back nor drop the run.
 */
export class OwnLedger implements WorkerLedger {
  /** The latest run that has ended. */
  #ended = 0;

  /** The host learns of the beginning of a run by a message. */
  noteBegin(): void {}

  claim(): boolean {
    return true;
  }

  begin(): boolean {
    return true;
  }

  /** Each result goes in a message. */
  keep(): boolean {
    return false;
  }

  end(run: number): void {
    this.#ended = run;
  }

  hasEnded(run: number): boolean {
    return runsBetween(run, this.#ended) >= 0;
  }

  /** An abort arrives as a message. */
  isAborted(): boolean {
    return false;
  }

  /** The host was told before, by a message. */
  beginLoad(): void {}

  /**
   * The host reads the channel of a process once in a turn of its event loop: no task has to wait.
   */
  awaitRoom(): boolean {
    return true;
  }

  readonly mayExceed = true;
  readonly isGivenUp = false;

  noteTold(): void {}
}
