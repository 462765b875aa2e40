import type { WorkerLedger } from "../wire/worker_ledger.ts";
import { type FromWorker, PROGRESS, YIELDED } from "../wire/protocol.ts";
import { sendValue } from "./send_value.ts";
import type { Post } from "../wire/protocol.ts";
import { transferablesOf } from "../wire/values/transfer.ts";
import { isSmall } from "../wire/small.ts";
import { movesEnds } from "../wire/values/moved_ends.ts";

const { structuredClone } = globalThis;

/** How much is kept for a host that hears nothing. */
const MAX_KEPT = 8_192;

/**
 * What the tasks of a worker tell with `progress()`. The host allows only so much at a time: a task
 * that tells more waits. The program may be waiting for that very task, and hear nothing meanwhile:
 * then small values are sent, and others are kept until the host hears again, or the task has ended.
 */
export class News {
  readonly #ledger: WorkerLedger;
  readonly #post: Post;
  #kept: FromWorker[] = [];

  /**
   * Makes the news of a worker.
   *
   * @param ledger Where the host says how much it allows.
   */
  constructor(ledger: WorkerLedger, post: Post) {
    this.#ledger = ledger;
    this.#post = post;
  }

  /**
   * Tells the host of a run.
   *
   * @param isOver Whether the run has ended: then nobody needs what a deaf host would not hear.
   * @throws What structured clone throws.
   */
  tell(run: number, value: unknown, isOver: boolean): void {
    while (this.#kept.length > 0 && this.#ledger.awaitRoom(this.#isFull)) this.#sendKept();
    if (this.#ledger.isGivenUp) return;
    if (this.#kept.length === 0 && this.#hasRoomFor(value)) {
      sendValue(this.#post, PROGRESS, run, value);
      this.#ledger.noteTold();
    } else if (isMoved(value)) {
      this.flush();
      this.tell(run, value, isOver);
    } else if (!isOver) {
      sendValue(
        (message, transfer) => {
          this.#kept.push(structuredClone(message, { transfer }));
        },
        PROGRESS,
        run,
        value,
      );
    }
  }

  /**
   * Sends a value that a run yields, after what was told before. Its reader says how many there may
   * be: so this waits for no room.
   *
   * @throws What structured clone throws.
   */
  yield(run: number, value: unknown): void {
    this.flush();
    sendValue(this.#post, YIELDED, run, value);
  }

  /** Waits for room; a program that hears nothing is sent small values, which take no time to hear. */
  #hasRoomFor(value: unknown): boolean {
    return this.#ledger.awaitRoom(isMoved(value)) || isSmall(value) && this.#ledger.mayExceed;
  }

  get #isFull(): boolean {
    return this.#kept.length >= MAX_KEPT;
  }

  /** Tells what was kept, as soon as the host hears. */
  flush(): void {
    while (this.#kept.length > 0) {
      this.#ledger.awaitRoom(true);
      this.#sendKept();
    }
  }

  #sendKept(): void {
    this.#post(this.#kept.shift()!);
    this.#ledger.noteTold();
  }
}

/** Whether a value has streams or ports, which can be moved but once: such a value is not kept. */
function isMoved(value: unknown): boolean {
  const transferables = transferablesOf(value);
  return transferables !== undefined && movesEnds(transferables);
}
