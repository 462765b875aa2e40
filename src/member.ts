import { assertCloneable } from "./cloneable.ts";
import { NotCloneableError } from "./errors.ts";
import { Failure, withoutPeriod } from "./failure.ts";
import { InlineThread } from "./inline.ts";
import type { Job } from "./job.ts";
import {
  ABORT,
  ABORTED,
  BEGUN,
  DONE,
  DYING,
  FAILED,
  FORGET,
  type FromWorker,
  MAX_ADDRESSES,
  READY,
  RUN,
} from "./protocol.ts";
import type { AddressedTask } from "./task.ts";
import { type Thread, type ThreadEvents, WorkerThread } from "./thread.ts";
import { decodeThrown, encodeThrown, type Thrown } from "./thrown.ts";
import { transferablesOf } from "./transfer.ts";

/** How long, in ms, an aborted task may take to end by itself before its worker is given up. */
const GRACE = 100;

/** What a member tells its pool. */
export interface MemberEvents {
  /** Its worker takes tasks. */
  onReady(member: Member): void;
  /** Its worker is done with this job, and takes another; `outcome` is a value, or a {@linkcode Failure}. */
  onReturn(member: Member, job: Job, failed: boolean, outcome: unknown): void;
  /** Its aborted task has not ended within its grace. */
  onOverdue(member: Member): void;
  /** It is dying: it takes no more tasks, but what it had sent still arrives. */
  onDying(member: Member): void;
  /** Its worker is gone; `cause` is what it died of, as far as that is known. */
  onEnd(member: Member, cause: unknown): void;
}

/** The host's side of one worker: what it runs, and how that ends. */
export class Member {
  /** Whether the worker is about to be gone: it takes no more tasks. */
  dying = false;
  /** Whether it still runs a task that was aborted more than its grace ago. */
  overdue = false;
  /** When it became idle, in ms of the clock. */
  idleSince = 0;
  /** What it runs: set when sent, cleared when the worker has answered, settled or not. */
  job: Job | undefined;
  readonly #events: MemberEvents;
  readonly #thread: Thread;
  /** The id of the latest run; the worker's control words speak of it. */
  #run = 0;
  /** The tasks whose address the worker has. */
  readonly #known = new Set<number>();
  #grace: ReturnType<typeof globalThis.setTimeout> | undefined;
  #lastWords: Thrown | undefined;

  constructor(
    name: string,
    permissions: Deno.PermissionOptions,
    inline: boolean,
    events: MemberEvents,
  ) {
    this.#events = events;
    const threadEvents: ThreadEvents = {
      onMessage: (message) => this.#receive(message),
      onDying: () => {
        this.dying = true;
        events.onDying(this);
      },
      onEnd: (message) => this.#end(message),
    };
    this.#thread = inline
      ? new InlineThread(threadEvents)
      : new WorkerThread(name, permissions, threadEvents);
  }

  /** Whether the worker was started late enough to know the task's module. */
  canRun(task: AddressedTask): boolean {
    return task.module < this.#thread.listed;
  }

  /** Whether the worker has begun the job it was sent. */
  get hasBegun(): boolean {
    return Atomics.load(this.#thread.control, BEGUN) === this.#run;
  }

  /**
   * Sends a job to the worker.
   *
   * @throws {NotCloneableError} If its arguments cannot be sent; the worker is still free.
   */
  run(job: Job): void {
    if (this.#known.size >= MAX_ADDRESSES) {
      this.#known.clear();
      this.#thread.post([FORGET]);
    }
    const { task, args } = job;
    const run = this.#run % 0x7fffffff + 1;
    const known = this.#known.has(task.id);
    try {
      this.#thread.post(
        known ? [RUN, run, task.id, args] : [RUN, run, task.id, args, task.address],
        transferablesOfAll(args),
      );
    } catch (cause) {
      throw notCloneable(job, cause);
    }
    this.#run = run;
    this.job = job;
    if (!known) this.#known.add(task.id);
  }

  /** Says whether it has work: then it keeps the process alive and its death is watched for. */
  engage(engaged: boolean): void {
    this.#thread.engage(engaged);
  }

  /** Tells the task that its caller has given up; if it does not end soon, its worker is. */
  abort(reason: unknown): void {
    Atomics.store(this.#thread.control, ABORTED, this.#run);
    this.#thread.post([ABORT, this.#run, encodeReason(reason)]);
    this.#grace = setTimeout(() => {
      this.overdue = true;
      this.#events.onOverdue(this);
    }, GRACE);
  }

  /** Ends the worker, whatever it does. */
  terminate(): void {
    clearTimeout(this.#grace);
    this.#thread.terminate();
  }

  /** Resolves when the worker has ended, or after `patience` ms. */
  ended(patience: number): Promise<void> {
    return this.#thread.ended(patience);
  }

  /** The one place where what a worker says arrives. */
  #receive(message: FromWorker): void {
    switch (message[0]) {
      case READY:
        this.#events.onReady(this);
        break;
      case DONE:
        this.#return(message[1], false, message[2]);
        break;
      case FAILED:
        if (this.job !== undefined) {
          const failure = new Failure(this.job.task, message[2], message[3]);
          this.#return(message[1], true, failure);
        }
        break;
      case DYING:
        this.#lastWords = message[1];
    }
  }

  #return(run: number, failed: boolean, outcome: unknown): void {
    const { job } = this;
    if (job === undefined || run !== this.#run) return;
    this.job = undefined;
    this.overdue = false;
    if (this.#grace !== undefined) {
      clearTimeout(this.#grace);
      this.#grace = undefined;
    }
    this.#events.onReturn(this, job, failed, outcome);
  }

  #end(message: string | undefined): void {
    clearTimeout(this.#grace);
    this.#events.onEnd(
      this,
      this.#lastWords === undefined ? message : decodeThrown(this.#lastWords),
    );
  }
}

/**
 * Checks the arguments, and collects what they have marked for transfer, if anything.
 *
 * @throws {DOMException} If one would silently arrive as something else.
 */
function transferablesOfAll(args: readonly unknown[]): Transferable[] | undefined {
  let all: Transferable[] | undefined;
  for (const arg of args) {
    assertCloneable(arg);
    const some = transferablesOf(arg);
    if (some !== undefined) all = all === undefined ? some : [...all, ...some];
  }
  return all;
}

function notCloneable(job: Job, cause: unknown): NotCloneableError {
  const culprit = job.args.findIndex((arg) => {
    try {
      assertCloneable(arg);
      // What is transferred cannot be tried: it would be gone.
      if (transferablesOf(arg) === undefined) structuredClone(arg);
      return false;
    } catch {
      return true;
    }
  });
  const what = culprit < 0 ? "the arguments" : `argument ${culprit + 1}`;
  const why = cause instanceof Error ? withoutPeriod(cause.message) : "it threw while it was read";
  return new NotCloneableError(
    `Cannot send ${what} of ${job.task.label}: ${why}; pass plain data`,
    { cause },
  );
}

/** A reason that cannot be sent is not the task's business: it still learns that it was aborted. */
function encodeReason(reason: unknown): Thrown {
  try {
    return encodeThrown(reason);
  } catch {
    return encodeThrown(new DOMException("The task was aborted", "AbortError"));
  }
}
