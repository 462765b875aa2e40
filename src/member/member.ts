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
import { SentJobs } from "./sent_jobs.ts";
import type { TaskRecords } from "./task_record.ts";
import { type LimitedWorker, TimeLimits } from "./time_limits.ts";
import { Watchdog, type Watched } from "./watchdog.ts";
import type { WorkerState } from "./worker_states.ts";

/** What a member tells its pool. */
export interface MemberEvents {
  /** The worker has started, and loads the modules of `preload` before taking tasks. */
  onUp(member: Member): void;
  /** The worker takes tasks. */
  onReady(member: Member): void;
  /** The worker has loaded a module. */
  onLoaded(member: Member, module: TaskModule): void;
  /** The worker could not load a module; `failure` makes the error for a task of the module. */
  onUnloadable(
    member: Member,
    module: TaskModule,
    failure: (task: AddressedTask) => Failure,
    cause: unknown,
  ): void;
  /** `runs` runs took `ms` ms each. */
  onTimed(ms: number, runs: number): void;
  /** The worker is done with a job; `outcome` is the value or, if `failed`, the error. */
  onReturn(job: Job, failed: boolean, outcome: unknown): void;
  /** A task has run for longer than its time limit. */
  onTimeOut(job: Job): void;
  /** A running task has called `progress()`. */
  onProgress(job: Job, value: unknown): void;
  /** A streaming task has yielded a value. */
  onYield(job: Job, value: unknown): void;
  /** The worker waits until all jobs that have not begun are taken back. */
  onShared(member: Member): void;
  /** A process has given back these jobs, which were held up. */
  onGivenBack(member: Member, jobs: Job[]): void;
  /** A message of the worker was handled: the worker may have room for more jobs. */
  onRoom(member: Member): void;
  /** A stream or port no longer needs the worker. */
  onFree(member: Member): void;
  /**
   * The worker must be replaced: an aborted task has outlived its grace, or no task begins any
   * more.
   */
  onOverdue(member: Member): void;
  /** The worker is dying: the worker takes no more tasks, but its earlier messages still arrive. */
  onDying(member: Member): void;
  /** The worker has broken the protocol, and is not heard any more. */
  onExpelled(member: Member, cause: Error): void;
  /** The worker is gone; `cause` is the cause of its death, if known. */
  onEnd(member: Member, cause: unknown): void;
}

/** The host's side of a worker: sends jobs, takes the answers, and notices the worker's end. */
export class Member implements Watched, LimitedWorker {
  /** The number of the worker in its pool. */
  readonly number: number;
  /** The state of the worker; only the roster of the pool changes this. */
  state: WorkerState = "starting";
  /** When the worker became idle, in ms by the clock of idle.ts. */
  idleSince = 0;
  /** Whether the worker serves a tenant or the program itself, and from then on nobody else. */
  taken = false;
  /** When the worker was taken, in ms. */
  takenAt = 0;
  /** The name of the tenant that the worker serves; the program itself has no name. */
  tenant: string | undefined;
  /** How the worker has ended, if the worker was a process and has ended. */
  processEnd: ProcessEnd | undefined;
  /** The jobs that the worker was sent. */
  readonly jobs: SentJobs;
  /** The modules that the worker has loaded, and the module being loaded. */
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
  /** The streams and ports between the host and the worker. */
  readonly #ends = new OpenEnds(() => this.#events.onFree(this));
  /** The modules that the worker loads before taking tasks. */
  readonly #preload: readonly TaskModule[];
  /** The name of the pool, if its tasks have permissions of their own. */
  readonly #restricted: string | undefined;
  /** Why a process is not heard any more, until the process has ended. */
  #expulsion: Error | undefined;
  /** The last run that a process was asked to give back, until the process answers. */
  #recalled: number | undefined;
  /** Whether the worker was told to end. */
  #isEnding = false;
  /** Whether the worker is not heard any more. */
  #isExpelled = false;
  #lastWords: Thrown | undefined;
  /** How many ms the worker may take to end, after `retire()`. */
  #exitWait = 0;

