import * as machinery from "../runtime/real_timers.ts";
import type { Job } from "./job.ts";

/** How long, in ms, an aborted task may take to end by itself before its worker is given up. */
const ABORT_GRACE_MS = 100;
/** How long, in ms, the next task or load may fail to begin before the worker is given up. */
const UNRESPONSIVE_MS = 5_000;
/** How often, in ms, a watchdog looks at a busy worker. */
const LOOK_INTERVAL_MS = 1_000;

/** The part of a worker that a watchdog uses. */
export interface Watched {
  /** The jobs of the worker. The head is under way, or next. */
  readonly jobs: { readonly head: Job | undefined };
  /** Whether the worker has a task, or loads a module. */
  readonly busy: boolean;
  /** The next run or load, if the worker has not begun: the run's number, or the module's URL. */
  readonly unbegun: number | string | undefined;
  /** Whether the worker has begun a job that was sent. */
  hasBegun(job: Job): boolean;
  /** Whether the run of a job has ended, and its outcome has yet to arrive. */
  hasEnded(job: Job): boolean;
  /** Keeps the worker from running a job whose arguments it may still read; `false` if nothing can. */
  leaveOut(job: Job): boolean;
}

/** The events of a watchdog. */
export interface WatchdogEvents {
  /** A look at the worker, each second while the worker is busy. */
  onLook(): void;
  /** The worker must be replaced, from now on. */
  onOverdue(): void;
}

/**
 * Notices that a worker must be replaced: an aborted task has outlived its grace, or the next task
 * has not begun for long, as something that an earlier task has left behind occupies the thread.
 */
export class Watchdog {
  readonly #watched: Watched;
  readonly #events: WatchdogEvents;
  #overdue = false;
  /** The job that still runs after its caller has given up. */
  #aborted: Job | undefined;
  /** When the caller gave up, in ms. */
  #abortedAt = 0;
  /** The timer for the end of the job's grace. */
  #grace: ReturnType<typeof globalThis.setTimeout> | undefined;
  /** The timer of the next look, which stays when a task ends, as another task soon begins. */
  #look: machinery.Timer | undefined;
  /**
   * The run or load that had not begun at the last looks, and since when. `patience` says how long,
   * in ms, the beginning may take; computed once the worker has been silent for long.
   */
  #unheard: { next: number | string; since: number; patience: number | undefined } | undefined;

  constructor(watched: Watched, events: WatchdogEvents) {
    this.#watched = watched;
    this.#events = events;
  }

  /** Whether the worker must be replaced. */
  get overdue(): boolean {
    return this.#overdue;
  }

  /** Whether the worker still runs an aborted task. */
  get waitsForEnd(): boolean {
    return this.#aborted !== undefined;
  }

  /** The worker must be replaced, for a reason that was found elsewhere. */
  giveUp(): void {
    this.#overdue = true;
    this.#events.onOverdue();
  }

