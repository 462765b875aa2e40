import type { Backend } from "../backend/backend.ts";
import { Failure } from "../tasks/failure.ts";
import { describeMessage, isWellFormed } from "../wire/check.ts";
import { isSmall, runsBetween } from "../wire/ledger.ts";
import {
  BUFFER,
  DONE,
  DYING,
  type Extra,
  FAILED,
  type FromProcess,
  KEPT,
  LIVES,
  LOADED,
  OUTLIVES,
  PROGRESS,
  PULL,
  READY,
  type Said,
  SHARED,
  STREAM_STATE,
  TAKEN_BACK,
  UNLOADABLE,
  WINDOW,
  YIELDED,
} from "../wire/protocol.ts";
import { decodeThrown, type Thrown } from "../wire/thrown.ts";
import { toBuffer } from "../wire/values/bytes.ts";
import { putErrors } from "../wire/values/carried_errors.ts";
import { type Allowance, Telling } from "./allowance.ts";
import { InMessage, type Job } from "./job.ts";
import { discard, type OpenEnds } from "./open_ends.ts";
import type { Outbox } from "./outbox.ts";
import type { Runs } from "./runs.ts";

/** A run has failed. */
type Failed = Extract<FromProcess, readonly [typeof FAILED, ...unknown[]]>;

/** The parts of a member that an inbox compares messages with. */
export interface InboxParts {
  readonly backend: Backend;
  readonly runs: Runs;
  readonly ends: OpenEnds;
  readonly outbox: Outbox;
  readonly allowance: Allowance;
  /** The name of the pool, if its tasks have permissions of their own. */
  readonly restricted: string | undefined;
}

/** The events of an inbox. */
export interface InboxEvents {
  /** The worker has started. */
  onThere(): void;
  /**
   * The worker has loaded the module at a URL, or `thrown` says why not; `false` if nobody asked.
   */
  onLoadEnded(url: string, thrown?: Thrown): boolean;
  /** A run has ended; `outcome` is a value, or a {@linkcode Failure}. */
  onReturn(job: Job, failed: boolean, outcome: unknown): void;
  /** A running task has called `progress()`. */
  onProgress(job: Job, value: unknown): void;
  /** A streaming task has yielded a value. */
  onYield(job: Job, value: unknown): void;
  /** The worker waits until all jobs that have not begun are taken back. */
  onShared(): void;
  /** A message of the worker was handled: the worker may have room for more jobs. */
  onRoom(): void;
  /**
   * The worker is about to die of `thrown`; `undefined` if a listener of a task has handled the
   * error.
   */
  onLastWords(thrown: Thrown | undefined): void;
  /** The worker was told to end, but lives on until native code returns; `false` if not told. */
  onOutlives(): boolean;
  /** The worker has sent a message that no worker of this package sends. */
  onForeign(message: string, cause?: unknown): void;
}

/** The only place where messages of a worker arrive. A message may be anything. */
export class Inbox {
  readonly #parts: InboxParts;
  readonly #events: InboxEvents;
  #isThere = false;
  #takesTasks = false;
  #isClosed = false;
  /**
   * Counts the calls of `progress()`, where the worker can be made to wait. A process need not
   * wait: Deno reads messages of a process once a turn of the event loop.
   */
  readonly #telling: Telling | undefined;
  /** How many values the worker may yield, how many of these in messages, and of which run. */
  #yields = { run: 0, room: 0, messages: 0 };

  constructor(parts: InboxParts, events: InboxEvents) {
    this.#parts = parts;
    this.#events = events;
    const { ledger, queues } = parts.backend;
    this.#telling = queues ? new Telling(ledger) : undefined;
  }

  /** Whether the worker takes tasks, and may send answers. */
  get takesTasks(): boolean {
    return this.#takesTasks;
  }

  /** From now on the worker takes tasks. */
  open(): void {
    this.#takesTasks = true;
  }

  /** No message is heard any more. */
  close(): void {
    this.#isClosed = true;
  }

  /** Lets a task go on that waits in `progress()`, as the worker is to end. */
  release(): void {
    this.#telling?.release();
  }

