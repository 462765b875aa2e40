import type { WorkerLedger } from "../wire/worker_ledger.ts";
import { type FromWorker, KEPT, PROGRESS, YIELDED } from "../wire/protocol.ts";
import { sendValue } from "./send_value.ts";
import type { Post } from "../wire/protocol.ts";
import { transferablesOf } from "../wire/values/transfer.ts";
import { isSmall } from "../wire/ledger.ts";
import { movesEnds } from "../wire/values/moved_ends.ts";

const { structuredClone } = globalThis;

/** How many messages are kept for a host that hears nothing. */
const MAX_KEPT = 8_192;

/**
 * The calls of `progress()` in a worker. The host allows so many at a time: a task that calls more
 * often waits. The program may itself be waiting for the task, and hear nothing meanwhile: then
 * small values are sent, and other values are kept until the host hears again, or the task has
 * ended.
 */
export class News {
  readonly #ledger: WorkerLedger;
  readonly #post: Post;
  /** Has the host read the ledger. */
  readonly #wake: () => void;
  #kept: FromWorker[] = [];

  /**
   * @param ledger Where the host says how many calls are allowed.
   */
  constructor(ledger: WorkerLedger, post: Post) {
    this.#ledger = ledger;
    this.#post = post;
    this.#wake = () => post(KEPT);
  }

  /**
   * Tells the host a value of a run.
   *
   * @param isOver Whether the run has ended: then nothing is kept for a host that hears nothing.
   * @returns Whether the value goes in a message, and not into the ledger.
   * @throws {unknown} An error of structured clone.
   */
  tell(run: number, value: unknown, isOver: boolean): boolean {
    const ledger = this.#ledger;
    while (this.#kept.length > 0 && ledger.awaitRoom(this.#isFull)) this.#sendKept();
    if (ledger.isGivenUp) return true;
    if (this.#kept.length === 0 && this.#hasRoomFor(value)) {
      if (!isOver && ledger.say(PROGRESS, run, value, this.#wake)) {
        ledger.noteTold();
        return false;
      }
      sendValue(this.#post, PROGRESS, run, ledger.unkept(value));
      ledger.notePosted();
      ledger.noteTold();
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
    return true;
  }

  /**
   * Puts a small value that a run yields into the ledger, after all values told before. Waits for no
   * room, as the reader of the stream says how many values there may be.
   *
   * @returns Whether the value has found room: else the caller sends what `unkept()` returns.
   */
  keepYielded(run: number, value: unknown): boolean {
    this.flush();
    return this.#ledger.say(YIELDED, run, value, this.#wake);
  }

  /** The value to send in place of the value that was not kept. */
  unkept(value: unknown): unknown {
    return this.#ledger.unkept(value);
  }

  /**
   * Sends a value that a run yields, after all values told before.
   *
   * @throws {unknown} An error of structured clone.
   */
  yield(run: number, value: unknown): void {
    this.flush();
    sendValue(this.#post, YIELDED, run, value);
    this.#ledger.notePosted();
  }

  /**
   * Waits for room. A program that hears nothing is sent small values, which take no time to hear.
   */
  #hasRoomFor(value: unknown): boolean {
    return this.#ledger.awaitRoom(isMoved(value)) || isSmall(value) && this.#ledger.mayExceed;
  }

  get #isFull(): boolean {
    return this.#kept.length >= MAX_KEPT;
  }

  /** Sends the kept messages, as soon as the host hears. */
  flush(): void {
    while (this.#kept.length > 0) {
      this.#ledger.awaitRoom(true);
      this.#sendKept();
    }
  }

  #sendKept(): void {
    this.#post(this.#kept.shift()!);
    this.#ledger.notePosted();
    this.#ledger.noteTold();
  }
}

/** Whether a value has streams or ports, which can be moved only once: such a value is not kept. */
function isMoved(value: unknown): boolean {
  const transferables = transferablesOf(value);
  return transferables !== undefined && movesEnds(transferables);
}
