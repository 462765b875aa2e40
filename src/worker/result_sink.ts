import { DONE, FAILED, KEPT, type Post } from "../wire/protocol.ts";
import { encodeThrown, type Thrown } from "../wire/thrown.ts";
import { now } from "../runtime/real_timers.ts";
import type { WorkerLedger } from "../wire/worker_ledger.ts";
import { sendValue } from "./send_value.ts";
import type { Unrunnable } from "./functions.ts";

const { DOMException } = globalThis;

/** How many short runs are timed together: reading the clock takes as long as a short run. */
const STRETCH_RUNS = 8;
/** For how long, in ms, the host is not told of results in the ledger while tasks go on. */
const TELL_AFTER_MS = 0.25;

/**
 * Where the outcomes of runs go: a small result into the ledger, of which one message tells for many
 * runs, and any other outcome into a message. Each outcome says how long the run took.
 */
export class ResultSink {
  readonly #ledger: WorkerLedger;
  readonly #post: Post;
  /** When the clock was read last, in ms. */
  #time = 0;
  /** How many runs have ended since the clock was read last. */
  #untimed = 0;
  /** When the host was last told of results in the ledger, in ms. */
  #told = 0;
  /** Whether the ledger holds results that the host was not told of. */
  #isUntold = false;

  constructor(ledger: WorkerLedger, post: Post) {
    this.#ledger = ledger;
    this.#post = post;
  }

  /** The time of the next run begins now. */
  start(): void {
    this.#time = now();
  }

  /** The time, in ms, at which the next run begins. */
  beginTime(): number {
    // A result that went in a message has taken time since the clock was read.
    return this.#isUntold && this.#untimed === 0 ? this.#time : now();
  }

  /** The next runs are of another message. */
  nextMessage(): void {
    this.#told = this.#time;
  }

  /** The host has dropped a run, which has not begun. */
  dropped(run: number): void {
    this.#isUntold = this.#ledger.keep(run, undefined, 0);
  }

  /**
   * A run has returned a value.
   *
   * @param isTimed Whether to read the clock now.
   * @param inMessage Whether the value has to come after other messages of the run.
   */
  returned(run: number, value: unknown, isTimed: boolean, inMessage: boolean): void {
    const took = this.#took(isTimed);
    if (inMessage || !this.#ledger.keep(run, value, took)) {
      this.#send(run, value, took);
      this.#isUntold = false;
    } else if (this.#time - this.#told > TELL_AFTER_MS || this.#ledger.hasManyKept) {
      this.#told = this.#time;
      this.#tell();
    } else this.#isUntold = true;
  }

  /** A run has failed. */
  failed(run: number, { kind, cause }: Unrunnable, isTimed: boolean): void {
    this.#fail(run, kind, cause, this.#took(isTimed));
    this.#isUntold = false;
  }

  /** Tells the host of the results in the ledger. */
  flush(): void {
    if (this.#isUntold) this.#tell();
  }

  #tell(): void {
    this.#post(KEPT);
    this.#isUntold = false;
  }

  /** How many ms each run took since the clock was read last; 0 if the clock is not read now. */
  #took(isTimed: boolean): number {
    if (++this.#untimed < STRETCH_RUNS && !isTimed) return 0;
    const ended = now();
    const took = (ended - this.#time) / this.#untimed;
    this.#time = ended;
    this.#untimed = 0;
    return took;
  }

  #send(run: number, value: unknown, took: number): void {
    // Noted before the message is posted, as the reader of the message looks at the ledger.
    this.#ledger.end(run, took);
    try {
      sendValue(this.#post, DONE, run, this.#ledger.unkept(value));
    } catch (cause) {
      this.#fail(run, "clone", cause, took);
    }
  }

  #fail(run: number, kind: Unrunnable["kind"], thrown: unknown, took: number): void {
    const encoded = encodeSafely(thrown);
    this.#ledger.end(run, took);
    this.#post([FAILED, run, encoded.whole ? kind : "clone", encoded.thrown]);
  }
}

/** A thrown value, encoded for a message. An error stands for a value that cannot be sent. */
export function encodeSafely(thrown: unknown): { thrown: Thrown; whole: boolean } {
  try {
    return { thrown: encodeThrown(thrown), whole: true };
  } catch (cause) {
    const message = `what it threw could not be cloned: ${messageOf(cause)}`;
    return { thrown: encodeThrown(new DOMException(message, "DataCloneError")), whole: false };
  }
}

function messageOf(cause: unknown): string {
  try {
    return String((cause as Error).message);
  } catch {
    return "it cannot be read";
  }
}