  /** Takes a message. */
  receive(message: unknown): void {
    if (this.#isClosed) return;
    try {
      if (this.#take(message)) return;
      this.#events.onForeign(describeMessage(message));
    } catch (error) {
      this.#events.onForeign(describeMessage(message), error);
    }
  }

  /** The worker may yield so many more values of a job, and so many of these in messages. */
  pull(job: Job, count: number, messages: number): void {
    const run = this.#parts.runs.jobs.runOf(job);
    const yields = this.#yieldsOf(run);
    yields.room += count;
    yields.messages += messages;
    this.#parts.backend.post([PULL, run, count, messages]);
  }

  /** How many values a run may yield. */
  #yieldsOf(run: number): { room: number; messages: number } {
    if (this.#yields.run !== run) this.#yields = { run, room: WINDOW, messages: WINDOW };
    return this.#yields;
  }

  /** Passes on a small value that a running task tells or yields; `false` if the task may not. */
  takeSaid(job: Job, kind: Said[0], value: unknown): boolean {
    if (kind === PROGRESS) {
      if (this.#telling?.count(isSmall(value)) === false) return false;
      if (!job.settled) this.#events.onProgress(job, value);
    } else {
      const { jobs } = this.#parts.runs;
      if (!job.streams || --this.#yieldsOf(jobs.first).room < 0) return false;
      if (!job.settled) this.#events.onYield(job, value);
    }
    return true;
  }

  /** Handles a message; `false` if the message does not fit the requests to the worker. */
  #take(message: unknown): boolean {
    const { allowance, runs } = this.#parts;
    if (!this.#takesTasks) return allowance.take() && this.#takeEarly(message);
    if (message === KEPT) {
      if (!allowance.take()) return false;
      runs.hear();
      this.#events.onRoom();
      return true;
    }
    runs.hear();
    // An impossible state of the ledger closes the inbox.
    if (this.#isClosed) return true;
    if (!isWellFormed(message)) return false;
    if (typeof message === "number") return allowance.take() && this.#takeSignal(message);
    if (isSaid(message)) {
      this.#parts.backend.ledger.noteHeard();
      if (!this.#takeSaid(message)) return false;
      // Values that have to come after this message.
      runs.hear();
      return true;
    }
    if (!allowance.take() || !this.#takeAnswer(message)) return false;
    // What the runs after this run have told and yielded since.
    runs.hear();
    return true;
  }

  /** Handles a message of a worker that does not take tasks yet. */
  #takeEarly(message: unknown): boolean {
    if (message === READY) {
      if (this.#isThere) return false;
      this.#isThere = true;
      this.#events.onThere();
      return true;
    }
    if (!isWellFormed(message)) return false;
    if (typeof message === "number") return this.#takeSignal(message);
    return this.#takeAtAnyTime(message);
  }

  /** Handles a message that is a mere number. */
  #takeSignal(signal: number): boolean {
    if (signal === OUTLIVES) return this.#events.onOutlives();
    if (signal !== LIVES) return false;
    this.#events.onLastWords(undefined);
    return true;
  }

  /** Handles a message that may come before and after the worker takes tasks. */
  #takeAtAnyTime(message: Exclude<FromProcess, number>): boolean {
    switch (message[0]) {
      case DYING:
        this.#events.onLastWords(message[1]);
        return true;
      case LOADED:
        return this.#events.onLoadEnded(message[1]);
      case UNLOADABLE:
        return this.#events.onLoadEnded(message[1], message[2]);
      default:
        // A process has begun a task that was not sent.
        return false;
    }
  }

  /** Handles an answer to the host. */
  #takeAnswer(message: Exclude<FromProcess, number | Said>): boolean {
    const { ends } = this.#parts;
    switch (message[0]) {
      case DONE:
        if (!this.#takeValue(message[1], message[2], message[3])) return false;
        break;
      case FAILED:
        if (!this.#takeFailure(message)) return false;
        break;
      case SHARED:
        if (!this.#parts.outbox.separate(message[1])) return false;
        this.#events.onShared();
        this.#parts.backend.post([TAKEN_BACK]);
        break;
      case STREAM_STATE:
        if (message[1] > 0 && !ends.hasLent(message[1])) return false;
        ends.setState(message[1], message[2]);
        return true;
      default:
        return this.#takeAtAnyTime(message);
    }
    this.#events.onRoom();
    return true;
  }

  #takeValue(run: number, given: unknown, extra: Extra | undefined): boolean {
    const { runs } = this.#parts;
    const job = runs.begunBy(run);
    if (job === undefined) return false;
    // Decoded first, as decoding may throw: then the job is still there to fail with its worker.
    const value = this.#valueOf(given, extra, !job.settled);
    runs.end(job);
    this.#events.onReturn(job, false, value);
    return true;
  }

  #takeFailure([, run, kind, thrown]: Failed): boolean {
    const { restricted, runs } = this.#parts;
    const job = runs.begunBy(run);
    if (job === undefined) return false;
    runs.end(job);
    const failure = new Failure(job.task, kind, () => decodeThrown(thrown), restricted);
    this.#events.onReturn(job, true, failure);
    return true;
  }

  /** Passes on a value that a running task tells or yields, unless the caller has given up. */
  #takeSaid([kind, run, given, extra]: Said): boolean {
    const { runs } = this.#parts;
    const { head, first, last } = runs.jobs;
    const isCheap = extra === undefined && isSmall(given);
    if (kind === PROGRESS && this.#telling?.count(isCheap) === false) return false;
    if (head === undefined || run !== first) {
      // A timer that an ended task has left behind may still call `progress()`.
      const latest = head === undefined ? last : first - 1 | 0;
      if (runsBetween(run, latest) < 0) return false;
      this.#valueOf(given, extra, false);
      return true;
    }
    if (!runs.hasBegun(head) || kind === YIELDED && !head.streams) return false;
    if (kind === YIELDED) {
      const yields = this.#yieldsOf(run);
      if (--yields.room < 0 || --yields.messages < 0) return false;
    }
    const wanted = !head.settled;
    const value = this.#valueOf(given, extra, wanted);
    if (!wanted) return true;
    if (kind === PROGRESS) this.#events.onProgress(head, value);
    else this.#events.onYield(head, new InMessage(value));
    return true;
  }

  /**
   * The value of a message. Its streams and ports are kept track of, or ended if nobody takes the
   * value.
   */
  #valueOf(value: unknown, extra: Extra | undefined, wanted: boolean): unknown {
    if (extra === undefined) return value;
    if (extra === BUFFER) return toBuffer(value);
    if ("holes" in extra) return putErrors(value, extra);
    const adopted = this.#parts.ends.adopt(value, extra);
    this.#parts.allowance.grant(extra.length);
    if (!wanted) discard(adopted);
    return adopted;
  }
}

/** Whether a message tells or yields a value of a running task. */
function isSaid(message: Exclude<FromProcess, number>): message is Said {
  return message[0] === PROGRESS || message[0] === YIELDED;
}
