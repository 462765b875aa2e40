import { now } from "../runtime/real_timers.ts";
import type { HostLedger } from "../wire/host_ledger.ts";
import { NOTHING } from "../wire/host_ledger.ts";
import { nextRun, runsBetween } from "../wire/ledger.ts";

/**
 * The runs of a process, as known by the messages in both directions: a process shares no memory. A
 * process without a pipe has one run at a time. Messages and records of a process may say anything: a
 * run begins only after its sending, begins once, and ends only after its beginning.
 */
export class ProcessLedger implements HostLedger {
  /** The latest sent run. */
  #sent = 0;
  /** The latest run that has begun, or was taken back. */
  #claimed = 0;
  /** The latest run that has begun, and when. */
  #begun: number | undefined;
  #beganAt = 0;
  /** The latest run that has ended. */
  #ended = 0;
  /** How long ended runs took, in ms. */
  readonly #times = new Map<number, number>();
  /** The results that came in records. */
  readonly #results = new Map<number, unknown>();
  /** How long the run under way took, in ms, as the process says. */
  #took: number | undefined;
  /** The URL of the module that the process was told to load, until the load begins. */
  #sentLoad: string | undefined;
  #hasBegunLoad = false;

  // What the host does.

  /** All runs up to this run were sent. */
  noteSent(run: number): void {
    this.#sent = run;
  }

  /** The process was told to load the module at a URL. */
  noteSentLoad(url: string): void {
    this.#sentLoad = url;
  }

  /** Nothing to note: a run can begin after `noteSent()` only. */
  open(): void {}

  openLoad(): void {
    this.#hasBegunLoad = false;
  }

  takeBack(last: number): number {
    const begun = this.#claimed;
    if (runsBetween(begun, last) > 0) this.#claimed = last;
    return begun;
  }

  /** Nothing keeps a process from beginning a sent run. */
  drop(): boolean {
    return false;
  }

  /** A process learns of an abort by a message only. */
  abort(): void {}

  /** No message would arrive in time to make a task wait. */
  allow(): void {}

  // What the process says.

  /**
   * The process says that it begins a run, or the load of the module at a URL.
   *
   * @returns `false` if no such run or load was sent, or the run or load has begun before.
   */
  begin(what: unknown): boolean {
    if (typeof what === "number") return this.#begin(what);
    if (what === undefined || what !== this.#sentLoad) return false;
    this.#sentLoad = undefined;
    this.#hasBegunLoad = true;
    return true;
  }

  #begin(run: number): boolean {
    if (run !== nextRun(this.#claimed) || runsBetween(run, this.#sent) < 0) return false;
    this.#claimed = run;
    this.#begun = run;
    this.#beganAt = now();
    return true;
  }

  /** The process says how a run has ended. The end of a run that is not under way is ignored. */
  end(run: unknown): void {
    if (this.#isUnderWay(run)) this.#end(run, this.#took ?? now() - this.#beganAt);
  }

  /**
   * The process says that a run has ended with this result, or was passed over.
   *
   * @returns `false` if the run is not under way.
   */
  keep(run: number, result: unknown): boolean {
    if (!this.#isUnderWay(run)) return false;
    this.#results.set(run, result);
    this.#end(run, this.#took ?? 0);
    return true;
  }

  /** The process says how long the run under way took, in ms. */
  time(run: number, ms: number): void {
    if (this.#isUnderWay(run) && ms > 0) this.#took = ms;
  }

  #isUnderWay(run: unknown): run is number {
    return typeof run === "number" && run === this.#begun && run !== this.#ended;
  }

  #end(run: number, took: number): void {
    this.#ended = run;
    this.#took = undefined;
    if (took > 0) this.#times.set(run, took);
  }

  // What the host asks.

  get hasBegunLoad(): boolean {
    return this.#hasBegunLoad;
  }

  get claimed(): number {
    return this.#claimed;
  }

  get beganAt(): number {
    return this.#beganAt;
  }

  get ended(): number {
    return this.#ended;
  }

  hasEnded(run: number): boolean {
    return runsBetween(run, this.#ended) >= 0;
  }

  isBegun(run: number): boolean {
    return run === this.#begun;
  }

  isKept(run: number): boolean {
    return this.#results.has(run);
  }

  /** The result is read once. */
  resultOf(run: number): unknown {
    const result = this.#results.get(run);
    this.#results.delete(run);
    return result;
  }

  /** Each value arrives in a message. */
  readonly isRead = true;

  nextSaid(): typeof NOTHING {
    return NOTHING;
  }

  takeSaid(): undefined {}

  noteHeard(): void {}

  readonly mayListen = false;

  listen(): boolean {
    return false;
  }

  /** The time is read once. */
  timeOf(run: number): number {
    const took = this.#times.get(run) ?? 0;
    this.#times.delete(run);
    return took;
  }
}
