/**
 * The memory that a worker shares with its host. Runs are numbered; each is claimed once, by
 * the worker to begin it or by the host to take it back, and the worker notes how the latest
 * ended. So a host that hears nothing still knows what has begun and what has ended, be its
 * worker busy, stuck or dead.
 */

/** How many runs the host may be behind; a power of two. */
export const SLOTS = 8192;

/** The run the host has aborted last; written by the host. */
const ABORTED = 0;
/** The latest run that was claimed; written by both, by compare-and-exchange. */
const CLAIMED = 1;
/** The latest run that has ended; written by the worker, after the run's slot. */
const ENDED = 2;
/** Whether the load of a module that the host asked for last has begun; the host resets this. */
const LOADING = 3;
/** How often tasks may have called `progress()` by now; written by the host. */
const ALLOWED = 4;
const WORDS = 5;

/** After how many ms without an answer a host seems to hear nothing. */
const UNHEARD_MS = 500;
/** How many small values tasks may tell such a host more than is allowed. */
export const MAX_UNHEARD = 8_192;
/** So much that no task tells it: the host allows this where it hears the worker no more. */
export const NO_LIMIT = 2 ** 30;

/** What a slot says of its run: it was sent; then either the host has dropped it, or it has begun. */
const SENT = 0, DROPPED = 1, BEGUN = 2;
/** And of one that has ended: what it returned; if it says no more, that went in a message. */
const NUMBER = 3, UNDEFINED = 4, NULL = 5, TRUE = 6, FALSE = 7;

const { compareExchange, load, notify, store, wait } = Atomics;

const BYTES = SLOTS * Float64Array.BYTES_PER_ELEMENT + SLOTS * Float32Array.BYTES_PER_ELEMENT +
  WORDS * Int32Array.BYTES_PER_ELEMENT + SLOTS;

/** The number of the run after this one; they wrap around. */
export function nextRun(run: number): number {
  return run + 1 | 0;
}

/** How many runs the second is after the first; negative if it is before. */
export function runsBetween(first: number, second: number): number {
  return second - first | 0;
}

/**
 * One side's view of the shared memory. The worker can write anything there at any time: so the host
 * takes what it reads for a claim, and checks that.
 */
export class Ledger {
  /** What is shared. */
  readonly memory: ArrayBufferLike;
  readonly #values: Float64Array;
  readonly #times: Float32Array;
  readonly #words: Int32Array;
  readonly #slots: Uint8Array;
  readonly #isShared: boolean;
  /** How much tasks have told, and whether the host seems to hear nothing now. */
  #told = 0;
  #isUnheard = false;

  constructor(memory: ArrayBufferLike) {
    this.memory = memory;
    this.#isShared = memory instanceof SharedArrayBuffer;
    this.#values = new Float64Array(memory, 0, SLOTS);
    this.#times = new Float32Array(memory, this.#values.byteLength, SLOTS);
    const words = this.#times.byteOffset + this.#times.byteLength;
    this.#words = new Int32Array(memory, words, WORDS);
    this.#slots = new Uint8Array(memory, words + this.#words.byteLength, SLOTS);
  }

  /** A ledger to share with a worker. */
  static shared(): Ledger {
    return new this(new SharedArrayBuffer(BYTES));
  }

  /** A ledger for this thread alone. */
  static local(): Ledger {
    return new this(new ArrayBuffer(BYTES));
  }

  // The worker's side.

