import * as machinery from "../runtime/real_timers.ts";
import type { Job } from "./job.ts";

/** A timer more than this many ms late tells that the event loop was held up. */
const LATE_MS = 20;
/** After this many turns of the event loop, all messages that have arrived by now are delivered. */
const DELIVERY_TURNS = 2;
/** A task is due so many ms early: another timer would come a whole ms later. */
const EARLY_MS = 0.5;
/** The longest delay of a timer, in ms. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** The part of a worker that its time limits use. */
export interface LimitedWorker {
  /** The jobs of the worker, and the run of the head, which is under way or next. */
  readonly jobs: { readonly head: Job | undefined; readonly first: number };
  /** When the latest limited run began, as the worker says. */
  readonly beganAt: number;
  /** Returns the jobs whose results are there. */
  collect(): void;
  /** Whether the worker has begun a job that was sent. */
  hasBegun(job: Job): boolean;
  /** Whether the run of a job has ended, and its outcome has yet to arrive. */
  hasEnded(job: Job): boolean;
}

/**
 * The time limits of the jobs that were sent to a worker. The time of a job begins when its function is
 * called, however long the job has waited in the worker. Only the head can be due, so a single timer
 * is enough: at the earliest moment at which any of the jobs may be due.
 */
export class TimeLimits {
  readonly #worker: LimitedWorker;
  readonly #end: (job: Job) => void;
  /** How many limited jobs have no answer. */
  #count = 0;
  /** No limit of these jobs is shorter, in ms. */
  #least = Infinity;
  #timer: machinery.Timer | undefined;
  /** Whether the timer is of a time that a test has faked. */
  #isFaked = false;
  /** When the timer was set, and its delay, in ms. */
  #setAt = 0;
  #delay = 0;
  /** When the run under way, or the next, had not begun yet. */
  #unbegun = 0;
  /** The run that was under way at the last look, and the bounds of when the run began. */
  #run: number | undefined;
  #from = 0;
  #to = 0;

  /**
   * Makes the time limits of a worker.
   *
   * @param end Ends a job that has run for longer than its time limit.
   */
  constructor(worker: LimitedWorker, end: (job: Job) => void) {
    this.#worker = worker;
    this.#end = end;
  }

  /**
   * Whether a limited job may be sent to a worker with jobs. In a time that a test has faked nobody
   * knows for how long a task has run: so each task has a timer of its own.
   */
  static get mayFollow(): boolean {
    return !machinery.isTimeFaked();
  }

  /** A job with a limit of `timeout` ms was sent. */
  added(timeout: number): void {
    if (this.#count++ === 0) this.#run = undefined;
    if (timeout >= this.#least) return;
    this.#least = timeout;
    const time = machinery.now();
    if (this.#count === 1) this.#unbegun = time;
    if (this.#timer !== undefined && this.#setAt + this.#delay <= time + timeout) return;
    this.#stop();
    this.#set(timeout, time);
  }

  /** A limited job has an answer, or was taken back. Without limited jobs there is no timer. */
  removed(): void {
    if (--this.#count > 0) return;
    this.#least = Infinity;
    this.#stop();
  }

  #set(delay: number, time: number): void {
    this.#isFaked = machinery.isTimeFaked();
    this.#setAt = time;
    this.#delay = this.#isFaked ? delay : Math.min(delay, MAX_DELAY_MS);
    // The global timer, so that a test that fakes the time sees the limit.
    const timer = setTimeout(() => this.#ring(timer), this.#delay);
    this.#timer = timer;
  }

  #stop(): void {
    const timer = this.#timer;
    this.#timer = undefined;
    if (timer === undefined) return;
    if (!this.#isFaked) machinery.clearTimeout(timer);
    // After the test, the number of a faked timer may be the number of another timer.
    else if (machinery.isTimeFaked()) clearTimeout(timer);
  }

  #ring(timer: machinery.Timer): void {
    // An older Deno calls back some cleared timers, after another timer was set.
    if (this.#timer !== timer) return;
    this.#timer = undefined;
    const late = machinery.now() - this.#setAt - this.#delay;
    if (late < 0 && this.#isFaked) this.#endNow();
    else if (late < LATE_MS) this.#look(false);
    else this.#lookLater(DELIVERY_TURNS);
  }

  /** Ends the only job: no time has passed, and a test says that the time is over. */
  #endNow(): void {
    const { head } = this.#worker.jobs;
    if (head !== undefined && isLimited(head)) this.#end(head);
    if (this.#count > 0) this.#set(this.#least, machinery.now());
  }

  /**
   * Looks at the worker after so many turns of the event loop. If the event loop was held up, a timer
   * comes before the answers that have arrived meanwhile.
   */
  #lookLater(turns: number): void {
    this.#isFaked = false;
    const timer = machinery.setTimeout(() => {
      if (this.#timer !== timer) return;
      this.#timer = undefined;
      if (turns > 1) this.#lookLater(turns - 1);
      else this.#look(true);
    }, 0);
    this.#timer = timer;
  }

  /**
   * Ends the run under way if the run is due, and sets the next timer.
   *
   * @param isPatient Whether the answers that have arrived were waited for.
   */
  #look(isPatient: boolean): void {
    const worker = this.#worker;
    worker.collect();
    if (this.#count === 0) return;
    const { head, first } = worker.jobs;
    const time = machinery.now();
    let delay = this.#least;
    if (head !== undefined && worker.hasBegun(head)) {
      if (this.#run !== first) {
        this.#run = first;
        this.#from = this.#unbegun;
        this.#to = time;
      }
      if (isLimited(head)) {
        const rest = head.timeout! - (time - this.#beganAt());
        if (rest > EARLY_MS) delay = Math.min(delay, rest);
        // The answer is on its way.
        else if (!isPatient && worker.hasEnded(head)) return this.#lookLater(DELIVERY_TURNS);
        else this.#end(head);
      }
    }
    // The runs behind have not begun: neither has the head, unless `#run` says so.
    this.#unbegun = time;
    if (this.#count > 0 && this.#timer === undefined) this.#set(delay, time);
  }

  /**
   * When the run under way began. The worker may say anything, but the host knows when the run had not
   * begun yet, and when the run had begun.
   */
  #beganAt(): number {
    const { beganAt } = this.#worker;
    return beganAt >= this.#from ? Math.min(beganAt, this.#to) : this.#from;
  }
}

/** Whether a job has a time limit, and no answer. */
function isLimited(job: Job): boolean {
  return job.timeout !== undefined && !job.settled;
}
