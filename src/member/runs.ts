import type { Backend } from "../backend/backend.ts";
import { now } from "../runtime/real_timers.ts";
import { NOTHING, WAITS } from "../wire/host_ledger.ts";
import { runsBetween } from "../wire/ledger.ts";
import type { Said } from "../wire/protocol.ts";
import type { Job } from "./job.ts";
import { SentJobs } from "./sent_jobs.ts";

/** A run that took longer than this many ms, as the worker says, has its time checked. */
const LONG_MS = 1_000;

/** The events of a worker's runs. */
export interface RunEvents {
  /** The worker has written an impossible state to the ledger. */
  onBroken(): void;
  /** The result of a run was in the ledger. */
  onResult(job: Job, result: unknown): void;
  /** A run that goes on tells or yields a value; returns whether the run may. */
  onSaid(job: Job, kind: Said[0], value: unknown): boolean;
  /** The worker was asked for a message, once. */
  onAsked(): void;
  /** A run has ended, or will never begin. */
  onEnded(job: Job): void;
  /** The next job is settled: its caller has given up. */
  onNextSettled(job: Job): void;
  /** `runs` runs took `ms` ms each; the last run was of this job. */
  onTimed(job: Job, ms: number, runs: number): void;
}

/**
 * The runs that were sent to a worker, and the worker's progress by the ledger. The worker can
 * write anything to the ledger at any time, so each entry is checked: an ended run has begun, and a
 * begun run was sent.
 */
export class Runs {
  /** The jobs of the runs: jobs enter when they are sent, and leave when they return or are taken back. */
  readonly jobs: SentJobs;
  readonly #ledger: Backend["ledger"];
  readonly #events: RunEvents;
  /** Whether the worker has written an impossible state to the ledger. */
  #isBroken = false;
  /** Whether the ledger is not read any more, as the worker is not believed. */
  #isClosed = false;
  /** The last run whose message was posted. */
  #posted = 0;
  /** When the worker was made, in ms: no run can have taken longer than since then. */
  readonly #since = now();
  /** How many values and results were taken. */
  #taken = 0;
  /** How many runs have ended since the latest timed run: short runs are timed together. */
  #untimed = 0;

  constructor(ledger: Backend["ledger"], events: RunEvents, jobs = new SentJobs()) {
    this.jobs = jobs;
    this.#ledger = ledger;
    this.#events = events;
  }

  /** Gives a job the next run; returns the number of the run. */
  open(job: Job): number {
    this.jobs.push(job);
    const { last } = this.jobs;
    this.#ledger.open(last);
    return last;
  }

  /** All runs up to `last` were posted. */
  posted(last: number): void {
    this.#posted = last;
  }

  /** The worker is not heard any more: no results are returned. */
  close(): void {
    this.#isClosed = true;
  }

  /**
   * Returns the jobs whose results are in the ledger. May be called at any time, and so calls no
   * function of the caller's: results that come after other values wait for `hear()`.
   */
  collect(): void {
    this.#collect(false);
  }