  /** The caller of a running job has given up. */
  aborted(job: Job): void {
    // A later job runs, and was aborted before: the outcome of this job is on its way.
    if (this.#aborted !== undefined && this.#watched.hasEnded(job)) return;
    this.#aborted = job;
    this.#abortedAt = machinery.now();
    this.#allowGrace();
  }

  /** A job has ended, or will never begin. */
  ended(job: Job): void {
    if (job !== this.#aborted) return;
    this.#stopGrace();
    this.#aborted = undefined;
    this.#overdue = false;
  }

  /** Looks at the worker each second from now on, for as long as the worker is busy. */
  watch(): void {
    if (this.#look !== undefined) return;
    this.#look = machinery.setTimeout(() => {
      this.#look = undefined;
      this.#events.onLook();
      if (!this.#watched.busy) return;
      this.watch();
      this.#lookForSilence();
    }, LOOK_INTERVAL_MS);
    Deno.unrefTimer(this.#look);
  }

  /** Ends the watch. */
  stop(): void {
    this.#stopGrace();
    if (this.#look !== undefined) machinery.clearTimeout(this.#look);
    this.#look = undefined;
    this.#unheard = undefined;
  }

  #allowGrace(): void {
    this.#stopGrace();
    const timer = setTimeout(() => {
      const job = this.#aborted;
      // An older Deno calls back some cleared timers, after another timer was set.
      if (job === undefined || this.#grace !== timer) return;
      this.#grace = undefined;
      // The results of earlier jobs must arrive before the worker is given up.
      if (this.#watched.jobs.head !== job) return this.#allowGrace();
      if (this.#maySend(job)) return this.#allowGrace();
      if (!this.#mayRead(job)) return this.giveUp();
      // A worker finishes reading the arguments, and then passes over the task. A process cannot be
      // kept from beginning the task, but is given up soon after the beginning.
      if (this.#watched.leaveOut(job)) this.ended(job);
      else this.#allowGrace();
    }, ABORT_GRACE_MS);
    this.#grace = timer;
  }

  #stopGrace(): void {
    // Only a timer that is set: after a test has faked the time, the number of an old timer may be
    // the number of another timer.
    if (this.#grace !== undefined) clearTimeout(this.#grace);
    this.#grace = undefined;
  }

  /** Whether the worker may still copy what the aborted job has returned. */
  #maySend(job: Job): boolean {
    return this.#watched.hasEnded(job) && machinery.now() - this.#abortedAt <= UNRESPONSIVE_MS;
  }

  /** Whether the worker may still read the arguments of the aborted job. */
  #mayRead(job: Job): boolean {
    if (job.plain || this.#watched.hasBegun(job)) return false;
    const silence = machinery.now() - this.#abortedAt;
    return silence <= UNRESPONSIVE_MS || silence <= UNRESPONSIVE_MS + readingTime(job.args);
  }

  /** Notices a worker that does not begin the next task or load. */
  #lookForSilence(): void {
    const next = this.#watched.unbegun;
    if (next === undefined) {
      if (this.#unheard !== undefined && this.#aborted === undefined) this.#overdue = false;
      this.#unheard = undefined;
    } else if (this.#unheard?.next !== next) {
      this.#unheard = { next, since: machinery.now(), patience: undefined };
    } else if (!this.#overdue) {
      const silence = machinery.now() - this.#unheard.since;
      if (silence <= UNRESPONSIVE_MS) return;
      // A worker is silent while reading large arguments.
      this.#unheard.patience ??= UNRESPONSIVE_MS +
        (typeof next === "number" ? readingTime(this.#watched.jobs.head!.args) : 0);
      if (silence > this.#unheard.patience) this.#giveUpIfSilent(next);
    }
  }

  /**
   * Gives the worker up when all messages are read that have arrived, if none tells that the next
   * task or load has begun. A program that held up the event loop has read no messages, and a task
   * that a process has begun must not run elsewhere, too.
   */
  async #giveUpIfSilent(next: number | string): Promise<void> {
    await machinery.deliveries();
    if (this.#unheard?.next !== next || this.#watched.unbegun !== next) return;
    if (!this.#overdue) this.giveUp();
  }
}

/** At most this many values are looked at, as the look holds up the event loop. */
const MAX_VALUES = 20_000;
/** The size of a value on the wire without the contents, in bytes; a guess. */
const VALUE_BYTES = 16;
/** A worker reads at least this many bytes per ms, even on a slow and busy machine. */
const BYTES_PER_MS = 5_000;
/** The longest estimate, in ms; also the estimate for more values than are looked at. */
const MAX_READING_MS = 300_000;

/**
 * A generous estimate of how long, in ms, a worker takes to read these arguments. The estimate is
 * made only when a worker has been silent for long, so that sending does not pay for the look.
 */
export function readingTime(args: readonly unknown[]): number {
  const seen = new Set<unknown>();
  const unseen: unknown[] = [...args];
  let bytes = 0;
  while (unseen.length > 0) {
    const value = unseen.pop();
    bytes += VALUE_BYTES;
    if (typeof value === "string") bytes += 2 * value.length;
    if (typeof value !== "object" || value === null || seen.has(value)) continue;
    seen.add(value);
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) bytes += value.byteLength;
    else if (sizeOf(value) + unseen.length + seen.size > MAX_VALUES) return MAX_READING_MS;
    else if (value instanceof Map) unseen.push(...value.keys(), ...value.values());
    else if (value instanceof Set) unseen.push(...value);
    else {
      // From descriptors, as a getter of the caller must not run again.
      for (const { value: inside } of Object.values(Object.getOwnPropertyDescriptors(value))) {
        unseen.push(inside);
      }
    }
  }
  return Math.min(MAX_READING_MS, bytes / BYTES_PER_MS);
}

function sizeOf(value: object): number {
  if (Array.isArray(value)) return value.length;
  return value instanceof Map || value instanceof Set ? value.size : 0;
}
