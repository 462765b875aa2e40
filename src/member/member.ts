import type { Backend } from "../backend/backend.ts";
import { startBackend } from "../backend/isolation.ts";
import { warnOfNativeCode } from "../backend/native_code.ts";
import type { ProcessEnd } from "../backend/process_end.ts";
import { afterStartup, isAfterStartup } from "../runtime/after_startup.ts";
import * as machinery from "../runtime/real_timers.ts";
import type { PoolSettings } from "../settings/settings.ts";
import { Failure } from "../tasks/failure.ts";
import { modules, type TaskModule } from "../tasks/modules.ts";
import type { AddressedTask } from "../tasks/task.ts";
import { runsBetween } from "../wire/ledger.ts";
import { ABORT, LOAD } from "../wire/protocol.ts";
import { decodeThrown, encodeThrown, type Thrown } from "../wire/thrown.ts";
import { Allowance } from "./allowance.ts";
import { Inbox, type InboxEvents } from "./inbox.ts";
import type { Job } from "./job.ts";
import { Lookahead } from "./lookahead.ts";
import { ModuleLoads } from "./module_loads.ts";
import { OpenEnds } from "./open_ends.ts";
import { Outbox } from "./outbox.ts";
import { type RunEvents, Runs } from "./runs.ts";
import type { SentJobs } from "./sent_jobs.ts";
import type { TaskRecords } from "./task_record.ts";
import { Watchdog, type Watched } from "./watchdog.ts";
import type { WorkerState } from "./worker_states.ts";

/** What a member tells its pool. */
export interface MemberEvents {
  /** The worker is there, and loads what it is to have before it takes tasks. */
  onUp(member: Member): void;
  /** The worker takes tasks. */
  onReady(member: Member): void;
  /** The worker has loaded a module. */
  onLoaded(member: Member, module: TaskModule): void;
  /** The worker could not load a module; `failure` makes the error for the caller of a task of it. */
  onUnloadable(
    member: Member,
    module: TaskModule,
    failure: (task: AddressedTask) => Failure,
    cause: unknown,
  ): void;
  /** So many runs took so many ms each. */
  onTimed(ms: number, runs: number): void;
  /** The worker is done with this job; `outcome` is a value, or a {@linkcode Failure}. */
  onReturn(job: Job, failed: boolean, outcome: unknown): void;
  /** A job that goes on has told its caller something. */
  onProgress(job: Job, value: unknown): void;
  /** A job that streams has yielded a value. */
  onYield(job: Job, value: unknown): void;
  /** The worker waits until everything is taken back that it has not begun. */
  onShared(member: Member): void;
  /** All is done that the worker's messages say: the worker may have room for more jobs. */
  onRoom(member: Member): void;
  /** The worker is needed for a stream or port less. */
  onFree(member: Member): void;
  /** The worker's aborted task has not ended within its grace, or the worker hears nothing. */
  onOverdue(member: Member): void;
  /** The worker is dying: it takes no more tasks, but what it had sent still arrives. */
  onDying(member: Member): void;
  /** The worker has said what no worker of this package says, and is not heard any more. */
  onExpelled(member: Member, cause: Error): void;
  /** The worker is gone; `cause` is what it died of, as far as that is known. */
  onEnd(member: Member, cause: unknown): void;
}

/** The host's side of one worker: what the worker runs, and how that ends. */
export class Member implements Watched {
  /** The number of the worker in its pool. */
  readonly number: number;
  /** The state of the worker; only the roster of the pool changes this. */
  state: WorkerState = "starting";
  /** When the worker became idle, in ms of the time that idle.ts goes by. */
  idleSince = 0;
  /** Whether the worker serves somebody: from then on nobody else; and since when, in ms. */
  taken = false;
  takenAt = 0;
  /** The tenant that the worker serves; the program itself has no name. */
  tenant: string | undefined;
  /** How the worker has ended, if the worker was a process and has ended. */
  processEnd: ProcessEnd | undefined;
  /** The jobs that the worker was sent. */
  readonly jobs: SentJobs;
  /** The modules that the worker has, and the module that it loads. */
  readonly modules = new ModuleLoads(() => this.engage(false));
  readonly #events: MemberEvents;
  readonly #records: TaskRecords;
  readonly #backend: Backend;
  readonly #runs: Runs;
  readonly #outbox: Outbox;
  readonly #inbox: Inbox;
  readonly #lookahead = new Lookahead();
  readonly #watchdog: Watchdog;
  readonly #allowance = new Allowance();
  /** The streams and ports between here and the worker. */
  readonly #ends = new OpenEnds(() => this.#events.onFree(this));
  /** The modules that the worker loads before it takes tasks. */
  readonly #preload: readonly TaskModule[];
  /** What the pool is called, if its tasks have permissions of their own. */
  readonly #restricted: string | undefined;
  /** Whether the worker was told to end. */
  #isEnding = false;
  /** Whether the worker is not heard any more. */
  #isExpelled = false;
  #lastWords: Thrown | undefined;
  /** How many ms the worker may take to end. */
  #exitWait = 0;

