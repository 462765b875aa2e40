import { now, setTimeout as setRealTimeout } from "../runtime/real_timers.ts";
import type { Job } from "../member/job.ts";

/** A timer more than this many ms late tells that the event loop was held up. */
const LATE_MS = 20;
/** After this many turns of the event loop, all messages that have arrived by now are delivered. */
const DELIVERY_TURNS = 2;
/** How often, in ms, a late task is checked for its beginning. */
const BEGIN_POLL_MS = 20;

/** The time limits of the jobs of a pool. The time of a job begins when its function is called. */
export class TimeLimits {
  readonly #mayHaveBegun: (job: Job) => boolean;
  readonly #end: (job: Job, timeout: number) => void;

  /**
   * Makes the time limits of a pool.
   *
   * @param mayHaveBegun Whether a sent job may have begun, as far as is known.
   * @param end Ends a job that has run for longer than its `timeout`, in ms.
   */
  constructor(
    mayHaveBegun: (job: Job) => boolean,
    end: (job: Job, timeout: number) => void,
  ) {
    this.#mayHaveBegun = mayHaveBegun;
    this.#end = end;
  }

  /** Limits the time of a job that was just sent. */
  begin(job: Job, timeout: number): void {
    const sent = now();
    job.details.timer = setTimeout(() => {
      const late = now() - sent - timeout;
      // The worker may still read the arguments. Where a test fakes the time, no time has passed.
      if (late >= 0 && !this.#mayHaveBegun(job)) this.#awaitBegin(job, timeout);
      else this.#timeOut(job, timeout, late >= LATE_MS ? DELIVERY_TURNS : 0);
    }, timeout);
  }

  /** Waits until the job begins, and limits its time from then on. */
  #awaitBegin(job: Job, timeout: number): void {
    job.details.timer = setRealTimeout(() => {
      if (this.#mayHaveBegun(job)) this.begin(job, timeout);
      else this.#awaitBegin(job, timeout);
    }, BEGIN_POLL_MS);
  }

  /**
   * Times a job out, after so many turns of the event loop. If the event loop was held up, the timer
   * comes before the answers that have arrived meanwhile.
   */
  #timeOut(job: Job, timeout: number, turns: number): void {
    if (turns === 0) return this.#end(job, timeout);
    job.details.timer = setRealTimeout(() => this.#timeOut(job, timeout, turns - 1), 0);
  }
}
