import { ShutdownError, WorkerStartError } from "../api/errors.ts";
import { reasonOf } from "../tasks/reason.ts";
import { afterStartup } from "../runtime/after_startup.ts";
import type { Member } from "../member/member.ts";
import { Backoff, startInTurn } from "./pace.ts";
import { clearTimeout, now, setTimeout, type Timer } from "../runtime/real_timers.ts";

/** How long, in ms, a worker may take to get ready; 20 ms are usual. */
const START_TIMEOUT_MS = 30_000;

/** How long, in ms, a start is assumed to take before the first has succeeded. */
const USUAL_START_MS = 50;

/** What the starts of a pool's workers ask of the pool. */
export interface StartEvents {
  /** Makes the worker of this number, as its turn has come. */
  make(number: number): Member;
  /** A start has failed. */
  onFailed(number: number, error: WorkerStartError): void;
  /** A worker did not get ready in time: the start has failed, and the worker must be ended. */
  onLate(member: Member): void;
}

/**
 * A start. `made` resolves when the worker was made, in its turn; `up` when the worker is there, but
 * has modules to load; `ready` when the worker takes tasks.
 */
export interface Start {
  readonly made: Promise<false>;
  readonly up: Promise<false>;
  readonly ready: Promise<void>;
}

/** The time of a start, and the promises to be resolved. */
interface StartResolvers {
  /** When the worker was made, in ms. */
  begun: number;
  /** Whether the worker is not there yet. */
  isRising: boolean;
  readonly made: PromiseWithResolvers<false>;
  readonly up: PromiseWithResolvers<false>;
  readonly ready: PromiseWithResolvers<void>;
}

/** The starts of a pool's workers: each in its turn, and the more starts have failed, the later. */
export class Starts {
  readonly #pool: string;
  readonly #events: StartEvents;
  /** The workers that are not ready yet, each with its start. */
  readonly #starting = new Map<Member, StartResolvers>();
  /** Each gives up a start that may still wait for its turn. */
  readonly #giveUps = new Set<() => void>();
  readonly #backoff = new Backoff();
  /** How long, in ms, the latest start took. */
  #took = USUAL_START_MS;
  /** How long, in ms, the latest worker took to be there, before it loaded modules. */
  #rise = USUAL_START_MS;
  /** How many workers were made; to number them. */
  #made = 0;
  /** How many workers were made and are not there yet. */
  #rising = 0;

  constructor(pool: string, events: StartEvents) {
    this.#pool = pool;
    this.#events = events;
  }

  /** How many starts are under way. */
  get size(): number {
    return this.#starting.size;
  }

  /** How many workers were made and are not there yet. */
  get rising(): number {
    return this.#rising;
  }

  /** How long, in ms, the latest worker took to be there, before it loaded modules. */
  get rise(): number {
    return this.#rise;
  }

  /** How long, in ms, the latest successful start took. */
  get took(): number {
    return this.#took;
  }

  /** Whether a worker is not ready yet. */
  has(member: Member): boolean {
    return this.#starting.has(member);
  }

  /**
   * For how many ms no start should begin, as the latest failed; zero or less if a start may begin.
   */
  get backoff(): number {
    return this.#backoff.wait;
  }

  /**
   * Starts a worker when its turn comes.
   *
   * @returns The start. `ready` rejects with a {@linkcode WorkerStartError} if the worker cannot be
   * started, and with a {@linkcode ShutdownError} if the start was given up; then `made` and `up` may
   * never resolve.
   */
  begin(): Start {
    const start: StartResolvers = {
      begun: 0,
      isRising: false,
      made: Promise.withResolvers(),
      up: Promise.withResolvers(),
      ready: Promise.withResolvers(),
    };
    const stop = () => {
      if (giveUp()) start.ready.reject(shutDown());
    };
    this.#giveUps.add(stop);
    const giveUp = startInTurn(() => {
      this.#giveUps.delete(stop);
      try {
        start.begun = now();
        const member = this.#events.make(++this.#made);
        this.#starting.set(member, start);
        this.#rising++;
        start.isRising = true;
        start.made.resolve(false);
        afterStartup(() => this.#limit(member, start));
      } catch (cause) {
        this.#fail(start, this.#made, cause);
      }
    });
    return { made: start.made.promise, up: start.up.promise, ready: start.ready.promise };
  }

  /** Gives up the starts that wait for their turn. */
  giveUp(): void {
    for (const stop of this.#giveUps) stop();
    this.#giveUps.clear();
  }

  /** A worker is there, and may have modules to load. */
  up(member: Member): void {
    const start = this.#starting.get(member);
    if (start === undefined) return;
    this.#rise = now() - start.begun;
    this.#risen(start);
    start.up.resolve(false);
  }

  /** A worker is there, or will never be. */
  #risen(start: StartResolvers): void {
    if (start.isRising) this.#rising--;
    start.isRising = false;
  }

  /** A worker takes tasks. */
  ready(member: Member): void {
    this.#backoff.succeeded();
    const start = this.#starting.get(member);
    if (start === undefined) return;
    this.#took = now() - start.begun;
    if (start.isRising) this.#rise = this.#took;
    this.#risen(start);
    start.ready.resolve();
    this.#starting.delete(member);
  }

  /** The pool has ended a worker: a start that was not ready yet is given up. */
  ended(member: Member): void {
    const start = this.#starting.get(member);
    if (start === undefined) return;
    this.#risen(start);
    start.ready.reject(shutDown());
    this.#starting.delete(member);
  }

  /** A worker has died. Returns whether the start has failed, as the worker was not ready yet. */
  died(member: Member, cause: unknown): boolean {
    const start = this.#starting.get(member);
    if (start === undefined) return false;
    this.#starting.delete(member);
    this.#fail(start, member.number, cause);
    return true;
  }

  /**
   * Gives up a worker that does not get ready: a module that its entry names may never be
   * delivered.
   */
  #limit(member: Member, start: StartResolvers): void {
    if (!this.#starting.has(member)) return;
    let timer: Timer | undefined = setTimeout(() => {
      timer = undefined;
      const why = `it was not ready after ${
        START_TIMEOUT_MS / 1_000
      } s; does a task's module load?`;
      const error = new WorkerStartError(`Cannot start a ${this.#pool} worker: ${why}`);
      this.#fail(start, member.number, error);
      this.#events.onLate(member);
    }, START_TIMEOUT_MS);
    const ended = () => {
      if (timer !== undefined) clearTimeout(timer);
    };
    start.ready.promise.then(ended, ended);
  }

  /** A start has failed: the next start waits longer, for a random time; see pace.ts. */
  #fail(start: StartResolvers, number: number, cause: unknown): void {
    this.#risen(start);
    const error = startError(this.#pool, cause);
    this.#events.onFailed(number, error);
    start.ready.reject(error);
    this.#backoff.failed();
  }
}

function shutDown(): ShutdownError {
  return new ShutdownError("The executor was shut down while a worker started");
}

function startError(pool: string, cause: unknown): WorkerStartError {
  if (cause instanceof WorkerStartError) return cause;
  const why = cause == null ? "it ended by itself" : reasonOf(cause);
  return new WorkerStartError(`Cannot start a ${pool} worker: ${why}`, { cause });
}
