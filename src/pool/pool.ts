import { ShutdownError, WorkerStartError } from "../api/errors.ts";
import type { ExecutorEventType } from "../api/events.ts";
import type { PoolStats } from "../api/pool_stats.ts";
import { assertIsolation } from "../backend/isolation.ts";
import type { Job } from "../member/job.ts";
import { Member, type MemberEvents } from "../member/member.ts";
import { discard } from "../member/open_ends.ts";
import { SentJobs } from "../member/sent_jobs.ts";
import { TaskRecords } from "../member/task_record.ts";
import { onAbort } from "../runtime/abort_listeners.ts";
import { afterStartup } from "../runtime/after_startup.ts";
import { currentContext, runIn, runInNone } from "../runtime/async_context.ts";
import * as machinery from "../runtime/real_timers.ts";
import { isThenable } from "../runtime/thenable.ts";
import type { PoolSettings } from "../settings/settings.ts";
import { TimedOut } from "../tasks/rejected.ts";
import { observe, traceTask, unobserve } from "../telemetry/telemetry.ts";
import { Growth, nextForFresh } from "./growth.ts";
import { Loading } from "./loading.ts";
import { Recovery } from "./recovery.ts";
import { preloadFailed, queueFull, workersStuck } from "./refusals.ts";
import { Roster } from "./roster.ts";
import { Starts } from "./starts.ts";
import { Tally } from "./tally.ts";
import { type Tenant, Tenants } from "./tenants.ts";
import { TimeLimits } from "./time_limit.ts";
import { Turns } from "./turns.ts";

/** How often, in ms, workers that were sent tasks ahead are looked at. */
const LOOKAHEAD_CHECK_MS = 5;
/**
 * Results are collected once per this many tasks that wait, so that a loop that only submits tasks
 * does not starve the workers.
 */
const BURST_TASKS = 256;
/**
 * How long, in ms, a shutdown waits for a worker to be gone. An idle worker takes two, and some
 * hundred on a slow machine that is busy; a stuck worker may never be gone.
 */
const EXIT_WAIT_MS = 1_000, STUCK_EXIT_WAIT_MS = 100;

/** Tells of something that has happened in a pool; see events.ts. */
export type Report = (type: ExecutorEventType, worker: number, cause?: unknown) => void;

/**
 * Workers that start and end with the work there is, and the tasks that wait for them.
 *
 * A pool works in the empty async context: the public methods that may set up anything enter that
 * context, and workers and timers stay in the context that started them. What belongs to one call
 * runs in the context of the caller, which is kept with the job.
 */