  /**
   * Starts a worker.
   *
   * @param name The name of the pool.
   * @param records The pool's records of its tasks.
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
      onGivenBack: () => this.#takeGivenBack(),
      onDying: () => events.onDying(this),
      onEnd: (message, end) => this.#end(message, end),
    });
    const [allowance, ends, restricted] = [this.#allowance, this.#ends, this.#restricted];
    const jobs = this.jobs = new SentJobs(new TimeLimits(this, (job) => events.onTimeOut(job)));
    const runs = this.#runs = new Runs(backend.ledger, this.#runEvents, jobs);
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
      onSaid: (job, kind, value) => this.#inbox.takeSaid(job, kind, value),
      onAsked: () => this.#allowance.add(1),
      onEnded: (job) => this.#watchdog.ended(job),
      // A job of a process whose caller gave up while other jobs were before the job.
      onNextSettled: (job) => {
        if (!this.#backend.queues) this.#watchdog.aborted(job);
      },
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

  /**
   * Whether the worker knows the task's module, and has not failed to load the module. A worker
   * knows the modules that the program had named before the worker's start.
   */
  canRun(task: AddressedTask): boolean {
    return task.module < this.#backend.listed && !this.modules.hasFailed(task.module);
  }

  /** The worker serves this tenant, and nobody else, from now on. */
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

  /** Whether the worker has begun the latest load. */
  get hasBegunLoad(): boolean {
    return this.#backend.ledger.hasBegunLoad;
  }

  /** Whether the worker has broken the protocol, and is not heard any more. */
  get isExpelled(): boolean {
    return this.#isExpelled;
  }

  /** Whether the worker has a task, or loads a module. */
  get busy(): boolean {
    return this.jobs.size > 0 || this.modules.current !== undefined;
  }

  /** Whether a stream or port needs the worker: such a worker must not be retired. */
  get inUse(): boolean {
    return this.#ends.inUse;
  }

  /**
   * Whether an accepted task or a stream has not ended in the worker: a shutdown waits for both.
   */
  get unfinished(): boolean {
    return this.jobs.size > 0 || this.modules.job !== undefined || this.#ends.unfinished;
  }

  /** Whether the pool is to replace the worker: see watchdog.ts. */
  get overdue(): boolean {
    return this.#watchdog.overdue;
  }

  /** Whether a message is being posted to the worker: the clone may run getters of the caller. */
  get sending(): boolean {
    return this.#outbox.isSending;
  }

  /** When the latest limited run began, as the worker says. */
  get beganAt(): number {
    return this.#backend.ledger.beganAt;
  }

  /**
   * Whether jobs were sent ahead to a process, which may have begun some: what becomes of the jobs is
   * known when the process has ended.
   */
  get mustEndFirst(): boolean {
    return !this.#backend.knowsBegun && this.waiting > 0;
  }

  /** How many jobs of the worker were sent ahead and have not begun. */
  get waiting(): number {
    return this.#runs.waiting;
  }

  /** The next run or load, if the worker has not begun: the run's number, or the module's URL. */
  get unbegun(): number | string | undefined {
    const { current } = this.modules;
    if (current !== undefined) return this.hasBegunLoad ? undefined : current.url;
    const { head, first } = this.jobs;
    return head === undefined || this.hasBegun(head) ? undefined : first;
  }

  /**
   * Whether the job may be sent now. A worker without jobs has room. A worker with jobs has room if
   * all of these jobs and the new job are short, so that the new job begins soon.
   */
  hasRoomFor(job: Job): boolean {
    const { task } = job;
    if (!this.canRun(task) || this.modules.current !== undefined) return false;
    return this.jobs.size === 0 || this.hasLoaded(task) && this.#mayFollow(job);
  }

