import * as machinery from "../runtime/real_timers.ts";
import type { Job } from "./job.ts";
import { readingTime } from "./reading_time.ts";

/** How long, in ms, an aborted task may take to end by itself before its worker is given up. */
const ABORT_GRACE_MS = 100;
/** For how long, in ms, a worker may fail to begin what is next before the worker is given up. */
const UNRESPONSIVE_MS = 5_000;
/** How often, in ms, a worker is looked at for that. */
const LOOK_INTERVAL_MS = 1_000;
/** A look that comes later than by this many ms tells that the event loop was held up. */
const LATE_MS = 500;

/** What a watchdog asks of the worker that it watches. */
export interface Watched {
  /** The jobs of the worker. The head is under way, or next. */
  readonly jobs: { readonly head: Job | undefined };
  /** Whether the worker has a task, or loads the module of one. */
  readonly busy: boolean;
  /** What the worker was asked for but has not begun: the number of a run, or the URL of a module. */
  readonly unbegun: number | string | undefined;
  /** Whether the worker has begun a job that it was sent. */
  hasBegun(job: Job): boolean;
  /** Whether the run of a job has ended, and its outcome has yet to arrive. */
  hasEnded(job: Job): boolean;
  /** Keeps the worker from running a job whose arguments it may still read; `false` if nothing can. */
  leaveOut(job: Job): boolean;
}

/** What a watchdog tells. */
export interface WatchdogEvents {
  /** The worker is looked at, each second while it is busy. */
  onLook(): void;
  /** The worker is overdue, from now on. */
  onOverdue(): void;
}

/**
 * Notices that a worker must be replaced: its aborted task has outlived its grace, or it has not begun
 * what is next for long, as what an earlier task has left behind keeps its thread.
 */
export class Watchdog {
  readonly #watched: Watched;
  readonly #events: WatchdogEvents;
  #overdue = false;
  /** The job that runs though its caller has given up, since when, and the end of its grace. */
  #aborted: Job | undefined;
  #abortedAt = 0;
  #grace: ReturnType<typeof globalThis.setTimeout> | undefined;
  /** The next look; it is left to come when a task ends, as another one soon begins. */
  #look: machinery.Timer | undefined;
  /**
   * What the worker had not begun at the last looks, and since when. How long that may take, in ms, is
   * known once the worker has been silent for long.
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

  /** Whether the worker runs a task that was aborted. */
  get waitsForEnd(): boolean {
    return this.#aborted !== undefined;
  }

  /** The worker must be replaced, for a reason that somebody else has found. */
  giveUp(): void {
    this.#overdue = true;
    this.#events.onOverdue();
  }

  /** The caller of a job that runs has given up. */
  aborted(job: Job): void {
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

  /** Looks at the worker each second from now on, for as long as it is busy. */
  watch(): void {
    if (this.#look !== undefined) return;
    const due = machinery.now() + LOOK_INTERVAL_MS;
    this.#look = machinery.setTimeout(() => {
      this.#look = undefined;
      this.#events.onLook();
      if (!this.#watched.busy) return;
      this.watch();
      // While the program held up the event loop, nothing was heard. What was said meanwhile is yet
      // to be read: that a process has begun a task, which must not run elsewhere, too.
      if (machinery.now() - due > LATE_MS) this.#unheard = undefined;
      this.#lookForSilence();
    }, LOOK_INTERVAL_MS);
    Deno.unrefTimer(this.#look);
  }

  /** Ends the watch. */
  stop(): void {
    this.#stopGrace();
    if (this.#look !== undefined) machinery.clearTimeout(this.#look);
    this.#look = undefined;
  }

  #allowGrace(): void {
    this.#stopGrace();
    this.#grace = setTimeout(() => {
      this.#grace = undefined;
      const job = this.#aborted;
      // An older Deno calls back some timers that were cleared.
      if (job === undefined) return;
      // What the worker sent before must arrive before the worker is given up.
      if (this.#watched.jobs.head !== job) return this.#allowGrace();
      if (this.#maySend(job)) return this.#allowGrace();
      if (!this.#mayRead(job)) return this.giveUp();
      // A worker goes on reading the arguments, and then leaves the task out. A process cannot be told,
      // but kept from running the task for long.
      if (this.#watched.leaveOut(job)) this.ended(job);
      else this.#allowGrace();
    }, ABORT_GRACE_MS);
  }

  #stopGrace(): void {
    // Only what is set: of a time that was faked, another timer may have its number.
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

  /** Notices a worker that does not begin what it was sent. */
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
      // A worker that reads large arguments is silent meanwhile.
      this.#unheard.patience ??= UNRESPONSIVE_MS +
        (typeof next === "number" ? readingTime(this.#watched.jobs.head!.args) : 0);
      if (silence > this.#unheard.patience) this.giveUp();
    }
  }
}