export class Pool {
  readonly name: string;
  readonly #settings: PoolSettings;
  readonly #report: Report;
  /** The tenants whose tasks are kept apart, each with the jobs that wait. */
  readonly #tenants = new Tenants((tenant, jobs) => {
    tenant.queue.unshift(jobs);
    this.#dispatch();
  });
  readonly #turns: Turns;
  readonly #roster: Roster;
  readonly #starts: Starts;
  readonly #growth: Growth;
  readonly #loading: Loading;
  readonly #recovery: Recovery;
  readonly #limits: TimeLimits;
  readonly #tally = new Tally();
  readonly #records = new TaskRecords();
  /** Whether only so many tasks may wait. */
  readonly #isBounded: boolean;
  /** Whether the latest task was refused, as too many wait in the pool. */
  #isFull = false;
  /** Between `open()` and `terminate()`: workers may be started. */
  #isOpen = false;
  #lookTimer: machinery.Timer | undefined;
  /** Resolves when nothing waits and nothing runs, if somebody waits for that. */
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(name: string, settings: PoolSettings, report: Report) {
    this.name = name;
    this.#settings = settings;
    this.#report = report;
    this.#isBounded = Math.min(settings.maxQueue, settings.maxQueuePerTenant) < Infinity;
    const [tally, tenants] = [this.#tally, this.#tenants];
    const turns = this.#turns = new Turns(tenants, settings);
    const roster = this.#roster = new Roster(settings, tenants, (member) => this.#retire(member));
    const starts = this.#starts = new Starts(name, {
      make: (number) => this.#make(number),
      onFailed: (number, error) => report("workererror", number, error),
      onLate: (member) => this.#end(member),
    });
    this.#growth = new Growth({ roster, spare: settings.spare, starts, tally, tenants, turns }, {
      retire: (member) => this.#retire(member),
      dispatch: () => this.#dispatch(),
      onFull: () => this.#refuseIfAllStuck(),
      onUnstartable: (error) => this.#failUnstartable(error),
      onStartEnded: () => this.#settleDrained(),
    });
    this.#loading = new Loading(tenants, roster, tally);
    this.#recovery = new Recovery(name, tenants, this.#loading, tally);
    this.#limits = new TimeLimits(
      (job) => roster.memberWith(job)?.hasBegun(job) !== false,
      (job, timeout) => this.cancel(job, new TimedOut(job.task, timeout)),
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
      queued: this.#waiting,
      ...this.#tally.counts(),
    };
  }

  // The life of the pool.

  /**
   * Starts the workers that are there from the start: `minWorkers`, and one at least where
   * starting it needs a setting of the application, so that its lack shows now.
   *
   * @throws {WorkerStartError} If one cannot be started.
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
    // What is waited for keeps the process alive, a stream of an idle worker, too.
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
   * Ends everything now: what waits or runs rejects with `ShutdownError`.
   *
   * @param patient Whether idle workers may first do what their tasks have left under way.
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
    if (this.#lookTimer !== undefined) machinery.clearTimeout(this.#lookTimer);
    this.#lookTimer = undefined;
    this.cancelQueued(() => new ShutdownError("The executor was terminated before the task began"));
    if (!patient) { for (const member of this.#roster.leaving) member.terminate(); }
    for (const member of [...this.#roster]) {
      member.collect();
      if (member.state !== "starting") this.#report("workerretire", member.number);
      this.#drop(member);
      member.failEnds(() =>
        new ShutdownError("The executor was terminated while the stream was open")
      );
      this.#end(member, patient);
    }
    for (const { failedModules } of this.#tenants) failedModules.clear();
    this.#settleDrained();
  }

  /** Settles the jobs that a worker has, as the pool was terminated. */
  #drop({ jobs, modules }: Member): void {
    for (const job of modules.job === undefined ? jobs : [modules.job]) {
      if (job.settled) continue;
      this.#refuse(job, new ShutdownError("The executor was terminated while the task ran"));
    }
  }

  /** Resolves when the terminated workers are gone, stuck workers aside. */
  async gone(): Promise<void> {
    await Promise.all(Array.from(this.#roster.leaving, (member) => {
      return member.ended(member.state === "stuck" ? STUCK_EXIT_WAIT_MS : EXIT_WAIT_MS);
    }));
  }

  // A job comes, or is cancelled.

  /** Takes a job: it runs when it is its turn, and its promise settles whatever happens. */
  enqueue(job: Job): void {
    const trace = traceTask(this.name, job.task);
    if (trace !== undefined) job.details.trace = trace;
    const context = currentContext();
    if (context === undefined) return this.#take(job);
    // Kept only where something of the caller's will be called.
    if (this.isInline || job.options?.onProgress !== undefined) {
      job.details.context = context;
    }
    runIn(undefined, () => this.#take(job));
  }

  #take(job: Job): void {
    const signal = job.options?.signal;
    if (signal?.aborted) return this.#refuse(job, signal.reason);
    const tenant = this.#tenants.of(job.tenant);
    if (this.#isBounded && this.#hasNoRoom(tenant)) return this.#refuseAsFull(job, tenant);
    if (signal !== undefined) this.#listen(job, signal);
    const { queue } = tenant;
    queue.push(job);
    if (this.#turns.isShared && this.#turns.isBarred(tenant)) return this.#refuseAsStuck(tenant);
    this.#dispatch(tenant);
    if (job.place !== queue) {
      if (job.waits === undefined) this.#tally.didNotWait();
      return;
    }
    this.#tally.waits(job, queue.size);
    if (queue.size % BURST_TASKS === 0) this.#keepUp();
  }

  /** How many jobs have not begun. */
  get #waiting(): number {
    let { waiting } = this.#tenants;
    for (const member of this.#roster) waiting += member.waiting;
    return waiting;
  }

  /** How many jobs of a tenant have not begun. */
  #waitingOf({ name, waiting }: Tenant): number {
    for (const member of this.#roster) if (member.serves(name)) waiting += member.waiting;
    return waiting;
  }

  /** Whether no more tasks may wait, in the pool or of this tenant. */
  #hasNoRoom(tenant: Tenant): boolean {
    const { maxQueue, maxQueuePerTenant } = this.#settings;
    const wasFull = this.#isFull || tenant.full;
    this.#isFull = maxQueue !== Infinity && this.#waiting >= maxQueue;
    tenant.full = maxQueuePerTenant !== Infinity && this.#waitingOf(tenant) >= maxQueuePerTenant;
    const isFull = this.#isFull || tenant.full;
    if (isFull && !wasFull) this.#report("queuefull", 0);
    return isFull;
  }

  #refuseAsFull(job: Job, tenant: Tenant): void {
    this.#tally.failed++;
    job.reject(
      this.#isFull
        ? queueFull(this.name, this.#settings, this.#waiting, undefined)
        : queueFull(this.name, this.#settings, this.#waitingOf(tenant), tenant),
    );
    this.#tenants.forget(tenant);
  }

  /**
   * Has workers go on while a burst of tasks still comes: before whoever submits it has done, none
   * of their messages is heard, but what is in their ledgers can be seen.
   */
  #keepUp(): void {
    for (const member of this.#roster) {
      // A getter of an argument, run by the clone, may be who submits.
      if (member.jobs.size === 0 || member.sending) continue;
      member.collect();
      this.#continue(member);
    }
  }

  /** Cancels a job when its signal aborts. */
  #listen(job: Job, signal: AbortSignal): void {
    job.details.stopListening = onAbort(signal, () => this.cancel(job, signal.reason));
  }

  /** Settles a job now, for this reason: it never runs, or its worker is told. */
  cancel(job: Job, reason: unknown): void {
    if (!job.settled) runInNone(() => this.#cancel(job, reason));
  }

  #cancel(job: Job, reason: unknown): void {
    this.#refuse(job, reason);
    if (!this.#unqueue(job)) this.#roster.memberWith(job)?.abort(job, reason);
    this.#settleDrained();
    this.#leave(job);
  }

  /** The reader of a job's stream has taken so many values. */
  pull(job: Job, count: number): void {
    this.#roster.memberWith(job)?.pull(job, count);
  }

  /** Takes a job back that has not begun. */
  withdraw(job: Job): void {
    runInNone(() => this.#withdraw(job));
  }

  #withdraw(job: Job): void {
    if (!this.#unqueue(job) && !this.#roster.memberWith(job)?.drop(job)) return;
    this.#refuse(job, new DOMException("The task was withdrawn", "AbortError"));
    this.#settleDrained();
    this.#leave(job);
  }

  /** Forgets the tenant of a job that will not run, if the tenant has nothing else. */
  #leave(job: Job): void {
    if (job.tenant !== undefined) this.#tenants.forget(this.#tenants.of(job.tenant));
  }

  /** Takes a job out of where it waits; `false` if the job was sent to a worker. */
  #unqueue(job: Job): boolean {
    const { place } = job;
    if (place === undefined || place instanceof SentJobs) return false;
    place.remove(job);
    return true;
  }

  /** Settles every job that has not begun, for the reason that `make` gives. */
  cancelQueued(make: () => unknown): void {
    for (const member of this.#roster) {
      for (const job of member.jobs) {
        if (!job.settled && member.drop(job)) this.#refuse(job, make());
      }
    }
    for (const { failedModules, queue } of this.#tenants) {
      for (const job of failedModules.takeAll()) this.#refuse(job, make());
      for (let job = queue.head; job !== undefined; job = queue.head) {
        queue.remove(job);
        this.#refuse(job, make());
      }
    }
    this.#tenants.forgetGone();
    this.#settleDrained();
  }

  #refuse(job: Job, reason: unknown): void {
    this.#tally.cancelled++;
    job.reject(reason, "cancelled");
  }

  // A job leaves.

  /**
   * Gives waiting jobs to idle workers, first in first out.
   *
   * @param only The tenant that alone has a job more than before: there may be thousands.
   */
  #dispatch(only?: Tenant): void {
    if (this.#turns.matter) this.#dispatchInTurn(only);
    else if (!this.#dispatchTo(this.#tenants.own)) this.#growth.grow();
    else this.#growth.refill();
  }

  /** The same where there are several tenants: each has its own workers, and takes others in turn. */
  #dispatchInTurn(only?: Tenant): void {
    const { idle } = this.#roster;
    if (idle.size > 0) {
      for (const name of only === undefined ? idle.tenants : [only.name]) {
        const tenant = this.#tenants.find(name);
        if (tenant !== undefined) this.#dispatchTo(tenant, false);
      }
    }
    const parts = { roster: this.#roster, turns: this.#turns };
    for (let next = nextForFresh(parts); next !== undefined; next = nextForFresh(parts)) {
      this.#dispatchTo(next, true, 1);
    }
    if (this.#tenants.anyQueued) this.#growth.grow();
    else this.#growth.refill();
  }

  /**
   * Gives jobs of a tenant to idle workers.
   *
   * @param fresh Whether workers may be taken that have served nobody.
   * @param most How many workers are given some.
   * @returns Whether no job is left that waits for another worker.
   */
  #dispatchTo(tenant: Tenant, fresh = this.#mayTakeFresh(tenant), most = Infinity): boolean {
    const { failedModules, queue } = tenant;
    // Each job that is added asks this: while all workers are busy it must cost nothing.
    if (this.#roster.idle.size === 0 && !failedModules.any) return queue.size === 0;
    for (let job = queue.head; job !== undefined && most > 0; job = queue.head) {
      const held = this.#loading.isHeld(tenant, job);
      const member = this.#roster.take(job, !held, fresh);
      if (member === undefined) {
        if (!held) return false;
        this.#loading.setAside(tenant, job);
        continue;
      }
      most--;
      if (this.#makesRoom(member)) continue;
      if (!member.taken) this.#roster.assign(member, tenant);
      this.#feed(member);
      if (!member.busy) this.#roster.note(member, "rest");
    }
    return true;
  }

  /** Whether the pool may let a tenant have a worker that has served nobody. */
  #mayTakeFresh(tenant: Tenant): boolean {
    return !this.#roster.isTaken && this.#turns.mayHaveAnother(tenant);
  }

  /** Whether a worker is to be ended when it has nothing to do, so that another tenant may have one. */
  #hasToMakeRoom(member: Member): boolean {
    if (!this.#tenants.several || member.inUse || this.#roster.size < this.#roster.maxServing) {
      return false;
    }
    // As long as the start of another worker takes: so half of the time at least is work.
    if (machinery.now() - member.takenAt < this.#starts.took) return false;
    return this.#turns.mustMakeRoom(this.#tenants.of(member.tenant), this.#roster.free);
  }

  /** Ends a worker that was idle if another tenant has a better right to its place. */
  #makesRoom(member: Member): boolean {
    if (!member.taken || !this.#hasToMakeRoom(member)) return false;
    this.#roster.note(member, "rest");
    this.#retire(member);
    return true;
  }

  /** A tenant's part of the jobs that wait, for each of the workers that it has or may take. */
  #shareOf({ queue, workers }: Tenant): number {
    return Math.ceil(queue.size / (this.#roster.size - this.#roster.taken + workers));
  }

  /** The one place where a task leaves: sends a worker its share of what waits, if it has room. */
  #feed(
    member: Member,
    tenant = this.#tenants.of(member.tenant),
    share = this.#shareOf(tenant),
  ): void {
    const { queue } = tenant;
    let time = 0;
    for (let job = queue.head; job !== undefined; job = queue.head) {
      if (share-- <= 0 || !member.hasRoomFor(job) || !this.#roster.has(member)) break;
      if (!member.hasLoaded(job.task)) {
        if (!this.#loading.isHeld(tenant, job)) {
          this.#loading.begin(member, tenant, job);
          break;
        }
        // The job has nothing to do with those behind it.
        this.#loading.setAside(tenant, job);
        share++;
        continue;
      }
      queue.remove(job);
      member.send(job);
      if (job.settled) continue;
      job.trace?.sent();
      if (job.waits !== undefined) this.#tally.waited(job, time ||= machinery.now());
      const timeout = job.options?.timeout;
      if (timeout !== undefined) this.#limits.begin(job, timeout);
    }
    if (queue.size === 0) tenant.claims = false;
    member.flush();
    // A getter of an argument, run by the clone, has terminated the pool.
    if (!this.#roster.has(member)) return this.#drop(member);
    if (member.busy) member.engage(true);
    if (member.jobs.size > 1) this.#lookLater();
  }

  // A job returns.

  /** The one place where a task returns. */
  #return(job: Job, failed: boolean, outcome: unknown): void {
    if (job.settled) return;
    if (this.#tenants.several) this.#tenants.taskEnded(job);
    if (failed) {
      this.#tally.failed++;
      job.reject(outcome);
    } else if (job.heard === undefined) this.#complete(job, outcome);
    else {
      // The task has ended; only its caller is still busy, which no timeout is for.
      job.endTime();
      job.heard.then(() => this.#complete(job, outcome));
    }
  }

  #complete(job: Job, outcome: unknown): void {
    if (job.settled) return;
    this.#tally.completed++;
    job.resolve(outcome);
  }

  /** Tells the caller of a job how far it is; what fails there fails the job. */
  #tell(job: Job, value: unknown): void {
    const onProgress = job.options?.onProgress;
    if (onProgress === undefined) return discard(value);
    try {
      const told = runIn(job.context, () => onProgress(value));
      if (!isThenable(told)) return;
      const heard = Promise.resolve(told).then(undefined, (error) => this.cancel(job, error));
      // Not the array of both: a task may tell a million times.
      job.details.heard = Promise.all([job.heard, heard]).then(() => {});
    } catch (error) {
      this.cancel(job, error);
    }
  }

  /** A worker that has said something takes the next jobs, or waits for some. */
  #continue(member: Member): void {
    if (member.state === "busy") {
      const tenant = this.#tenants.of(member.tenant);
      this.#loading.takeOver(member, tenant);
      if (tenant.queue.head !== undefined && member.taken && member.runsLow) {
        if (!this.#hasToMakeRoom(member)) this.#feed(member, tenant);
      }
      if (!member.busy) this.#rest(member);
      else this.#dispatch();
    }
    this.#settleDrained();
  }

  /** A worker has nothing to do: it takes the next job, or waits for one. */
  #rest(member: Member): void {
    if (this.#roster.note(member, "rest")) this.#becameIdle(member);
  }

  #becameIdle(member: Member): void {
    this.#dispatch();
    if (member.busy) return;
    if (this.#drained === undefined || !member.unfinished) member.engage(false);
    this.#roster.idle.stay(member);
  }

  // Jobs that were sent ahead.

  #lookLater(): void {
    this.#lookTimer ??= machinery.setTimeout(this.#look, LOOKAHEAD_CHECK_MS);
  }

  /**
   * Looks after what was sent ahead: a task that takes long must hold up neither the results
   * of those before it nor the tasks behind it.
   */
  readonly #look = (): void => {
    this.#lookTimer = undefined;
    for (const member of this.#roster) {
      if (member.jobs.size < 2) continue;
      member.collect();
      if (member.jobs.size > 0 && member.isHeldUp()) this.#recall(member);
      if (member.jobs.size === 0) this.#continue(member);
      else if (member.jobs.size > 1) this.#lookLater();
    }
    this.#dispatch();
  };

  /** Puts what was sent ahead and has not begun back to the front of the queue. */
  #recall(member: Member): void {
    if (member.jobs.size < 2) return;
    this.#recovery.requeue(member);
    // Only what was sent ahead: what an idle worker was given stays with it.
    if (member.jobs.size === 0) this.#feed(member, this.#tenants.of(member.tenant), 1);
  }

  // What workers tell.

  readonly #events: MemberEvents = {
    onUp: (member) => this.#starts.up(member),
    onReady: (member) => {
      this.#starts.ready(member);
      this.#report("workerstart", member.number);
      if (this.#roster.note(member, "ready")) this.#becameIdle(member);
    },
    onLoaded: (member, { index }) => {
      this.#loading.loaded(member, index);
      this.#continue(member);
    },
    onUnloadable: (member, module, failure, cause) => {
      const job = this.#loading.end(member, "failed");
      const preload = () => preloadFailed(this.name, this.#settings, module.url, cause);
      if (member.state === "starting" && this.#starts.died(member, preload())) {
        return this.#end(member);
      }
      if (job !== undefined) this.#return(job, true, failure(job.task));
      const tenant = this.#tenants.of(member.tenant);
      this.#recovery.failLoad(tenant, module.index, ({ task }) => failure(task));
      this.#continue(member);
    },
    onTimed: (ms, runs) => this.#tally.ran(ms, runs),
    onReturn: (job, failed, outcome) => this.#return(job, failed, outcome),
    onProgress: (job, value) => this.#tell(job, value),
    onYield: (job, value) => job.details.onValue!(value),
    onShared: (member) => this.#recovery.requeue(member),
    onRoom: (member) => this.#continue(member),
    // Whoever cancels a stream calls this.
    onFree: (member) => runInNone(() => this.#free(member)),
    onOverdue: () => {
      this.#giveUpOverdue();
      this.#growth.growBack();
      this.#dispatch();
      this.#settleDrained();
    },
    onDying: (member) => this.#roster.note(member, "die"),
    onExpelled: (member, cause) => runInNone(() => this.#expel(member, cause)),
    onEnd: (member, cause) => this.#lose(member, cause),
  };

  /** A worker is needed for a stream or port less. */
  #free(member: Member): void {
    if (member.state === "idle") this.#roster.idle.renew(member);
    // A job may wait for an outdated worker to be replaced.
    this.#dispatch();
    this.#settleDrained();
  }

  /** A worker has said what no worker says: it is ended, and counts as one that has crashed. */
  #expel(member: Member, cause: Error): void {
    if (!this.#roster.has(member)) return;
    if (this.#starts.died(member, cause)) this.#loading.end(member, "gone");
    else this.#reportCrash(member, cause);
    this.#end(member, false, cause);
    this.#growth.growBack();
    this.#dispatch();
    this.#settleDrained();
  }

  #reportCrash(member: Member, cause: unknown): void {
    this.#tally.crashed++;
    this.#report("workercrash", member.number, cause);
  }

  // A worker ends.

  /** A worker is gone: it was told to, came back from a stuck task, failed to start, or died. */
  #lose(member: Member, cause: unknown): void {
    const { state } = member;
    const wasInPool = this.#roster.has(member);
    this.#roster.note(member, "lose");
    // A worker that was told to end had nothing left; the tenant may be forgotten by now.
    if (state === "ending") return;
    const tenant = this.#tenants.of(member.tenant);
    if (!wasInPool) {
      // The crash of an expelled worker was told before.
      if (!member.isExpelled) this.#report("workerback", member.number);
      this.#growth.growBack();
    } else if (!this.#starts.died(member, cause)) {
      this.#recovery.failEnds(member, cause);
      this.#reportCrash(member, cause);
      this.#growth.growBack();
      this.#recovery.recover(member, cause);
    }
    this.#tenants.forget(tenant);
    this.#dispatch();
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
    const isStuck = member.busy && state !== "starting";
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

  /** Gives up workers that do not respond. */
  #giveUpOverdue(): void {
    for (const member of this.#roster) {
      if (!member.overdue) continue;
      this.#report("workerstuck", member.number);
      this.#end(member);
    }
  }

  // Jobs that no worker will run.

  /** A worker did not start: jobs fail that no other worker can run; later jobs have another try. */
  #failUnstartable({ message, cause }: WorkerStartError): void {
    const isLost = ({ task, tenant }: Job) =>
      !this.#roster.some((member) =>
        (!member.taken || member.serves(tenant)) && member.canRun(task)
      );
    for (const tenant of [...this.#tenants.queued()]) {
      this.#recovery.failQueued(tenant, () => new WorkerStartError(message, { cause }), isLost);
    }
  }

  /** With no worker left, and none to be started, what waits would wait for ever. */
  #refuseIfAllStuck(): void {
    // Each job that is added asks this: most of the time it must cost nothing.
    if (this.#roster.size > 0) return;
    for (const tenant of [...this.#tenants]) this.#refuseAsStuck(tenant);
  }

  /** Rejects what waits of a tenant, as the workers that could run it are stuck. */
  #refuseAsStuck(tenant: Tenant): void {
    const whose = this.#turns.isBarred(tenant) ? tenant : undefined;
    const stuck = whose?.stuck ?? this.#roster.count("stuck");
    this.#recovery.failQueued(tenant, () => workersStuck(this.name, stuck, whose));
  }
}
