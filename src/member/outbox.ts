import type { Backend } from "../backend/backend.ts";
import type { NotCloneableError } from "../api/errors.ts";
import { withoutPeriod } from "../tasks/reason.ts";
import { notCloneable } from "../tasks/refusals.ts";
import type { AddressedTask } from "../tasks/task.ts";
import { nextRun, runsBetween } from "../wire/ledger.ts";
import { FORGET, LEARN, MAX_ADDRESSES } from "../wire/protocol.ts";
import { assertCloneable } from "../wire/values/cloneable.ts";
import { transferablesOf } from "../wire/values/transfer.ts";
import { beginWriting, endWriting } from "../wire/values/write_guard.ts";
import type { AsyncContext } from "../runtime/async_context.ts";
import { now } from "../runtime/real_timers.ts";
import type { Allowance } from "./allowance.ts";
import { Batch, takeBytesOf } from "./batch.ts";
import type { Job } from "./job.ts";
import type { OpenEnds } from "./open_ends.ts";
import type { Runs } from "./runs.ts";
import type { TaskRecords } from "./task_record.ts";

/** One message of this many is timed: reading the clock twice takes a microsecond. */
const TIMED_RUNS = 8;

/** What an outbox sends through, and what it tells of. */
export interface OutboxParts {
  readonly backend: Backend;
  readonly runs: Runs;
  readonly ends: OpenEnds;
  readonly allowance: Allowance;
  readonly records: TaskRecords;
  /** A job cannot be sent. */
  readonly onRefused: (job: Job, error: NotCloneableError) => void;
}