  /** Whether a job may be sent ahead, to a worker with jobs. */
  #mayFollow(job: Job): boolean {
    const { size, first, last } = this.jobs;
    const record = this.#records.of(job.task);
    if (
      !this.#backend.looksAhead || !this.#outbox.canTeach ||
      // What comes after runs that were asked back might be given back, too.
      this.#recalled !== undefined ||
      // The objects of two jobs would need a look before the first begins: see aliasing.ts.
      !this.#backend.queues && !job.plain ||
      job.timeout !== undefined && !TimeLimits.mayFollow ||
      // A worker that does not end an aborted task is given up, with all its jobs.
      this.#watchdog.waitsForEnd ||
      !Lookahead.mayHaveMore(size, runsBetween(first, last), record.running.ms)
    ) return false;
    // A job with moved arguments cannot be taken back, and neither can a job behind.
    if (job.transferables !== undefined) return Lookahead.mayMove(size);
    if (this.#outbox.lastKept !== last) return false;
    return job.plain || Lookahead.mayClone(size, record.sending.ms);
  }

  /** Whether at least half of the jobs that the worker had after the last sending are done. */
  get runsLow(): boolean {
    return this.#lookahead.runsLow(this.jobs.size);
  }

  /** Whether jobs wait behind a job that was already under way at the last call. */
  isHeldUp(): boolean {
    return this.#lookahead.isHeldUp(this.#runs.readClaim(), this.jobs.last);
  }

  /** Has the worker load the module of a job. The pool sends the job after the load. */
  load(job: Job): void {
    this.#load(modules[job.task.module]!, job, () => this.#watchdog.giveUp());
  }

