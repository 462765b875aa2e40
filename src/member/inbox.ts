import type { Backend } from "../backend/backend.ts";
import { Failure } from "../tasks/failure.ts";
import { describeMessage, isWellFormed } from "../wire/check.ts";
import { runsBetween } from "../wire/ledger.ts";
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
import { isSmall } from "../wire/small.ts";
import { decodeThrown, type Thrown } from "../wire/thrown.ts";
import { toBuffer } from "../wire/values/buffers.ts";
import { putErrors } from "../wire/values/carried_errors.ts";
import type { Allowance } from "./allowance.ts";
import type { Job } from "./job.ts";
import { discard, type OpenEnds } from "./open_ends.ts";
import type { Outbox } from "./outbox.ts";
import type { Runs } from "./runs.ts";
import { Telling } from "./telling.ts";

/** A run has failed. */
type Failed = Extract<FromProcess, readonly [typeof FAILED, ...unknown[]]>;

/** What an inbox compares messages with. */
export interface InboxParts {
  readonly backend: Backend;
  readonly runs: Runs;
  readonly ends: OpenEnds;
  readonly outbox: Outbox;
  readonly allowance: Allowance;
  /** What the pool is called, if its tasks have permissions of their own. */
  readonly restricted: string | undefined;
}

/** What an inbox tells. */
export interface InboxEvents {
  /** The worker is there. */
  onThere(): void;
  /** The worker has loaded the module at a URL, or has thrown this; `false` if nobody asked. */
  onLoadEnded(url: string, thrown?: Thrown): boolean;
  /** A run has ended; `outcome` is a value, or a {@linkcode Failure}. */
  onReturn(job: Job, failed: boolean, outcome: unknown): void;
  /** A job that goes on has told its caller something. */
  onProgress(job: Job, value: unknown): void;
  /** A job that streams has yielded a value. */
  onYield(job: Job, value: unknown): void;
  /** The worker waits until everything is taken back that it has not begun. */
  onShared(): void;
  /** All is done that the worker's messages say: the worker may have room for more jobs. */
  onRoom(): void;
  /** The worker is about to die of this; of nothing, if a listener of a task handles the error. */
  onLastWords(thrown: Thrown | undefined): void;
  /** The worker was told to end, but lives on until native code returns; `false` if nobody told it. */
  onOutlives(): boolean;
  /** The worker has sent a message that no worker of this package sends. */
  onForeign(message: string, cause?: unknown): void;
}

/** The one place where messages of a worker arrive. A message may be anything. */
export class Inbox {
  readonly #parts: InboxParts;
  readonly #events: InboxEvents;
  #isThere = false;
  #takesTasks = false;
  #isClosed = false;
  /** Counts what tasks tell, where the worker knows when to wait: Deno hears a process once a turn. */
  readonly #telling: Telling | undefined;
  /** How many values the worker may yield, and of which run. */
  #yields = { run: 0, room: 0 };

  constructor(parts: InboxParts, events: InboxEvents) {
    this.#parts = parts;
    this.#events = events;
    const { ledger, queues } = parts.backend;
    this.#telling = queues ? new Telling(ledger) : undefined;
  }

  /** Whether the worker takes tasks, and tells of them. */
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

  /** Lets the worker go on that waits for room to tell something, as the worker is to end. */
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

  /** The reader of a job's stream has taken so many values: the worker may yield as many more. */
  pull(job: Job, count: number): void {
    const run = this.#parts.runs.jobs.runOf(job);
    this.#yieldsOf(run).room += count;
    this.#parts.backend.post([PULL, run, count]);
  }

  /** How many values a run may yield. */
  #yieldsOf(run: number): { room: number } {
    if (this.#yields.run !== run) this.#yields = { run, room: WINDOW };
    return this.#yields;
  }

  /** Does what a message says; `false` if the message does not fit what the worker was asked for. */
  #take(message: unknown): boolean {
    const { allowance, runs } = this.#parts;
    if (!this.#takesTasks) return allowance.take() && this.#takeEarly(message);
    if (message === KEPT) {
      if (!allowance.take()) return false;
      runs.collect();
      this.#events.onRoom();
      return true;
    }
    runs.collect();
    // The ledger may say what cannot be.
    if (this.#isClosed) return true;
    if (!isWellFormed(message)) return false;
    if (typeof message === "number") return allowance.take() && this.#takeSignal(message);
    if (isSaid(message)) return this.#takeSaid(message);
    return allowance.take() && this.#takeAnswer(message);
  }

  /** Does what a worker says before it takes tasks. */
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

  /** Does what a message says that is but a number. */
  #takeSignal(signal: number): boolean {
    if (signal === OUTLIVES) return this.#events.onOutlives();
    if (signal !== LIVES) return false;
    this.#events.onLastWords(undefined);
    return true;
  }

  /** Does what a message says that may come before and after the worker takes tasks. */
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
        // A process has begun something that was not sent.
        return false;
    }
  }

  /** Does what a message says that answers the host. */
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
    // First, as this may throw: then the job is still there to fail with its worker.
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

  /** Passes on what a run says while it goes on, unless its caller has given up. */
  #takeSaid([kind, run, given, extra]: Said): boolean {
    const { runs } = this.#parts;
    const { head, first, last } = runs.jobs;
    const isCheap = extra === undefined && isSmall(given);
    if (kind === PROGRESS && this.#telling?.count(isCheap) === false) return false;
    if (head === undefined || run !== first) {
      // A timer that a task has left behind may go on telling.
      const latest = head === undefined ? last : first - 1 | 0;
      if (runsBetween(run, latest) < 0) return false;
      this.#valueOf(given, extra, false);
      return true;
    }
    if (!runs.hasBegun(head) || kind === YIELDED && !head.streams) return false;
    if (kind === YIELDED && --this.#yieldsOf(run).room < 0) return false;
    const wanted = !head.settled;
    const value = this.#valueOf(given, extra, wanted);
    if (!wanted) return true;
    if (kind === PROGRESS) this.#events.onProgress(head, value);
    else this.#events.onYield(head, value);
    return true;
  }

  /** The value of a message; its streams and ports are looked after, or end as nobody takes it. */
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

/** Whether a run says something while it goes on. */
function isSaid(message: Exclude<FromProcess, number>): message is Said {
  return message[0] === PROGRESS || message[0] === YIELDED;
}