  /** Claims a run; `false` if the host has taken it back. */
  claim(run: number): boolean {
    const previous = run - 1 | 0;
    return compareExchange(this.#words, CLAIMED, previous, run) === previous;
  }

  /** Begins a claimed run; `false` if the host has dropped it. */
  begin(run: number): boolean {
    return compareExchange(this.#slots, run & SLOTS - 1, SENT, BEGUN) === SENT;
  }

  /** Notes that a run has ended, after this many ms, and its result; `false` if that does not fit. */
  keep(run: number, value: unknown, took: number): boolean {
    let kind: number;
    if (typeof value === "number") {
      kind = NUMBER;
      this.#values[run & SLOTS - 1] = value;
    } else if (value === undefined) kind = UNDEFINED;
    else if (value === null) kind = NULL;
    else if (value === true) kind = TRUE;
    else if (value === false) kind = FALSE;
    else return false;
    this.#slots[run & SLOTS - 1] = kind;
    this.end(run, took);
    return true;
  }

  /** Notes that a run has ended, after this many ms; its outcome goes in a message. */
  end(run: number, took: number): void {
    this.#times[run & SLOTS - 1] = took;
    // What was written before is seen by whoever sees this.
    store(this.#words, ENDED, run);
  }

  /**
   * Waits until the host has room for something more that a task tells. A loop that only tells would
   * otherwise keep the event loop of the host from anything else, and fill the memory.
   *
   * @param patient Whether to wait for a host, too, that seems to hear nothing.
   * @returns Whether there is room.
   */
  awaitRoom(patient: boolean): boolean {
    // The host may run in this thread, or share nothing with it.
    if (!this.#isShared) return true;
    const words = this.#words;
    while (true) {
      const allowed = load(words, ALLOWED);
      if ((this.#told - allowed | 0) < 0) break;
      if (this.#isUnheard && !patient) return false;
      this.#isUnheard = wait(words, ALLOWED, allowed, UNHEARD_MS) === "timed-out";
    }
    this.#isUnheard = false;
    return true;
  }

  /** Whether a host that seems to hear nothing may be told a small value more. */
  get mayExceed(): boolean {
    return (this.#told - load(this.#words, ALLOWED) | 0) < MAX_UNHEARD;
  }

  /** Whether the host hears nothing any more, for good: what is sent would but fill the memory. */
  get isGivenUp(): boolean {
    return this.#isShared && (load(this.#words, ALLOWED) - this.#told | 0) > NO_LIMIT / 2;
  }

  /** Notes that a task has told something. */
  noteTold(): void {
    this.#told = this.#told + 1 | 0;
  }

  /** Begins to load the module that the host asked for. */
  beginLoad(): void {
    store(this.#words, LOADING, 1);
  }

  /** Whether the host has aborted a run. */
  isAborted(run: number): boolean {
    return load(this.#words, ABORTED) === run;
  }

  // The host's side.

  /** The latest run that was claimed: what the worker runs, unless it was taken back. */
  get claimed(): number {
    return load(this.#words, CLAIMED);
  }

  /**
   * Claims all runs up to this one that the worker has not begun.
   *
   * @returns The latest run that the worker has claimed; `undefined` if the worker claims without
   * end.
   */
  takeBack(last: number): number | undefined {
    let begun = this.claimed;
    // A worker that begins a run meanwhile makes this try again, and has no more runs than slots.
    for (let tries = 0; tries < SLOTS; tries++) {
      if (runsBetween(begun, last) <= 0) return begun;
      const claimed = compareExchange(this.#words, CLAIMED, begun, last);
      if (claimed === begun) return begun;
      begun = claimed;
    }
  }

  /** Makes the slot ready for a run that is to be sent. */
  open(run: number): void {
    this.#slots[run & SLOTS - 1] = SENT;
    // Numbers of runs come again, the first one that memory begins with included.
    if (this.#words[ABORTED] === run) store(this.#words, ABORTED, run - 1 | 0);
  }

  /** Notes that the worker is to be asked to load a module. */
  openLoad(): void {
    store(this.#words, LOADING, 0);
  }

  /** Whether the worker has begun to load the module that it was asked for last. */
  get hasBegunLoad(): boolean {
    return load(this.#words, LOADING) === 1;
  }

  /** Allows tasks to have told so much. */
  allow(times: number): void {
    store(this.#words, ALLOWED, times);
    notify(this.#words, ALLOWED);
  }

  /** Drops a run; `false` if it has begun. */
  drop(run: number): boolean {
    return compareExchange(this.#slots, run & SLOTS - 1, SENT, DROPPED) === SENT;
  }

  /** Tells the worker that a run is aborted. */
  abort(run: number): void {
    store(this.#words, ABORTED, run);
  }

  /** The latest run that has ended. */
  get ended(): number {
    return load(this.#words, ENDED);
  }

  /** Whether a run has ended. */
  hasEnded(run: number): boolean {
    return runsBetween(run, this.ended) >= 0;
  }

  /** Whether the result of a run that has ended is in here. */
  isKept(run: number): boolean {
    const slot = this.#slots[run & SLOTS - 1]!;
    return slot >= NUMBER && slot <= FALSE;
  }

  /** Whether a run that has ended was begun, so that its result comes in a message if not in here. */
  isBegun(run: number): boolean {
    return this.#slots[run & SLOTS - 1] === BEGUN;
  }

  /** The result of a run that is in here. */
  resultOf(run: number): unknown {
    switch (this.#slots[run & SLOTS - 1]) {
      case NUMBER:
        return this.#values[run & SLOTS - 1];
      case NULL:
        return null;
      case TRUE:
        return true;
      case FALSE:
        return false;
    }
  }

  /** How long a run took that has ended, in ms; 0 if it was not timed. */
  timeOf(run: number): number {
    return this.#times[run & SLOTS - 1]!;
  }
}