  #load(module: TaskModule, job?: Job, onLate?: () => void): void {
    this.modules.begin(module, job, onLate);
    this.#backend.ledger.openLoad();
    this.#allowance.grant(1);
    this.#backend.post([LOAD, module.url]);
  }

  /** Loads the next module of `preload`; after the last module, the worker takes tasks. */
  #prepare(): void {
    const missing = this.#preload.find(({ index }) => !this.modules.has(index));
    if (missing !== undefined) return this.#load(missing);
    this.#inbox.open();
    this.#events.onReady(this);
  }

  /**
   * The worker has loaded a module, or `thrown` says why not.
   *
   * @returns `false` if the worker was not asked for this module.
   */
  #endLoad(url: string, thrown?: Thrown): boolean {
    const module = this.modules.current;
    if (module?.url !== url) return false;
    if (thrown !== undefined) {
      const cause = decodeThrown(thrown);
      // Many jobs may wait for the module: the cause is decoded once for all jobs.
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

  /** Sends a job, at the latest with the next `flush()`. A job that cannot be sent fails. */
  send(job: Job): void {
    this.#outbox.send(job);
  }

  /** Sends the gathered jobs. */
  flush(): void {
    this.#outbox.flush();
    this.#lookahead.sent(this.jobs.size);
  }

  /** Returns the jobs whose results are in the ledger. */
  collect(): void {
    this.#runs.collect();
  }

  /** The reader of a job's stream has room for so many more values, so many of these in messages. */
  pull(job: Job, count: number, messages: number): void {
    this.#inbox.pull(job, count, messages);
  }

  /**
   * Takes back the jobs that have not begun, except jobs whose arguments have moved to the worker.
   */
  takeBack(): Job[] {
    return this.#runs.takeBack(this.#outbox.lastKept);
  }

  /**
   * Asks a process for the jobs that have not begun: the pool is told of the jobs. `false` if the worker
   * need not be asked, as its jobs can be taken back.
   */
  askBack(): boolean {
    if (this.#recalled !== undefined) return true;
    const { last } = this.jobs;
    if (!this.#backend.askBack(last)) return false;
    this.#recalled = last;
    return true;
  }

  /** A process has given back what {@linkcode askBack} asked for. */
  #takeGivenBack(): void {
    const last = this.#recalled;
    this.#recalled = undefined;
    if (last === undefined || this.#isExpelled) return;
    this.#events.onGivenBack(this, this.#runs.takeBack(last));
  }

  /** Whether the worker has begun a job. The job was sent, and was not taken back. */
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

  /**
   * Drops a job that was sent ahead, so that the job never begins; `false` if the job has begun, or
   * is the first.
   */
  drop(job: Job): boolean {
    return job !== this.jobs.head && this.#runs.drop(job);
  }

  /**
   * The caller of a job has given up. A job that was sent ahead is dropped, unless the job has
   * begun. A running task is told. If the task does not end soon, the pool replaces the worker.
   */
  abort(job: Job, reason: unknown): void {
    const { ledger } = this.#backend;
    const run = this.jobs.runOf(job);
    if (this.drop(job) || this.#outbox.isUnsent(run)) return;
    if (!ledger.hasEnded(run)) {
      ledger.abort(run);
      this.#backend.post([ABORT, run, encodeReason(reason)]);
    }
    // A process passes over a later job when its turn comes.
    if (this.#backend.queues || job === this.jobs.head) this.#watchdog.aborted(job);
  }

  /**
   * Says whether the worker has work. A worker with work keeps the program alive, and is watched.
   */
  engage(engaged: boolean): void {
    this.#backend.engage(engaged);
    if (engaged && isAfterStartup()) this.#watchdog.watch();
  }

  /** Fails the streams between the host and the worker, as the worker is gone. */
  failEnds(makeReason: () => unknown): void {
    if (!this.#ends.isEmpty) this.#ends.fail(makeReason());
  }

  /**
   * Ends the worker, whatever it does.
   *
   * @param loading Whether the worker loads a module. Nobody waits for the load any more.
   */
  terminate(loading = false): void {
    this.#isEnding = true;
    this.#inbox.release();
    this.#watchdog.stop();
    // A job with moved arguments was not taken back; if the job has not begun, nobody waits for it.
    for (const job of this.jobs) this.drop(job);
    this.#backend.terminate(this.jobs.size > 0 || loading);
  }

  /** Ends a worker without jobs, after the work that earlier tasks have left under way. */
  retire(): void {
    this.#isEnding = true;
    this.#watchdog.stop();
    this.#exitWait = this.#backend.retire();
  }

  /** Resolves when the worker has ended, and its last output was passed on. */
  get gone(): Promise<void> {
    return this.#backend.gone;
  }

  /** Resolves when the worker is gone, or `patience` ms after the time that `retire()` allows. */
  async ended(patience: number): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = machinery.setTimeout(late.resolve, this.#exitWait + patience);
    await Promise.race([this.gone, late.promise]);
    machinery.clearTimeout(timer);
  }

  /**
   * Stops hearing a worker that has broken the protocol; the pool then ends the worker. A worker
   * that was told to end is ending anyway.
   */
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
    if (this.#backend.knowsBegun) {
      // Later, as the pool may be in a loop over its workers.
      queueMicrotask(() => this.#events.onExpelled(this, error));
    } else {
      this.#expulsion = error;
      this.#backend.terminate(true);
    }
  }

  #end(message: string | undefined, end: ProcessEnd | undefined): void {
    this.processEnd = end;
    this.#watchdog.stop();
    this.#runs.hear();
    if (this.#expulsion !== undefined) this.#events.onExpelled(this, this.#expulsion);
    const words = this.#lastWords;
    this.#events.onEnd(this, words === undefined ? message : decodeThrown(words));
  }
}

/**
 * The reason of an abort, for a message. An `AbortError` stands for a reason that cannot be sent.
 */
function encodeReason(reason: unknown): Thrown {
  try {
    return encodeThrown(reason);
  } catch {
    return encodeThrown(new DOMException("The task was aborted", "AbortError"));
  }
}
