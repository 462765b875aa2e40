import { type QueueFullError, ShutdownError, WorkerStartError } from "../api/errors.ts";
import type { ExecutorEventType } from "../api/events.ts";
import type { PoolStats } from "../api/pool_stats.ts";
import { assertIsolation } from "../backend/isolation.ts";
import type { Job } from "../member/job.ts";
import { Member, type MemberEvents } from "../member/member.ts";
import { discard } from "../member/open_ends.ts";
import { TaskRecords } from "../member/task_record.ts";
import { afterStartup } from "../runtime/after_startup.ts";
import { currentContext, runIn, runInNone } from "../runtime/async_context.ts";
import { isThenable } from "../runtime/promises.ts";
import type { PoolSettings } from "../settings/settings.ts";
import type { AddressedTask } from "../tasks/task.ts";
import { TimedOut } from "../tasks/failure.ts";
import { observe, traceTask, unobserve } from "../telemetry/telemetry.ts";
import { Cancellation } from "./cancellation.ts";
import { Dispatcher } from "./dispatcher.ts";
import { Growth } from "./growth.ts";
import { Loading } from "./loading.ts";
import { QueueBounds } from "./queue_bounds.ts";
import { Recovery } from "./recovery.ts";
import { preloadFailed, workersStuck } from "./refusals.ts";
import { Roster } from "./roster.ts";
import { Starts } from "./starts.ts";
import { Tally } from "./tally.ts";
import { type Tenant, Tenants } from "./tenants.ts";
import { Turns } from "./turns.ts";

/**
 * Results are collected once per this many waiting tasks, so that a loop that only submits tasks
 * does not starve the workers.
 */
const BURST_TASKS = 256;
/**
 * How long, in ms, a shutdown waits for a worker to be gone. An idle worker takes 2 ms, and some
 * 100 ms on a slow and busy machine. A stuck worker may never be gone.
 */
const EXIT_WAIT_MS = 1_000, STUCK_EXIT_WAIT_MS = 100;

/** Calls are worth submitting ahead for at most this many ms of each worker's running time. */
const SUBMITTED_AHEAD_MS = 2;

/** Reports an event of a pool; see events.ts. */
export type Report = (type: ExecutorEventType, worker: number, cause?: unknown) => void;

/**
 * Workers that start and end with the amount of work, and the tasks that wait for workers.
 *
 * A pool works in the empty async context, as workers and timers stay in the context that started
 * them: the public methods that may start a worker or timer enter the empty context. Callbacks of a
 * call run in the context of the caller, which is kept with the job.
 */
