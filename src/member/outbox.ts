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

/** A message is timed once per this many runs, as reading the clock twice takes a microsecond. */
const TIMED_RUNS = 8;

/** The parts of a member that an outbox works with. */
export interface OutboxParts {
  readonly backend: Backend;
  readonly runs: Runs;
  readonly ends: OpenEnds;
  readonly allowance: Allowance;
  readonly records: TaskRecords;
  /** A job cannot be sent. */
  readonly onRefused: (job: Job, error: NotCloneableError) => void;
}

/** Sends jobs to a worker: several in a message, where possible. */
export class Outbox {
  readonly #parts: OutboxParts;
  /** The gathered jobs, for the next message. */
  #batch: Batch | undefined;
  /** The jobs of the message being posted: meanwhile a getter may run the caller's code. */
  #sending: Batch | undefined;
  /** The tasks whose address the worker has. */
  readonly #known = new Map<number, AddressedTask>();
  /** The last run whose arguments were not moved. */
  #lastKept = 0;
  /** The first run of the message timed last. */
  #timed = 0;
  /** For how many messages the worker may still ask that the calls be sent separately. */
  #together = 0;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
  }

  /** Whether a message is being posted: the clone may run getters of the caller. */
  get isSending(): boolean {
    return this.#sending !== undefined;
  }

  /** Whether a run is not sent yet: the run is in the message being posted. */
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

  /** Sends a job, at the latest with the next `flush()`. A job that cannot be sent fails. */
  send(job: Job): void {
    if (!this.#known.has(job.task.id)) this.#teach(job.task);
    const taken = job.transferables && takeBytesOf(job);
    const { records, runs } = this.#parts;
    if (this.#batch?.add(job, taken, records.of(job.task)) !== true) {
      this.flush();
      // A getter of an argument, run by the clone, may have settled the job.
      if (job.settled) return;
      this.#batch = new Batch(nextRun(runs.jobs.last), job, taken);
    }
    const run = runs.open(job);
    if (job.transferables === undefined) this.#lastKept = run;
  }

  /** Sends the gathered jobs. */
  flush(): void {
    const batch = this.#batch;
    this.#batch = undefined;
    if (batch !== undefined) this.#post(batch);
  }

  /** The worker asks for the calls of a task separately; `false` if no calls were sent together. */
  separate(task: number): boolean {
    if (--this.#together < 0) return false;
    const known = this.#known.get(task);
    if (known !== undefined) this.#parts.records.of(known).shares = true;
    return true;
  }

  /** Gives the worker the address of a task. */
  #teach(task: AddressedTask): void {
    const { backend, runs } = this.#parts;
    // While the worker has jobs, the addresses of their tasks must not be forgotten.
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
    // A backend that does not queue has a single job at a time: the head.
    const context = backend.queues ? undefined : runs.jobs.head?.context;
    if (batch.lender !== undefined) this.#lend(batch, batch.lender, context);
    else if (batch.objects > 0 && backend.queues) this.#writeGuarded(batch);
    else backend.post(batch.message, batch.transfer, context);
  }

  /** Posts a message with objects; throws if an object is nested too deep. */
  #writeGuarded(batch: Batch): void {
    const message = batch.guarded();
    const outer = beginWriting(message);
    try {
      this.#parts.backend.post(message, batch.transfer);
    } finally {
      endWriting(outer);
    }
  }

  /** Posts a job with streams or ports in the arguments. */
  #lend(batch: Batch, { args, transferables }: Job, context: AsyncContext): void {
    const { allowance, backend, ends } = this.#parts;
    // Arguments that cannot be sent are refused before a stream is taken from its owner.
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

  /** Sends each job of a refused message in a message of its own: only the job to blame fails. */
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

/** The error of a job whose arguments cannot be sent; names the argument to blame. */
function refusal(job: Job, cause: unknown, clone: Backend["clone"]): NotCloneableError {
  const culprit = job.args.findIndex((arg) => {
    try {
      assertCloneable(arg);
      // To clone a transferable would take the transferable from its owner.
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
