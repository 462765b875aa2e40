/**
 * The memory shared by a worker and its host. Each run is claimed once, by the worker to begin the
 * run or by the host to take the run back, and the worker notes how the latest run ended. So the
 * host knows without a message which runs have begun and which have ended, be the worker busy,
 * stuck or dead.
 */

import { now } from "../runtime/real_timers.ts";
import { type HostLedger, NOTHING, WAITS } from "./host_ledger.ts";
import { DONE, type Said } from "./protocol.ts";
import { RING_BYTES, RingWriter } from "./ring.ts";
import { RingReader } from "./ring_reader.ts";
import type { WorkerLedger } from "./worker_ledger.ts";

/** How many runs the host may be behind; a power of two. */
export const SLOTS = 8192;

/** The word for the latest run aborted by the host, which writes the word. */
const ABORTED = 0;
/** The word for the latest run that was claimed; written by both sides, by compare-and-exchange. */
const CLAIMED = 1;
/** The word for the latest run that has ended; written by the worker, after the slot of the run. */
const ENDED = 2;
/** The word for whether the latest load has begun; reset by the host. */
const LOADING = 3;
/** The word for how often tasks may have called `progress()` by now; written by the host. */
const ALLOWED = 4;
const WORDS = 5;

/** The place of when the latest limited run began, by the clock of the worker. */
const BEGAN_AT = 0;
/** The place of when the clock of the worker began, by the clock of the system. */
const ORIGIN = 1;
const CLOCKS = 2;
/** When the clock of this thread began, by the clock of the system. */
const { timeOrigin } = performance;

/** After this many ms without an answer a host seems to hear nothing. */
const UNHEARD_MS = 500;
/** How many small values tasks may tell such a host beyond the allowed number. */
export const MAX_UNHEARD = 8_192;
/** A text with at most so many characters takes next to no time to decode. */
const MAX_CHARACTERS = 1_000;
/** More than any task tells: the host allows this many when it hears the worker no more. */
export const NO_LIMIT = 2 ** 30;

/** The slot of a run that was sent: later the host drops the run, or the worker begins the run. */
const SENT = 0, DROPPED = 1, BEGUN = 2;
/** The slot of a run that has ended, by its result. Any other result went in a message. */
const NUMBER = 3, UNDEFINED = 4, NULL = 5, TRUE = 6, FALSE = 7, IN_RING = 8;

const { compareExchange, load, notify, store, wait } = Atomics;

/** Where the ring begins, after the rest. */
const RING = (SLOTS + CLOCKS) * Float64Array.BYTES_PER_ELEMENT +
  SLOTS * Float32Array.BYTES_PER_ELEMENT + WORDS * Int32Array.BYTES_PER_ELEMENT + SLOTS;
const BYTES = RING + RING_BYTES;

/** The number of the run after this one; numbers wrap around. */
export function nextRun(run: number): number {
  return run + 1 | 0;
}

/** How many runs the second is after the first; negative if the second is before the first. */
export function runsBetween(first: number, second: number): number {
  return second - first | 0;
}

/** Whether a value takes next to no time to decode on the other side. */
export function isSmall(value: unknown): boolean {
  switch (typeof value) {
    case "number":
    case "boolean":
    case "undefined":
      return true;
    case "string":
      return value.length <= MAX_CHARACTERS;
  }
  return value === null;
}

/**
 * One side's view of the shared memory. The worker can write anything there at any time: so for the
 * host each value is a claim, which the host checks.
 */
export class Ledger implements HostLedger, WorkerLedger {
  /** The memory to share. */
  readonly memory: ArrayBufferLike;
  /** The host does not wait for this thread: whatever it wants is in the memory. */
  readonly pause = undefined;
  readonly #values: Float64Array;
  readonly #clocks: Float64Array;
  readonly #times: Float32Array;
  readonly #words: Int32Array;
  readonly #slots: Uint8Array;
  readonly #isShared: boolean;
  /** The side of the ring that this side has; made when first needed. */
  #writer: RingWriter | undefined;
  #reader: RingReader | undefined;
  /** How often tasks have told something, and whether the host seems to hear nothing now. */
  #told = 0;
  #isUnheard = false;
  /** Between these two times, in ms by the clock of the host, the clock of the worker began. */
  readonly #since: number;
  readonly #until: number;

