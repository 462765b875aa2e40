import type { Said } from "./protocol.ts";

/**
 * What a worker notes of its runs, and reads of the notes of the host. `Ledger` is memory shared
 * with the host; a process, which shares nothing, has the `OwnLedger` of the room `worker`.
 */
export interface WorkerLedger {
  /** What the worker waits for before the next run begins, if there is anything. */
  readonly pause: Promise<void> | undefined;

  /** Notes the time, in ms, at which a limited run is about to begin. Comes before the claim. */
  noteBegin(time: number): void;

  /** Claims a run, to begin or to pass over; `false` if the host has taken the run back. */
  claim(run: number): boolean;

  /** Begins a claimed run; `false` if the host has dropped the run. */
  begin(run: number): boolean;

  /**
   * Notes that a run has ended, and its result.
   *
   * @param took How long the run took, in ms; 0 if the run was not timed.
   * @returns `false` if the result has no room in the ledger: then nothing was noted.
   */
  keep(run: number, value: unknown, took: number): boolean;

  /**
   * Notes a value that a run tells or yields.
   *
   * @param tell Is called if the host waits for a message that there is a value.
   * @returns `false` if the value has no room in the ledger: then nothing was noted.
   */
  say(use: Said[0], run: number, value: unknown, tell: () => void): boolean;

  /** Notes that a value which a run tells or yields goes in a message. */
  notePosted(): void;

  /** Whether so many results are kept that the host must be told now, or others find no room. */
  readonly hasManyKept: boolean;

  /**
   * The value to send in a message, in place of the value that was not kept: the same, unless a
   * getter was called, which must not be called again.
   */
  unkept(value: unknown): unknown;

  /**
   * Notes the end of a run whose outcome goes in a message.
   *
   * @param took How long the run took, in ms; 0 if the run was not timed.
   */
  end(run: number, took: number): void;

  /** Whether a run has ended. */
  hasEnded(run: number): boolean;

  /** Whether the host has noted that the caller of a run has given up. */
  isAborted(run: number): boolean;

  /** Notes that the load begins which the host asked for last. */
  beginLoad(): void;

  /**
   * Waits until the host has room for another call of `progress()`. Without the wait, a task that
   * calls `progress()` in a loop would keep the event loop of the host from anything else, and fill
   * the memory.
   *
   * @param patient Whether to go on waiting for a host that seems to hear nothing.
   * @returns Whether there is room.
   */
  awaitRoom(patient: boolean): boolean;

  /** Whether a host that seems to hear nothing may be told another small value. */
  readonly mayExceed: boolean;

  /** Whether the host hears nothing any more, for good: messages would only fill the memory. */
  readonly isGivenUp: boolean;

  /** Notes a call of `progress()`. */
  noteTold(): void;
}
