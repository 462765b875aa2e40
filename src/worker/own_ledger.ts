import { deliveries, now } from "../runtime/real_timers.ts";
import { runsBetween } from "../wire/ledger.ts";
import { BEGINS, DROPPED, isResult, type RecordWriter, TOOK } from "../wire/records.ts";
import type { WorkerLedger } from "../wire/worker_ledger.ts";

/** After this many ms of runs a process reads messages before the next run. */
const TURN_MS = 2;
/** With this run a process gets ready to give runs back: a process with few tasks does without. */
const RECALLABLE_RUN = 16;

const { compareExchange, load } = Atomics;

/**
 * What a process notes of its runs, for itself alone: the host learns of each step from messages.
 * Once a run was sent to a process, the host can neither take the run back nor drop the run.
 */
export class OwnLedger implements WorkerLedger {
  /** The latest run that has ended. */
  #ended = 0;

  /** The process has a single run at a time. */
  get pause(): Promise<void> | undefined {
    return undefined;
  }

  /** The host learns of the beginning of a run by a message, or a record. */
  noteBegin(): void {}

  claim(_run: number): boolean {
    return true;
  }

  begin(_run: number): boolean {
    return true;
  }

  /** Each result goes in a message. */
  keep(_run: number, _value: unknown, _took: number): boolean {
    return false;
  }

  /** Each value goes in a message. */
  say(): boolean {
    return false;
  }

  notePosted(): void {}

  readonly hasManyKept = false;

  unkept(value: unknown): unknown {
    return value;
  }

  end(run: number, _took: number): void {
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

/**
 * What a process notes that writes records into a pipe: see wire/records.ts. The host sends such a
 * process runs ahead. Before a run begins, the kernel has the note of that, and the results of all
 * runs before.
 */
export class PipeLedger extends OwnLedger {
  readonly #records: RecordWriter;
  /** The latest run that was claimed, by this thread to begin it or by another to give it back. */
  readonly #claimed = new Int32Array(new SharedArrayBuffer(4));
  readonly #onRecallable: (claimed: Int32Array) => void;
  /** The later runs whose callers have given up. */
  readonly #dropped = new Set<number>();
  /** When messages of the host were read last, in ms. */
  #turned = 0;

  /**
   * @param onRecallable Is called once, with what another thread needs to give runs back.
   */
  constructor(records: RecordWriter, onRecallable: (claimed: Int32Array) => void) {
    super();
    this.#records = records;
    this.#onRecallable = onRecallable;
  }

  // What the host wants.

  /** A message of the host has come. */
  noteTurn(): void {
    this.#turned = now();
  }

  /** Passes over a run when its turn comes; `false` if its turn has come. */
  drop(run: number): boolean {
    if (runsBetween(load(this.#claimed, 0), run) <= 0) return false;
    this.#dropped.add(run);
    return true;
  }

  // What the process does.

  /** Messages must be read now and then: a run may have to be dropped. */
  override get pause(): Promise<void> | undefined {
    return now() - this.#turned < TURN_MS ? undefined : this.#turn();
  }

  async #turn(): Promise<void> {
    this.#records.flush();
    await deliveries();
    this.noteTurn();
  }

  override claim(run: number): boolean {
    if (run === RECALLABLE_RUN) this.#onRecallable(this.#claimed);
    const previous = run - 1 | 0;
    return compareExchange(this.#claimed, 0, previous, run) === previous;
  }

  override begin(run: number): boolean {
    if (this.#dropped.size > 0 && this.#isDropped(run)) {
      this.#records.add(DROPPED, run);
      super.end(run, 0);
      return false;
    }
    this.#records.add(BEGINS, run);
    this.#records.flush();
    return true;
  }

  /** Whether a run was dropped. Earlier runs that were dropped, and given back, are forgotten. */
  #isDropped(run: number): boolean {
    const isDropped = this.#dropped.delete(run);
    for (const other of this.#dropped) {
      if (runsBetween(other, run) > 0) this.#dropped.delete(other);
    }
    return isDropped;
  }

  override keep(run: number, value: unknown, took: number): boolean {
    // A dropped run was told of.
    if (this.hasEnded(run)) return true;
    if (!isResult(value)) return false;
    this.end(run, took);
    this.#records.addResult(run, value);
    return true;
  }

  override end(run: number, took: number): void {
    // Before the result: the host takes this for the time of the run that ends next.
    if (took > 0) this.#records.add(TOOK, run, took);
    super.end(run, took);
  }
}
