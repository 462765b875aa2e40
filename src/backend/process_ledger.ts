import { now } from "../runtime/real_timers.ts";
import type { HostLedger } from "../wire/host_ledger.ts";
import { nextRun, runsBetween } from "../wire/ledger.ts";

/**
 * What a host knows of the runs of a process, by what the host has sent and the process has said. A
 * process shares no memory, and has one run at a time. A process may say anything: it begins only what
 * it was sent, once, and ends only what it has begun.
 */
export class ProcessLedger implements HostLedger {
  /** The latest run that was sent. */
  #sent = 0;
  /** The latest run that has begun, or was taken back. */
  #claimed = 0;
  /** The latest run that has begun, and when. */
  #begun: number | undefined;
  #beganAt = 0;
  /** The latest run that has ended, and how long the run took, in ms. */
  #ended = 0;
  #took = 0;
  /** The URL of the module that the process was told to load, until the load begins. */
  #sentLoad: string | undefined;
  #hasBegunLoad = false;

  // What the host does.

  /** Notes that a run was sent. */
  noteSent(run: number): void {
    this.#sent = run;
  }

  /** Notes that the process was told to load a module. */
  noteSentLoad(url: string): void {
    this.#sentLoad = url;
  }

  /** Nothing to note: a run can begin once it was sent. */
  open(): void {}

  openLoad(): void {
    this.#hasBegunLoad = false;
  }

  takeBack(last: number): number {
    const begun = this.#claimed;
    if (runsBetween(begun, last) > 0) this.#claimed = last;
    return begun;
  }

  /** A process begins whatever it was sent. */
  drop(): boolean {
    return false;
  }

  /** A process learns of an abort by message only. */
  abort(): void {}

  /** A process cannot learn in time how much it may tell. */
  allow(): void {}

  // What the process says.

  /**
   * The process says that it begins a run, or the load of the module at a URL.
   *
   * @returns `false` if the process was not sent that, or has begun it before.
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

  /** The process says how a run has ended; nothing is noted of a run that is not under way. */
  end(run: unknown): void {
    if (typeof run !== "number" || run !== this.#begun || run === this.#ended) return;
    this.#ended = run;
    this.#took = now() - this.#beganAt;
  }

  // What the host asks.

  get hasBegunLoad(): boolean {
    return this.#hasBegunLoad;
  }

  get claimed(): number {
    return this.#claimed;
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

  /** Each result arrives in a message. */
  isKept(): boolean {
    return false;
  }

  /** There is none: see {@linkcode isKept}. */
  resultOf(): undefined {}

  timeOf(run: number): number {
    return run === this.#ended ? this.#took : 0;
  }
}