  /** Passes on what tasks tell and yield, and returns the jobs whose results are in the ledger. */
  hear(): void {
    this.#collect(true);
    while (this.#listens()) {
      const taken = this.#taken;
      this.#collect(true);
      // There is something, and no value: so writes only a worker that was taken over.
      if (taken === this.#taken) return;
    }
  }

  /** Asks for a message about the next value; returns whether there is a value by now. */
  #listens(): boolean {
    if (this.#isClosed || !this.#ledger.mayListen) return false;
    this.#events.onAsked();
    return this.#ledger.listen();
  }

  #collect(hears: boolean): void {
    const { jobs } = this;
    if (jobs.size === 0 || this.#isClosed) return;
    const { ended } = this.#ledger;
    const hasEnded = runsBetween(jobs.first, ended) >= 0;
    if (!hasEnded && !hears) return;
    // Read after `ended`: the worker goes on meanwhile, and claims a run before the run ends.
    const { claimed } = this.#ledger;
    if (hasEnded) {
      if (runsBetween(ended, claimed) < 0 || runsBetween(claimed, this.#posted) < 0) {
        return this.#break();
      }
    }
    // Asked after `ended`: a run ends after all that it tells and yields.
    const { isRead } = this.#ledger;
    for (let { head } = jobs; head !== undefined; { head } = jobs) {
      const { first } = jobs;
      if (!isRead && !this.#passOn(head, first, hears)) return;
      if (runsBetween(first, ended) < 0) return;
      if (!this.#ledger.isKept(first)) {
        if (!this.#ledger.isBegun(first)) this.#break();
        return;
      }
      let result: unknown;
      try {
        // Read first, as reading may throw: then the job is still there to fail with its worker.
        result = this.#ledger.resultOf(first);
      } catch {
        return this.#break();
      }
      this.end(head);
      this.#events.onResult(head, result);
    }
  }

  /** Passes on what the first run has told and yielded; `false` if more comes before its end. */
  #passOn(head: Job, first: number, hears: boolean): boolean {
    while (true) {
      let kind: ReturnType<Backend["ledger"]["nextSaid"]>;
      let value: unknown;
      try {
        kind = this.#ledger.nextSaid(first);
        if (kind === NOTHING) return true;
        if (kind === WAITS || !hears) return false;
        value = this.#ledger.takeSaid();
      } catch {
        this.#break();
        return false;
      }
      this.#taken++;
      if (!this.hasBegun(head) || !this.#events.onSaid(head, kind, value)) this.#break();
      // The caller's function may have ended the worker.
      if (this.#isClosed) return false;
    }
  }

  /** The job of a run, if the run is under way. */
  begunBy(run: number): Job | undefined {
    const { head, first } = this.jobs;
    return head !== undefined && run === first && this.hasBegun(head) ? head : undefined;
  }

  /** Takes out the first job, whose run has ended. */
  end(head: Job): void {
    const { first: run } = this.jobs;
    this.jobs.remove(head);
    this.#taken++;
    let took = this.#ledger.timeOf(run);
    this.#untimed++;
    if (took > LONG_MS) took = Math.min(took, now() - this.#since);
    if (took > 0) {
      this.#events.onTimed(head, took, this.#untimed);
      this.#untimed = 0;
    }
    this.#events.onEnded(head);
    const next = this.jobs.head;
    if (next?.settled === true) this.#events.onNextSettled(next);
  }

  /** Whether the worker has begun a job. The job was sent, and was not taken back. */
  hasBegun(job: Job): boolean {
    return this.#isBroken || runsBetween(this.jobs.runOf(job), this.#ledger.claimed) >= 0;
  }

  /** Reads which run was claimed last; an impossible claim breaks the ledger. */
  readClaim(): number {
    const { claimed } = this.#ledger;
    if (this.jobs.size > 0 && !this.#canHaveClaimed(claimed)) this.#break();
    return claimed;
  }

  /** How many of the jobs were sent ahead and have not begun. */
  get waiting(): number {
    const { last, size } = this.jobs;
    if (size < 2) return 0;
    return Math.max(0, Math.min(size - 1, runsBetween(this.#ledger.claimed, last)));
  }

  /** Keeps a job from running; `false` if the job has begun. */
  drop(job: Job): boolean {
    return this.#ledger.drop(this.jobs.runOf(job));
  }

  /**
   * Takes back the jobs that the worker has not begun.
   *
   * @param last The last run that can be taken back, as the arguments of later runs have moved.
   */
  takeBack(last: number): Job[] {
    if (this.jobs.size === 0) return [];
    const begun = this.#ledger.takeBack(last);
    if (begun === undefined || !this.#canHaveClaimed(begun)) {
      // Nobody knows which tasks have begun, and no task may run twice.
      this.#break();
      return [];
    }
    const jobs = this.jobs.between(begun, last)
      .filter(({ transferables }) => transferables === undefined);
    for (const job of jobs) {
      this.jobs.remove(job);
      this.#events.onEnded(job);
    }
    return jobs;
  }

  /** Whether a run can be the run claimed last, as these jobs have no answer yet. */
  #canHaveClaimed(run: number): boolean {
    const { first, last } = this.jobs;
    return runsBetween(first, run) >= -1 && runsBetween(run, last) >= 0;
  }

  #break(): void {
    this.#isBroken = true;
    this.close();
    this.#events.onBroken();
  }
}