/** Sends jobs to a worker: several in one message, where that is possible. */
export class Outbox {
  readonly #parts: OutboxParts;
  /** The jobs that are gathered, and the jobs that are being sent: a getter may run the caller's code. */
  #batch: Batch | undefined;
  #sending: Batch | undefined;
  /** The tasks whose address the worker has. */
  readonly #known = new Map<number, AddressedTask>();
  /** The last run whose arguments were not moved. */
  #lastKept = 0;
  /** The first run of the message that was timed last. */
  #timed = 0;
  /** How many messages were sent whose calls the worker may ask to be sent one by one. */
  #together = 0;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
  }

  /** Whether something is being sent, which may run code of the caller's. */
  get isSending(): boolean {
    return this.#sending !== undefined;
  }

  /** Whether a run has not been sent: it is being sent. */
  isUnsent(run: number): boolean {
    return this.#sending !== undefined && runsBetween(this.#sending.first, run) >= 0;
  }

  /** The last run whose arguments were not moved. No later run can be taken back. */
  get lastKept(): number {
    return this.#lastKept;
  }

  /** Whether the worker can learn the address of another task. */
  get canTeach(): boolean {
    return this.#known.size < MAX_ADDRESSES;
  }

  /** Sends a job, at the latest with the next `flush()`; the job fails if it cannot be sent. */
  send(job: Job): void {
    if (!this.#known.has(job.task.id)) this.#teach(job.task);
    const taken = job.transferables && takeBytesOf(job);
    const { records, runs } = this.#parts;
    if (this.#batch?.add(job, taken, records.of(job.task)) !== true) {
      this.flush();
      // By a getter of an argument that was sent.
      if (job.settled) return;
      this.#batch = new Batch(nextRun(runs.jobs.last), job, taken);
    }
    const run = runs.open(job);
    if (job.transferables === undefined) this.#lastKept = run;
  }

  /** Sends what was gathered. */
  flush(): void {
    const batch = this.#batch;
    this.#batch = undefined;
    if (batch !== undefined) this.#post(batch);
  }

  /** The worker asks that calls of a task be sent one by one; `false` if none were sent together. */
  separate(task: number): boolean {
    if (--this.#together < 0) return false;
    const known = this.#known.get(task);
    if (known !== undefined) this.#parts.records.of(known).shares = true;
    return true;
  }

  /** Gives the worker the address of a task. */
  #teach(task: AddressedTask): void {
    const { backend, runs } = this.#parts;
    // The tasks that the worker has yet to run must not be forgotten.
    if (!this.canTeach && runs.jobs.size === 0) {
      this.#known.clear();
      backend.post([FORGET]);
    }
    this.#known.set(task.id, task);
    backend.post([LEARN, task.id, task.address]);
  }

  #post(batch: Batch): void {
    const { allowance, records, runs } = this.#parts;
    const { first, objects } = batch;
    const sending = batch.task && records.of(batch.task).sending;
    const isTimed = sending !== undefined &&
      (sending.ms === Infinity || runsBetween(this.#timed, first) >= TIMED_RUNS);
    const begun = isTimed ? now() : 0;
    this.#sending = batch;
    try {
      this.#write(batch);
      runs.posted(batch.last);
      allowance.grant(batch.size);
      if (batch.isTogether) this.#together++;
    } catch (cause) {
      return this.#sendApart(batch, cause);
    } finally {
      this.#sending = undefined;
    }
    if (!isTimed) return;
    this.#timed = first;
    sending.learn((now() - begun) / objects);
  }

  /** Posts a message; throws if something in the message cannot be cloned. */
  #write(batch: Batch): void {
    const { backend, runs } = this.#parts;
    // A backend that does not queue is sent one job at a time: this one.
    const context = backend.queues ? undefined : runs.jobs.head?.context;
    if (batch.lender !== undefined) this.#lend(batch, batch.lender, context);
    else if (batch.objects > 0 && backend.queues) this.#writeGuarded(batch);
    else backend.post(batch.message, batch.transfer, context);
  }

  /** Posts objects to a worker; throws if one of them is nested too deep. */
  #writeGuarded(batch: Batch): void {
    const message = batch.guarded();
    const outer = beginWriting(message);
    try {
      this.#parts.backend.post(message, batch.transfer);
    } finally {
      endWriting(outer);
    }
  }

  /** Posts a job whose arguments have streams or ports. */
  #lend(batch: Batch, { args, transferables }: Job, context: AsyncContext): void {
    const { allowance, backend, ends } = this.#parts;
    // Refuses what cannot be sent before anything is taken from its owner.
    void batch.message;
    const loan = ends.lend(args, transferables!);
    allowance.grant(loan.moved.length);
    try {
      backend.post(batch.messageWith(loan), loan.transfer, context);
    } catch (error) {
      ends.takeBack(loan, error);
      throw error;
    }
  }

  /** Sends jobs one by one that could not be sent together: only the job to blame fails. */
  #sendApart({ size, transfer }: Batch, cause: unknown): void {
    const { backend, onRefused, runs } = this.#parts;
    const jobs = runs.jobs.removeLast(size);
    if (transfer === undefined) this.#lastKept = runs.jobs.last;
    for (const job of jobs) {
      if (job.settled) continue;
      if (size === 1) onRefused(job, refusal(job, cause, backend.clone));
      else {
        this.send(job);
        this.flush();
      }
    }
  }
}

/** The error of a job whose arguments cannot be sent; says which argument is to blame. */
function refusal(job: Job, cause: unknown, clone: Backend["clone"]): NotCloneableError {
  const culprit = job.args.findIndex((arg) => {
    try {
      assertCloneable(arg);
      // A clone of what is transferred would take it from its owner.
      if (transferablesOf(arg) === undefined) clone(arg);
      return false;
    } catch {
      return true;
    }
  });
  const what = culprit < 0 ? "the arguments" : `argument ${culprit + 1}`;
  const why = cause instanceof Error ? withoutPeriod(cause.message) : "it threw while it was read";
  const error = notCloneable(`${what} of ${job.task.label}`, "pass", cause, why);
  if (culprit >= 0) error.argument = culprit;
  return error;
}