export class Pool {
  readonly name: string;
  readonly #settings: PoolSettings;
  readonly #report: Report;
  /** The tenants whose tasks are kept apart, each with the jobs that wait. */
  readonly #tenants = new Tenants((tenant, jobs) => {
    tenant.queue.unshift(jobs);
    this.#dispatcher.dispatch();
  });
  readonly #turns: Turns;
  readonly #roster: Roster;
  readonly #starts: Starts;
  readonly #growth: Growth;
  readonly #loading: Loading;
  readonly #recovery: Recovery;
  readonly #bounds: QueueBounds;
  readonly #cancellation: Cancellation;
  readonly #tally = new Tally();
  readonly #records = new TaskRecords();
  /** The workers that have died, and whose last output may still be passed on. */
  readonly #dead = new Set<Member>();
  /** Between `open()` and `terminate()`: workers may be started. */
  #isOpen = false;
  readonly #dispatcher: Dispatcher;
  /** Resolves when nothing waits and nothing runs; made when somebody waits for the end. */
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(name: string, settings: PoolSettings, report: Report) {
    this.name = name;
    this.#settings = settings;
    this.#report = report;
    const [tally, tenants] = [this.#tally, this.#tenants];
    const turns = this.#turns = new Turns(tenants, settings);
    const roster = this.#roster = new Roster(settings, tenants, (member) => this.#retire(member));
    const starts = this.#starts = new Starts(name, {
      make: (number) => this.#make(number),
      onFailed: (number, error) => report("workererror", number, error),
      onLate: (member) => this.#end(member),
    });
    const growth = this.#growth = new Growth(
      { roster, spare: settings.spare, starts, tally, tenants, turns },
      {
        retire: (member) => this.#retire(member),
        dispatch: () => this.#dispatcher.dispatch(),
        onFull: () => this.#refuseIfAllStuck(),
        onUnstartable: (error) => this.#failUnstartable(error),
        onStartEnded: () => this.#settleDrained(),
      },
    );
    const loading = this.#loading = new Loading(tenants, roster, tally);
    const recovery = this.#recovery = new Recovery(name, tenants, loading, tally);
    this.#bounds = new QueueBounds(name, settings, tenants, roster, {
      spread: () => this.#dispatcher.spread(),
      onFull: () => report("queuefull", 0),
    });
    this.#cancellation = new Cancellation(tenants, roster, tally, () => this.#settleDrained());
    const takesBack = settings.isolation !== "process";
    const records = this.#records;
    this.#dispatcher = new Dispatcher(
      { growth, loading, records, recovery, roster, starts, takesBack, tally, tenants, turns },
      {
        retire: (member) => this.#retire(member),
        onLost: (member) => this.#drop(member),
        onContinued: () => this.#settleDrained(),
        isDraining: () => this.#drained !== undefined,
      },
    );
  }

  /** Whether tasks run in this thread. */
  get isInline(): boolean {
    return this.#settings.isolation === "inline";
  }

  /** How many workers the pool may have. */
  get maxWorkers(): number {
    return this.#settings.maxWorkers;
  }

  /** Counts of this moment. */
  stats(): PoolStats {
    const roster = this.#roster;
    return {
      workers: roster.size,
      idle: roster.count("idle"),
      busy: roster.count("busy") + roster.count("dying"),
      stuck: roster.count("stuck"),
      queued: this.#bounds.waiting,
      ...this.#tally.counts(),
    };
  }

  // The life of the pool.

  /**
   * Starts the first workers: `minWorkers` and the spare workers. Where a start depends on the
   * settings of the application, at least a single worker is started, so that a mistake shows now.
   *
   * @throws {WorkerStartError} If a worker cannot be started.
   * @throws {ShutdownError} If the pool was terminated meanwhile.
   */
  open(): Promise<void> {
    return runInNone(() => this.#startUp());
  }

  async #startUp(): Promise<void> {
    const { isolation, minWorkers, permissions, permissionsGiven, preload, spare } = this.#settings;
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#growth.open();
    observe(this);
    await assertIsolation(this.#settings);
    if (!this.#isOpen) throw new ShutdownError("The executor was shut down while it started");
    if (isolation === "inline" && permissionsGiven && permissions !== "inherit") {
      throw new WorkerStartError(
        `Cannot run ${this.name} tasks inline: permissions ${Deno.inspect(permissions)} were ` +
          "asked for, and a task in this thread has all of the program's",
      );
    }
    const sure = isolation !== "process" && permissions === "inherit" && preload.length === 0;
    const wanted = Math.max(minWorkers + spare, sure ? 0 : 1);
    const missing = Math.max(0, wanted - this.#roster.size);
    await Promise.all(Array.from({ length: missing }, () => this.#starts.begin().ready));
  }

  #make(number: number): Member {
    const [settings, records] = [this.#settings, this.#records];
    const member = new Member(number, this.name, settings, records, this.#events);
    this.#roster.add(member);
    afterStartup(() => this.#roster.idle.watch());
    this.#growth.made();
    return member;
  }

  /** Resolves when nothing waits and nothing runs. */
  drained(): Promise<void> {
    this.#drained ??= Promise.withResolvers();
    const { promise } = this.#drained;
    // Unfinished work keeps the process alive, a stream of an idle worker, too.
    for (const member of this.#roster) if (member.unfinished) member.engage(true);
    this.#settleDrained();
    return promise;
  }

  #settleDrained(): void {
    if (this.#drained === undefined || this.#tenants.waiting > 0) return;
    if (this.#roster.some(({ unfinished }) => unfinished)) return;
    this.#drained.resolve();
    this.#drained = undefined;
  }

  /**
   * Ends everything now: tasks that wait or run reject with `ShutdownError`.
   *
   * @param patient Whether idle workers may first finish the work that their tasks have left under
   * way.
   */
  terminate(patient = false): void {
    runInNone(() => this.#terminate(patient));
  }

  #terminate(patient: boolean): void {
    this.#isOpen = false;
    unobserve(this);
    this.#starts.giveUp();
    this.#growth.close();
    this.#roster.idle.stop();
    this.#dispatcher.stop();
    this.#cancellation.cancelQueued(() =>
      new ShutdownError("The executor was terminated before the task began")
    );
    if (!patient) { for (const member of this.#roster.leaving) member.terminate(); }
    for (const member of [...this.#roster]) {
      member.collect();
      if (!this.#starts.has(member)) this.#report("workerretire", member.number);
      this.#drop(member);
      member.failEnds(() =>
        new ShutdownError("The executor was terminated while the stream was open")
      );
      this.#end(member, patient);
    }
    for (const { failedModules } of this.#tenants) failedModules.clear();
    this.#settleDrained();
  }

  /** Settles the jobs of a worker, as the pool was terminated. */
  #drop({ jobs, modules }: Member): void {
    for (const job of modules.job === undefined ? jobs : [modules.job]) {
      if (job.settled) continue;
      this.#cancellation.refuse(
        job,
        new ShutdownError("The executor was terminated while the task ran"),
      );
    }
  }

  /**
   * Resolves when the terminated workers are gone, stuck workers aside, and when the last output of
   * dead processes was passed on.
   */
  async gone(): Promise<void> {
    await Promise.all(Array.from([...this.#roster.leaving, ...this.#dead], (member) => {
      return member.ended(member.state === "stuck" ? STUCK_EXIT_WAIT_MS : EXIT_WAIT_MS);
    }));
  }

  // A job comes, or its caller gives up.

  /** Takes a job. The job runs in its turn, and its promise settles whatever happens. */
  enqueue(job: Job): void {
    const trace = traceTask(this.name, job.task);
    if (trace !== undefined) job.details.trace = trace;
    const context = currentContext();
    if (context === undefined) return this.#take(job);
    // The context is kept only where a function of the caller will be called.
    if (this.isInline || job.options?.onProgress !== undefined) {
      job.details.context = context;
    }
    runIn(undefined, () => this.#take(job));
  }

  #take(job: Job): void {
    const signal = job.options?.signal;
    // Before anything may settle the job, which then stops listening.
    if (signal !== undefined) this.#cancellation.listen(job, signal);
    if (signal?.aborted) return this.#cancellation.refuse(job, signal.reason);
    const tenant = this.#tenants.of(job.tenant);
    const refusal = this.#bounds.refusal(tenant);
    if (refusal !== undefined) return this.#refuse(job, tenant, refusal);
    const { queue } = tenant;
    queue.push(job);
    if (this.#turns.isShared && this.#turns.isBarred(tenant)) return this.#refuseAsStuck(tenant);
    this.#dispatcher.added(tenant, job);
    if (job.place !== queue) {
      if (job.waits === undefined) this.#tally.didNotWait();
      return;
    }
    this.#tally.waits(job, queue.size);
    if (queue.size % BURST_TASKS === 0) this.#dispatcher.keepUp();
  }

  #refuse(job: Job, tenant: Tenant, error: QueueFullError): void {
    this.#tally.failed++;
    job.reject(error);
    this.#tenants.forget(tenant);
  }

  /** Settles a job now, for this reason: the job never runs, or its worker is told. */
  cancel(job: Job, reason: unknown): void {
    this.#cancellation.cancel(job, reason);
  }

  /** Takes back a job for this reason, unless the job has begun. */
  withdraw(job: Job, reason: unknown): void {
    this.#cancellation.withdraw(job, reason);
  }

  /** Settles all jobs that have not begun, each with a reason that `make` makes. */
  cancelQueued(make: () => unknown): void {
    this.#cancellation.cancelQueued(make);
  }

  /** The reader of a job's stream has room for so many more values, so many of these in messages. */
  pull(job: Job, count: number, messages: number): void {
    this.#roster.memberWith(job)?.pull(job, count, messages);
  }

  /**
   * How many calls of a task are worth submitting before their results are needed: as many as take
   * little time.
   */
  worthSubmittingAhead(task: AddressedTask, tenant: string | undefined): number {
    if (this.isInline) return 0;
    const { running, sending } = this.#records.of(task);
    const workers = this.#turns.matter
      ? this.#tenants.find(tenant)?.workers ?? 0
      : this.#roster.size;
    const most = workers * SUBMITTED_AHEAD_MS / running.ms;
    return sending.ms === Infinity ? most : Math.min(most, SUBMITTED_AHEAD_MS / sending.ms);
  }

  /** How many jobs of a tenant may be submitted without need, so that most of the queue stays free. */
  roomFor(tenant: string | undefined): number {
    return this.#bounds.roomFor(this.#tenants.find(tenant));
  }

  // A job returns.

  /** The only place where a task returns. */
  #return(job: Job, failed: boolean, outcome: unknown): void {
    if (job.settled) return;
    if (this.#tenants.several) this.#tenants.taskEnded(job);
    if (failed) {
      this.#tally.failed++;
      job.reject(outcome);
    } else if (job.heard === undefined) this.#complete(job, outcome);
    else job.heard.then(() => this.#complete(job, outcome));
  }

  #complete(job: Job, outcome: unknown): void {
    if (job.settled) return;
    this.#tally.completed++;
    job.resolve(outcome);
  }

  /** Calls `onProgress` of a job; an error of `onProgress` fails the job. */
  #tell(job: Job, value: unknown): void {
    const onProgress = job.options?.onProgress;
    if (onProgress === undefined) return discard(value);
    try {
      const told = runIn(job.context, () => onProgress(value));
      if (!isThenable(told)) return;
      const heard = Promise.resolve(told).then(undefined, (error) => this.cancel(job, error));
      // Without the array of results, which would hold all earlier arrays: a task may tell a
      // million times.
      job.details.heard = Promise.all([job.heard, heard]).then(() => {});
    } catch (error) {
      this.cancel(job, error);
    }
  }

  // The events of workers.

  readonly #events: MemberEvents = {
    onUp: (member) => this.#starts.up(member),
    onReady: (member) => {
      this.#starts.ready(member);
      this.#report("workerstart", member.number);
      if (this.#roster.note(member, "ready")) this.#dispatcher.becameIdle(member);
    },
    onLoaded: (member, { index }) => {
      this.#loading.loaded(member, index);
      this.#dispatcher.continue(member);
    },
    onUnloadable: (member, module, failure, cause) => {
      const job = this.#loading.end(member, "failed");
      const preload = () => preloadFailed(this.name, this.#settings, module.url, cause);
      if (this.#starts.has(member) && this.#starts.died(member, preload())) {
        return this.#end(member);
      }
      if (job !== undefined) this.#return(job, true, failure(job.task));
      const tenant = this.#tenants.of(member.tenant);
      this.#recovery.failLoad(tenant, module.index, ({ task }) => failure(task));
      this.#dispatcher.continue(member);
    },
    onTimed: (ms, runs) => this.#tally.ran(ms, runs),
    onReturn: (job, failed, outcome) => this.#return(job, failed, outcome),
    onTimeOut: (job) => this.cancel(job, new TimedOut(job.task, job.timeout!)),
    onProgress: (job, value) => this.#tell(job, value),
    onYield: (job, value) => job.details.onValue!(value),
    onShared: (member) => this.#recovery.requeue(member),
    onGivenBack: (member, jobs) => {
      this.#recovery.requeue(member, jobs);
      // To other workers, if the member's run goes on.
      if (member.busy) this.#dispatcher.dispatch();
      else this.#dispatcher.continue(member);
    },
    onRoom: (member) => this.#dispatcher.continue(member),
    // Called in the async context of a caller who cancels a stream.
    onFree: (member) => runInNone(() => this.#free(member)),
    onOverdue: () => {
      this.#giveUpOverdue();
      this.#growth.growBack();
      this.#dispatcher.dispatch();
      this.#settleDrained();
    },
    onDying: (member) => this.#roster.note(member, "die"),
    onExpelled: (member, cause) => runInNone(() => this.#expel(member, cause)),
    onEnd: (member, cause) => this.#lose(member, cause),
  };

  /** A stream or port no longer needs a worker. */
  #free(member: Member): void {
    if (member.state === "idle") this.#roster.idle.renew(member);
    // A job may wait for an outdated worker to be replaced.
    this.#dispatcher.dispatch();
    this.#settleDrained();
  }

  /** A worker has broken the protocol: the worker is ended, and counts as crashed. */
  #expel(member: Member, cause: Error): void {
    if (!this.#roster.has(member)) return;
    if (this.#starts.died(member, cause)) this.#loading.end(member, "gone");
    else this.#reportCrash(member, cause);
    this.#end(member, false, cause);
    this.#growth.growBack();
    this.#dispatcher.dispatch();
    this.#settleDrained();
  }

  #reportCrash(member: Member, cause: unknown): void {
    this.#tally.crashed++;
    this.#report("workercrash", member.number, cause);
  }

  // A worker ends.

  /** A worker is gone: told to end, back from a stuck task, dead, or dead before it was ready. */
  #lose(member: Member, cause: unknown): void {
    const { state } = member;
    const wasInPool = this.#roster.has(member);
    this.#dead.add(member);
    member.gone.then(() => this.#dead.delete(member));
    // A worker that was told to end had nothing left; the tenant may be forgotten by now.
    if (!this.#roster.note(member, "lose") || state === "ending") return;
    const tenant = this.#tenants.of(member.tenant);
    if (!wasInPool) {
      // The crash of an expelled worker was reported before.
      if (!member.isExpelled) this.#report("workerback", member.number);
      this.#growth.growBack();
    } else if (!this.#starts.died(member, cause)) {
      this.#recovery.failEnds(member, cause);
      this.#reportCrash(member, cause);
      this.#growth.growBack();
      this.#recovery.recover(member, cause);
    }
    this.#tenants.forget(tenant);
    this.#dispatcher.dispatch();
    this.#settleDrained();
  }

  /** Takes a worker out of the pool and ends it. */
  #end(
    member: Member,
    patient = false,
    cause: unknown = "it was given up, as it did not respond",
  ): void {
    const { state } = member;
    const isLoading = member.modules.current !== undefined;
    const isStuck = member.busy && !this.#starts.has(member);
    const tenant = this.#tenants.of(member.tenant);
    this.#roster.note(member, isStuck ? "giveUp" : "end");
    this.#starts.ended(member);
    if (isStuck) {
      this.#recovery.recover(member, cause);
      if (this.#turns.isBarred(tenant)) this.#refuseAsStuck(tenant);
    }
    this.#tenants.forget(tenant);
    this.#recovery.failEnds(member, cause);
    if (patient && state === "idle") member.retire();
    else member.terminate(isLoading);
  }

  #retire(member: Member): void {
    this.#report("workerretire", member.number);
    this.#end(member, true, "it was idle, and nothing in it used the stream");
  }

  /** Gives up the workers that must be replaced. */
  #giveUpOverdue(): void {
    for (const member of this.#roster) {
      if (!member.overdue) continue;
      if (member.mustEndFirst) {
        member.terminate();
        continue;
      }
      this.#report("workerstuck", member.number);
      this.#end(member);
    }
  }

  // Jobs that no worker will run.

  /**
   * A worker did not start: the jobs that no other worker can run fail. Later jobs have another
   * try.
   */
  #failUnstartable({ message, cause }: WorkerStartError): void {
    const isLost = ({ task, tenant }: Job) =>
      !this.#roster.some((member) =>
        (!member.taken || member.serves(tenant)) && member.canRun(task)
      );
    for (const tenant of [...this.#tenants.queued()]) {
      this.#recovery.failQueued(tenant, () => new WorkerStartError(message, { cause }), isLost);
    }
  }

  /** With no worker left, and none to be started, the waiting jobs would wait for ever. */
  #refuseIfAllStuck(): void {
    // This check runs for each new job: most of the time it must cost nothing.
    if (this.#roster.size > 0) return;
    for (const tenant of [...this.#tenants]) this.#refuseAsStuck(tenant);
  }

  /** Rejects the waiting jobs of a tenant, as the workers that could run them are stuck. */
  #refuseAsStuck(tenant: Tenant): void {
    const whose = this.#turns.isBarred(tenant) ? tenant : undefined;
    const stuck = whose?.stuck ?? this.#roster.count("stuck");
    this.#recovery.failQueued(tenant, () => workersStuck(this.name, stuck, whose));
  }
}