  /**
   * Starts a worker.
   *
   * @param name What the pool is called.
   * @param records What the pool has learned of its tasks.
   */
  constructor(
    number: number,
    name: string,
    settings: PoolSettings,
    records: TaskRecords,
    events: MemberEvents,
  ) {
    this.number = number;
    this.#events = events;
    this.#records = records;
    const { isolation, permissions, preload } = settings;
    this.#preload = preload;
    this.#restricted = isolation === "inline" || permissions === "inherit" ? undefined : name;
    const backend = this.#backend = startBackend(name, settings, {
      onMessage: (message) => this.#inbox.receive(message),
      onDying: () => events.onDying(this),
      onEnd: (message, end) => this.#end(message, end),
    });
    const [allowance, ends, restricted] = [this.#allowance, this.#ends, this.#restricted];
    const runs = this.#runs = new Runs(backend.ledger, this.#runEvents);
    this.jobs = runs.jobs;
    const outbox = this.#outbox = new Outbox({
      backend,
      runs,
      ends,
      allowance,
      records,
      onRefused: (job, error) => events.onReturn(job, true, error),
    });
    const parts = { backend, runs, ends, outbox, allowance, restricted };
    this.#inbox = new Inbox(parts, this.#inboxEvents);
    this.#watchdog = new Watchdog(this, {
      onLook: () => allowance.renew(),
      onOverdue: () => events.onOverdue(this),
    });
    afterStartup(() => this.#watchdog.watch());
  }

  get #runEvents(): RunEvents {
    const events = this.#events;
    return {
      onBroken: () => this.#expel("a ledger with runs that were not sent"),
      onResult: (job, result) => events.onReturn(job, false, result),
      onEnded: (job) => this.#watchdog.ended(job),
      onTimed: (job, ms, runs) => {
        this.#records.of(job.task).running.learn(ms);
        events.onTimed(ms, runs);
      },
    };
  }

  get #inboxEvents(): InboxEvents {
    const events = this.#events;
    return {
      onThere: () => {
        if (this.#preload.length > 0) events.onUp(this);
        this.#prepare();
      },
      onLoadEnded: (url, thrown) => this.#endLoad(url, thrown),
      onReturn: (job, failed, outcome) => events.onReturn(job, failed, outcome),
      onProgress: (job, value) => events.onProgress(job, value),
      onYield: (job, value) => events.onYield(job, value),
      onShared: () => events.onShared(this),
      onRoom: () => events.onRoom(this),
      onLastWords: (thrown) => this.#lastWords = thrown,
      onOutlives: () => {
        if (this.#isEnding) warnOfNativeCode();
        return this.#isEnding;
      },
      onForeign: (message, cause) => this.#expel(message, cause),
    };
  }

  /** Whether the worker was started late enough to know the task's module, and can load it. */
  canRun(task: AddressedTask): boolean {
    return task.module < this.#backend.listed && !this.modules.hasFailed(task.module);
  }

  /** The worker serves this tenant for as long as it lives. */
  assign(tenant: string | undefined): void {
    this.taken = true;
    this.takenAt = machinery.now();
    this.tenant = tenant;
  }

  /** Whether the worker serves this tenant. */
  serves(tenant: string | undefined): boolean {
    return this.taken && this.tenant === tenant;
  }

  /** Whether the worker has the task's module. */
  hasLoaded(task: AddressedTask): boolean {
    return this.modules.has(task.module);
  }

  /** Whether the worker has begun the load that it was asked for last. */
  get hasBegunLoad(): boolean {
    return this.#backend.ledger.hasBegunLoad;
  }

  /** Whether the worker is not heard any more, as it has said what no worker says. */
  get isExpelled(): boolean {
    return this.#isExpelled;
  }

  /** Whether the worker has a task, or loads the module of one. */
  get busy(): boolean {
    return this.jobs.size > 0 || this.modules.current !== undefined;
  }

  /** Whether the worker is needed for a stream or port: then it is not to be retired. */
  get inUse(): boolean {
    return this.#ends.inUse;
  }

  /** Whether something that was accepted has not ended here: a task, or a stream. */
  get unfinished(): boolean {
    return this.jobs.size > 0 || this.modules.job !== undefined || this.#ends.unfinished;
  }

  /** Whether the pool is to replace the worker: see watchdog.ts. */
  get overdue(): boolean {
    return this.#watchdog.overdue;
  }

  /** Whether the worker is being sent something, which may run code of the caller's. */
  get sending(): boolean {
    return this.#outbox.isSending;
  }

  /** How many jobs of the worker were sent ahead and have not begun. */
  get waiting(): number {
    return this.#runs.waiting;
  }

  /** What the worker was asked for but has not begun: the number of a run, or the URL of a module. */
  get unbegun(): number | string | undefined {
    const { current } = this.modules;
    if (current !== undefined) return this.hasBegunLoad ? undefined : current.url;
    const { head, first } = this.jobs;
    return head === undefined || this.hasBegun(head) ? undefined : first;
  }

  /**
   * Whether the job may be sent now: to a worker that has nothing to do, or ahead, if the job and
   * those before it are short, so that the job is not far from beginning.
   */
  hasRoomFor(job: Job): boolean {
    const { task } = job;
    if (!this.canRun(task) || this.modules.current !== undefined) return false;
    return this.jobs.size === 0 || this.hasLoaded(task) && this.#mayFollow(job);
  }

  /** Whether a job may be sent to a worker that has jobs. */
  #mayFollow(job: Job): boolean {
    const { size, first, last } = this.jobs;
    const record = this.#records.of(job.task);
    if (
      !this.#backend.queues || !this.#outbox.canTeach ||
      // Its time begins when it is sent.
      job.options?.timeout !== undefined ||
      // A worker that does not end an aborted task is given up with all that it has.
      this.#watchdog.waitsForEnd ||
      !Lookahead.mayHaveMore(size, runsBetween(first, last), record.running.ms)
    ) return false;
    // Moved arguments cannot be taken back, nor any job from before them.
    if (job.transferables !== undefined) return Lookahead.mayMove(size);
    if (this.#outbox.lastKept !== last) return false;
    return job.plain || Lookahead.mayClone(size, record.sending.ms);
  }

  /** Whether half of the jobs are done that the worker was sent. */
  get runsLow(): boolean {
    return this.#lookahead.runsLow(this.jobs.size);
  }

  /** Whether other jobs wait for a job that was under way when this was asked last. */
  isHeldUp(): boolean {
    return this.#lookahead.isHeldUp(this.#runs.claimed, this.jobs.last);
  }

  /** Has the worker load the module of a job, which is to be sent when that is done. */
  load(job: Job): void {
    this.#load(modules[job.task.module]!, job, () => this.#watchdog.giveUp());
  }

  #load(module: TaskModule, job?: Job, onLate?: () => void): void {
    this.modules.begin(module, job, onLate);
    this.#backend.ledger.openLoad();
    this.#allowance.grant(1);
    this.#backend.post([LOAD, module.url]);
  }

  /** Loads what the pool wants loaded; when all of that is there, the worker takes tasks. */
  #prepare(): void {
    const missing = this.#preload.find(({ index }) => !this.modules.has(index));
    if (missing !== undefined) return this.#load(missing);
    this.#inbox.open();
    this.#events.onReady(this);
  }

  /**
   * The worker has loaded the module that it was asked for, or says why it cannot.
   *
   * @returns Whether the worker was asked for it.
   */
  #endLoad(url: string, thrown?: Thrown): boolean {
    const module = this.modules.current;
    if (module?.url !== url) return false;
    if (thrown !== undefined) {
      const cause = decodeThrown(thrown);
      // Many jobs may wait for the module: the cause is decoded once for all of them.
      const failure = (task: AddressedTask) =>
        new Failure(task, "load", () => cause, this.#restricted);
      this.#events.onUnloadable(this, module, failure, cause);
    } else if (this.#inbox.takesTasks) this.#events.onLoaded(this, module);
    else {
      this.modules.end("loaded");
      this.#prepare();
    }
    return true;
  }

  /** Sends a job to the worker, at the latest with the next `flush()`; the job fails if it cannot be. */
  send(job: Job): void {
    this.#outbox.send(job);
  }

  /** Sends what was gathered. */
  flush(): void {
    this.#outbox.flush();
    this.#lookahead.sent(this.jobs.size);
  }

  /** Returns the jobs whose results are in the ledger. */
  collect(): void {
    this.#runs.collect();
  }

  /** The reader of a job's stream has taken so many values. */
  pull(job: Job, count: number): void {
    this.#inbox.pull(job, count);
  }

  /** Takes back the jobs that the worker has not begun, but those whose arguments were moved there. */
  takeBack(): Job[] {
    return this.#runs.takeBack(this.#outbox.lastKept);
  }

  /** Whether the worker has begun a job that it was sent, and that was not taken back. */
  hasBegun(job: Job): boolean {
    return this.#runs.hasBegun(job);
  }

  /** Whether the run of a job has ended, and its outcome has yet to arrive. */
  hasEnded(job: Job): boolean {
    return this.#backend.ledger.hasEnded(this.jobs.runOf(job));
  }

  /** Keeps the worker from running a job whose arguments it may still read; `false` if nothing can. */
  leaveOut(job: Job): boolean {
    return this.#backend.queues && this.#runs.drop(job);
  }

  /** Drops a job that was sent ahead: it never begins; `false` if it has, or is the first. */
  drop(job: Job): boolean {
    return job !== this.jobs.head && this.#runs.drop(job);
  }

  /**
   * The caller of a job has given up. A job that was sent ahead and has not begun never will; a job
   * that runs is told, and if it does not end soon, its worker is given up.
   */
  abort(job: Job, reason: unknown): void {
    const { ledger } = this.#backend;
    const run = this.jobs.runOf(job);
    if (this.drop(job) || this.#outbox.isUnsent(run)) return;
    if (!ledger.hasEnded(run)) {
      ledger.abort(run);
      this.#backend.post([ABORT, run, encodeReason(reason)]);
    }
    this.#watchdog.aborted(job);
  }

  /** Says whether the worker has work: then it keeps the process alive, and is looked at. */
  engage(engaged: boolean): void {
    this.#backend.engage(engaged);
    if (engaged && isAfterStartup()) this.#watchdog.watch();
  }

  /** Whoever reads or writes a stream between here and the worker learns that the worker is gone. */
  failEnds(makeReason: () => unknown): void {
    if (!this.#ends.isEmpty) this.#ends.fail(makeReason());
  }

  /**
   * Ends the worker, whatever it does.
   *
   * @param loading Whether the worker loads a module that nobody waits for any more.
   */
  terminate(loading = false): void {
    this.#isEnding = true;
    this.#inbox.release();
    this.#watchdog.stop();
    // A job whose arguments were moved there and that has not begun: nobody waits for it any more.
    for (const job of this.jobs) this.drop(job);
    this.#backend.terminate(this.jobs.size > 0 || loading);
  }

  /** Ends the worker, which has no job, when what its tasks have left under way is done. */
  retire(): void {
    this.#isEnding = true;
    this.#watchdog.stop();
    this.#exitWait = this.#backend.retire();
  }

  /** Resolves when the worker has ended, or `patience` ms after it should have. */
  async ended(patience: number): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = machinery.setTimeout(late.resolve, this.#exitWait + patience);
    await Promise.race([this.#backend.gone, late.promise]);
    machinery.clearTimeout(timer);
  }

  /** Ends the hearing of a worker that was not told to end; the pool ends the worker. */
  #expel(what: string, cause?: unknown): void {
    if (this.#isExpelled || this.#isEnding) return;
    this.#isExpelled = true;
    this.#inbox.close();
    this.#runs.close();
    this.#events.onDying(this);
    const error = new Error(
      `it was ended, as it sent what no worker of this package sends: ${what}`,
      cause === undefined ? undefined : { cause },
    );
    // Later, as the pool may be at work with its workers.
    queueMicrotask(() => this.#events.onExpelled(this, error));
  }

  #end(message: string | undefined, end: ProcessEnd | undefined): void {
    this.processEnd = end;
    this.#watchdog.stop();
    this.collect();
    const words = this.#lastWords;
    this.#events.onEnd(this, words === undefined ? message : decodeThrown(words));
  }
}

/** A reason as a message has it; a reason that cannot be sent still tells that the task was aborted. */
function encodeReason(reason: unknown): Thrown {
  try {
    return encodeThrown(reason);
  } catch {
    return encodeThrown(new DOMException("The task was aborted", "AbortError"));
  }
}