  constructor(memory: ArrayBufferLike, since = 0) {
    this.memory = memory;
    this.#isShared = memory instanceof SharedArrayBuffer;
    this.#since = since;
    this.#until = now();
    this.#values = new Float64Array(memory, 0, SLOTS);
    this.#clocks = new Float64Array(memory, this.#values.byteLength, CLOCKS);
    this.#times = new Float32Array(
      memory,
      this.#values.byteLength + this.#clocks.byteLength,
      SLOTS,
    );
    const words = this.#times.byteOffset + this.#times.byteLength;
    this.#words = new Int32Array(memory, words, WORDS);
    this.#slots = new Uint8Array(memory, words + this.#words.byteLength, SLOTS);
  }

  /**
   * A ledger to share with a worker that was just started.
   *
   * @param since The time before the start, in ms.
   */
  static shared(since = 0): Ledger {
    return new this(new SharedArrayBuffer(BYTES), since);
  }

  /** A ledger for a host and a task server in the same thread. */
  static local(): Ledger {
    return new this(new ArrayBuffer(BYTES));
  }

  // The worker's side.

  noteClock(): void {
    this.#clocks[ORIGIN] = timeOrigin;
  }

  noteBegin(time: number): void {
    this.#clocks[BEGAN_AT] = time;
  }

  claim(run: number): boolean {
    const previous = run - 1 | 0;
    return compareExchange(this.#words, CLAIMED, previous, run) === previous;
  }

  begin(run: number): boolean {
    return compareExchange(this.#slots, run & SLOTS - 1, SENT, BEGUN) === SENT;
  }

  keep(run: number, value: unknown, took: number): boolean {
    let kind: number;
    if (typeof value === "number") {
      kind = NUMBER;
      this.#values[run & SLOTS - 1] = value;
    } else if (value === undefined) kind = UNDEFINED;
    else if (value === null) kind = NULL;
    else if (value === true) kind = TRUE;
    else if (value === false) kind = FALSE;
    else {
      const writer = this.#openWriter();
      if (!writer.write(DONE, run, value)) return false;
      writer.publish();
      kind = IN_RING;
    }
    this.#slots[run & SLOTS - 1] = kind;
    this.end(run, took);
    return true;
  }

  say(use: Said[0], run: number, value: unknown, tell: () => void): boolean {
    // The host runs in this thread, and takes all in messages.
    if (!this.#isShared) return false;
    const writer = this.#openWriter();
    if (!writer.write(use, run, value)) return false;
    writer.publish();
    if (writer.takeWish()) tell();
    return true;
  }

  notePosted(): void {
    if (this.#isShared) this.#openWriter().notePosted();
  }

  #openWriter(): RingWriter {
    return this.#writer ??= new RingWriter(this.memory, RING);
  }

  get hasManyKept(): boolean {
    return this.#writer?.hasMany === true;
  }

  unkept(value: unknown): unknown {
    return this.#writer === undefined ? value : this.#writer.unwritten(value);
  }

  end(run: number, took: number): void {
    this.#times[run & SLOTS - 1] = took;
    // Whoever sees this store sees all earlier writes, too.
    store(this.#words, ENDED, run);
  }

  isAborted(run: number): boolean {
    return load(this.#words, ABORTED) === run;
  }

  beginLoad(): void {
    store(this.#words, LOADING, 1);
  }

  awaitRoom(patient: boolean): boolean {
    // The host runs in this thread.
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

  get mayExceed(): boolean {
    return (this.#told - load(this.#words, ALLOWED) | 0) < MAX_UNHEARD;
  }

  get isGivenUp(): boolean {
    return this.#isShared && (load(this.#words, ALLOWED) - this.#told | 0) > NO_LIMIT / 2;
  }

  noteTold(): void {
    this.#told = this.#told + 1 | 0;
  }

  // The host's side.

  get claimed(): number {
    return load(this.#words, CLAIMED);
  }

  takeBack(last: number): number | undefined {
    let begun = this.claimed;
    // When the worker begins a run meanwhile, the next try succeeds; no worker has more runs than
    // slots.
    for (let tries = 0; tries < SLOTS; tries++) {
      if (runsBetween(begun, last) <= 0) return begun;
      const claimed = compareExchange(this.#words, CLAIMED, begun, last);
      if (claimed === begun) return begun;
      begun = claimed;
    }
  }

  open(run: number): void {
    this.#slots[run & SLOTS - 1] = SENT;
    // Numbers of runs come again, and memory begins with the number 0.
    if (this.#words[ABORTED] === run) store(this.#words, ABORTED, run - 1 | 0);
  }

  openLoad(): void {
    store(this.#words, LOADING, 0);
  }

  get hasBegunLoad(): boolean {
    return load(this.#words, LOADING) === 1;
  }

  allow(times: number): void {
    store(this.#words, ALLOWED, times);
    notify(this.#words, ALLOWED);
  }

  drop(run: number): boolean {
    return compareExchange(this.#slots, run & SLOTS - 1, SENT, DROPPED) === SENT;
  }

  abort(run: number): void {
    store(this.#words, ABORTED, run);
  }

  /**
   * By the clock of the system the two threads compare their clocks. If that clock was set between the
   * starts of the two threads, the clock of the worker counts from the latest time possible.
   */
  get beganAt(): number {
    const beganAt = this.#clocks[BEGAN_AT]!;
    // The host runs in this thread.
    if (!this.#isShared) return beganAt;
    const origin = this.#clocks[ORIGIN]! - timeOrigin;
    return beganAt + (origin >= this.#since && origin <= this.#until ? origin : this.#until);
  }

  get ended(): number {
    return load(this.#words, ENDED);
  }

  isKept(run: number): boolean {
    const slot = this.#slots[run & SLOTS - 1]!;
    return slot >= NUMBER && slot <= IN_RING;
  }

  isBegun(run: number): boolean {
    return this.#slots[run & SLOTS - 1] === BEGUN;
  }

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
      case IN_RING:
        return this.#takeResult(run);
    }
  }

  #takeResult(run: number): unknown {
    const reader = this.#openReader();
    if (reader.peek() !== DONE || reader.run !== run) throw new RangeError(`no result of ${run}`);
    return reader.take();
  }

  get isRead(): boolean {
    return this.#openReader().isEmpty;
  }

  nextSaid(run: number): Said[0] | typeof NOTHING | typeof WAITS {
    const reader = this.#openReader();
    const use = reader.peek();
    if (use === undefined) return reader.isWaiting ? WAITS : NOTHING;
    const between = runsBetween(run, reader.run);
    if (between < 0) throw new RangeError(`a value of ${reader.run}, which has ended`);
    return use === DONE || between > 0 ? NOTHING : use;
  }

  takeSaid(): unknown {
    return this.#openReader().take();
  }

  noteHeard(): void {
    this.#openReader().noteHeard();
  }

  get mayListen(): boolean {
    return this.#reader?.mayWant === true;
  }

  listen(): boolean {
    return this.#openReader().want();
  }

  #openReader(): RingReader {
    return this.#reader ??= new RingReader(this.memory, RING);
  }

  timeOf(run: number): number {
    return this.#times[run & SLOTS - 1]!;
  }

  // Both sides.

  hasEnded(run: number): boolean {
    return runsBetween(run, this.ended) >= 0;
  }
}
