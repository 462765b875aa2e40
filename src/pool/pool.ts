import { onAbort } from "../runtime/abort_listeners.ts";
import {
  type ExecutorError,
  QueueFullError,
  ShutdownError,
  WorkerCrashedError,
  WorkersStuckError,
  WorkerStartError,
} from "../api/errors.ts";
import type { ExecutorEventType } from "../api/events.ts";
import { loadError, reasonOf, TimedOut } from "../tasks/failure.ts";
import { FIRST_LOOK_MS, judgeGrowth, LONG_LOOK_MS, type Progress } from "./growth.ts";
import { Idle } from "./idle.ts";
import { assertIsolation } from "../backend/isolation.ts";
import type { Job } from "../member/job.ts";
import { SentJobs } from "../member/sent_jobs.ts";
import { afterStartup } from "../runtime/after_startup.ts";
import { Member, type MemberEvents } from "../member/member.ts";
import { discard } from "../member/open_ends.ts";
import { TaskRecords } from "../member/task_record.ts";
import type { PoolSettings } from "../settings/settings.ts";
import type { PoolStats } from "../api/pool_stats.ts";
import { Tally } from "./tally.ts";
import { currentContext, runIn, runInNone } from "../runtime/async_context.ts";
import { Starts } from "./starts.ts";
import { type Tenant, Tenants } from "./tenants.ts";
import { Turns } from "./turns.ts";
import { observe, traceTask, unobserve } from "../telemetry/telemetry.ts";
import { isThenable } from "../runtime/thenable.ts";
import * as machinery from "../runtime/real_timers.ts";

/** How often, in ms, workers that were sent tasks ahead are looked at. */
const LOOKAHEAD_CHECK_MS = 5;
/** After how many tasks that wait it is seen whether workers have done what they were sent. */
const BURST_TASKS = 256;
/**
 * How long, in ms, a shutdown waits for a worker to be gone. One that is idle takes two, and some
 * hundred on a slow machine that is busy; one that is stuck may never be gone.
 */
const EXIT_WAIT_MS = 1_000, STUCK_EXIT_WAIT_MS = 100;
/** How long, in ms, after a spare worker was taken another one is started. */
const REFILL_DELAY_MS = 20;
/** A timer that comes later than by this many ms tells that the event loop was held up. */
const LATE_MS = 20;
/** After how many turns of the event loop all messages are delivered that had arrived by now. */
const DELIVERY_TURNS = 2;
/** How often, in ms, a task that is late is asked whether it has begun. */
const BEGIN_POLL_MS = 20;

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
  /** Those whose tasks are kept apart, each with the jobs that wait. */
  readonly #tenants = new Tenants((tenant, jobs) => {
    tenant.queue.unshift(jobs);
    this.#dispatch();
  });
  readonly #turns: Turns;
  /** Whether one tenant may have a part of the workers only. */
  readonly #isShared: boolean;
  /** Whether only so many tasks may wait. */
  readonly #isBounded: boolean;
  /** Workers that load a module for a task. */
  readonly #loading = new Set<Member>();
  /** Workers that are starting, idle or busy. */
  readonly #members = new Set<Member>();
  /** How many of them serve a tenant; the others are starting, or have run no task. */
  #taken = 0;
  /** Those that wait for a task. */
  readonly #idle: Idle;
  /** Those that were terminated and are not gone yet. */
  readonly #ending = new Set<Member>();
  /** Those of them that ran a task when they were. */
  readonly #stuck = new Set<Member>();
  /** Those that are not ready yet, and the one that waits for its turn. */
  readonly #starts: Starts;
  /** Between `open()` and `terminate()`: workers may be started. */
  #open = false;
  /** Whether a start is being considered or under way; there is one at a time. */
  #growing = false;
  /** Whether it is being considered: then the progress is looked at when the timer ends. */
  #looking = false;
  /** How far the pool was when it started a worker last. */
  #startProgress: Progress = { time: 0, returned: 0 };
  #growTimer: machinery.Timer | undefined;
  #lookTimer: machinery.Timer | undefined;
  /** Who waits until nothing waits and nothing runs. */
  #drained: PromiseWithResolvers<void> | undefined;
  readonly #tally = new Tally();
  readonly #records = new TaskRecords();
  /** Whether the latest task was refused, as too many wait in the pool. */
  #full = false;

  constructor(name: string, settings: PoolSettings, report: Report) {
    this.name = name;
    this.#settings = settings;
    this.#report = report;
    this.#turns = new Turns(this.#tenants, settings);
    this.#isShared = settings.maxWorkersPerTenant < settings.maxWorkers;
    this.#isBounded = Math.min(settings.maxQueue, settings.maxQueuePerTenant) < Infinity;
    this.#idle = new Idle(
      settings.idleTimeout,
      (member) => this.#isSpare(member),
      (member) => this.#retire(member),
    );
    this.#starts = new Starts(name, {
      make: (number) => this.#make(number),
      onFailed: (number, error) => report("workererror", number, error),
      onLate: (member) => this.#end(member),
    });
  }

  /** Whether tasks run in this thread. */
  get isInline(): boolean {
    return this.#settings.isolation === "inline";
  }

  /** How many workers the pool may have. */
  get maxWorkers(): number {
    return this.#settings.maxWorkers;
  }

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
    if (this.#open) return;
    this.#open = true;
    observe(this);
    await assertIsolation(this.#settings);
    if (!this.#open) throw new ShutdownError("The executor was shut down while it started");
    if (isolation === "inline" && permissionsGiven && permissions !== "inherit") {
      throw new WorkerStartError(
        `Cannot run ${this.name} tasks inline: permissions ${Deno.inspect(permissions)} were ` +
          "asked for, and a task in this thread has all of the program's",
      );
    }
    const sure = isolation !== "process" && permissions === "inherit" && preload.length === 0;
    const wanted = Math.max(minWorkers + spare, sure ? 0 : 1);
    const missing = Math.max(0, wanted - this.#members.size);
    await Promise.all(Array.from({ length: missing }, () => this.#starts.begin().ready));
  }

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
    if (this.#isBounded && this.#isFull(tenant)) {
      this.#tally.failed++;
      job.reject(this.#queueFull(tenant));
      return this.#tenants.forget(tenant);
    }
    if (signal !== undefined) this.#listen(job, signal);
    const { queue } = tenant;
    queue.push(job);
    if (this.#isShared && this.#turns.isBarred(tenant)) return this.#refuseAsStuck(tenant);
    this.#dispatch(tenant);
    if (job.place !== queue) {
      if (job.waits === undefined) this.#tally.didNotWait();
      return;
    }
    this.#tally.waits(job, queue.size);
    if (queue.size % BURST_TASKS === 0) this.#keepUp();
  }

  /** Whether no more tasks may wait, in the pool or of this tenant. */
  #isFull(tenant: Tenant): boolean {
    const { maxQueue, maxQueuePerTenant } = this.#settings;
    const wasFull = this.#full || tenant.full;
    this.#full = maxQueue !== Infinity && this.#waiting >= maxQueue;
    tenant.full = maxQueuePerTenant !== Infinity && this.#waitingOf(tenant) >= maxQueuePerTenant;
    const isFull = this.#full || tenant.full;
    if (isFull && !wasFull) this.#report("queuefull", 0);
    return isFull;
  }

  /** The error of a task that may not wait. */
  #queueFull(tenant: Tenant): QueueFullError {
    const [waiting, whose, option, status] = this.#full
      ? [this.#waiting, "", "maxQueue", 503] as const
      : [this.#waitingOf(tenant), tenant.label, "maxQueuePerTenant", 429] as const;
    const error = new QueueFullError(
      `Cannot queue the task: ${waiting}${whose} already wait for a ${this.name} worker, ` +
        `which is ${option}; try again later`,
    );
    const maxQueue = this.#settings[option];
    return Object.assign(error, { pool: this.name, maxQueue, option, status });
  }

  /**
   * Has workers go on while a burst of tasks still comes: before whoever submits it has done, none
   * of their messages is heard, but what is in their ledgers can be seen.
   */
  #keepUp(): void {
    for (const member of this.#members) {
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
    if (!this.#unqueue(job)) this.#memberWith(job)?.abort(job, reason);
    this.#settleDrained();
    this.#leave(job);
  }

  /** The reader of a job's stream has taken so many values. */
  pull(job: Job, count: number): void {
    this.#memberWith(job)?.pull(job, count);
  }

  /** Takes a job back that has not begun. */
  withdraw(job: Job): void {
    runInNone(() => this.#withdraw(job));
  }

  #withdraw(job: Job): void {
    if (!this.#unqueue(job) && !this.#memberWith(job)?.drop(job)) return;
    this.#refuse(job, new DOMException("The task was withdrawn", "AbortError"));
    this.#settleDrained();
    this.#leave(job);
  }

  /** Forgets the tenant of a job that will not run, if the tenant has nothing else. */
  #leave(job: Job): void {
    if (job.tenant !== undefined) this.#tenants.forget(this.#tenants.of(job.tenant));
  }

  /** Takes a job out of where it waits; `false` if a worker was sent it. */
  #unqueue(job: Job): boolean {
    const { place } = job;
    if (place === undefined || place instanceof SentJobs) return false;
    place.remove(job);
    return true;
  }

  /** Settles every job that has not begun, for the reason that `make` gives. */
  cancelQueued(make: () => unknown): void {
    for (const member of this.#members) {
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

  /** Resolves when nothing waits and nothing runs. */
  drained(): Promise<void> {
    this.#drained ??= Promise.withResolvers();
    const { promise } = this.#drained;
    // What is waited for keeps the process alive, a stream of an idle worker, too.
    for (const member of this.#members) if (member.unfinished) member.engage(true);
    this.#settleDrained();
    return promise;
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
    this.#open = false;
    unobserve(this);
    this.#starts.giveUp();
    this.#idle.stop();
    if (this.#growTimer !== undefined) this.#stopLooking();
    if (this.#lookTimer !== undefined) machinery.clearTimeout(this.#lookTimer);
    this.#lookTimer = undefined;
    this.cancelQueued(() => new ShutdownError("The executor was terminated before the task began"));
    if (!patient) { for (const member of this.#ending) member.terminate(); }
    for (const member of [...this.#members]) {
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

  #drop({ jobs, modules }: Member): void {
    for (const job of modules.job === undefined ? jobs : [modules.job]) {
      if (job.settled) continue;
      this.#refuse(job, new ShutdownError("The executor was terminated while the task ran"));
    }
  }

  /** Resolves when the terminated workers are gone, stuck ones aside. */
  async gone(): Promise<void> {
    const patienceFor = (member: Member) =>
      this.#stuck.has(member) ? STUCK_EXIT_WAIT_MS : EXIT_WAIT_MS;
    await Promise.all(Array.from(this.#ending, (member) => member.ended(patienceFor(member))));
  }

  /** Counts of this moment. */
  stats(): PoolStats {
    const busy = this.#members.size - this.#idle.size - this.#starts.size;
    return {
      workers: this.#members.size,
      idle: this.#idle.size,
      busy,
      stuck: this.#stuck.size,
      queued: this.#waiting,
      ...this.#tally.counts(),
    };
  }

  /** How many jobs have not begun. */
  get #waiting(): number {
    let { waiting } = this.#tenants;
    for (const member of this.#members) waiting += member.waiting;
    return waiting;
  }

  /** How many jobs of a tenant have not begun. */
  #waitingOf({ name, waiting }: Tenant): number {
    for (const member of this.#members) if (member.serves(name)) waiting += member.waiting;
    return waiting;
  }

  /**
   * Gives waiting jobs to idle workers, first in first out.
   *
   * @param only The tenant that alone has a job more than before: there may be thousands.
   */
  #dispatch(only?: Tenant): void {
    if (this.#inTurn) return this.#dispatchInTurn(only);
    const { own } = this.#tenants;
    if (!this.#dispatchTo(own)) this.#grow();
    else if (this.#settings.spare > 0) this.#refill();
  }

  /** Whether it matters whose turn it is: there are several tenants, or none may have all workers. */
  get #inTurn(): boolean {
    return this.#tenants.several || this.#isShared;
  }

  /** The same where there are several tenants: each has its own workers, and takes others in turn. */
  #dispatchInTurn(only?: Tenant): void {
    if (this.#idle.size > 0) {
      for (const name of only === undefined ? this.#idle.tenants : [only.name]) {
        const tenant = this.#tenants.find(name);
        if (tenant !== undefined) this.#dispatchTo(tenant, false);
      }
    }
    for (let tenant = this.#nextForFresh(); tenant !== undefined; tenant = this.#nextForFresh()) {
      this.#dispatchTo(tenant, true, 1);
    }
    if (this.#tenants.anyQueued) this.#grow();
    else if (this.#settings.spare > 0) this.#refill();
  }

  /** Replaces a spare worker that was taken: later, as a start blocks, and its task comes first. */
  #refill(): void {
    if (this.#isShort && !this.#growing && this.#open) this.#growLater(REFILL_DELAY_MS);
  }

  /** The tenant that is given an idle worker which has served nobody, if there is any for it. */
  #nextForFresh(): Tenant | undefined {
    if (this.#taken === this.#members.size || this.#taken >= this.#settings.maxWorkers) return;
    if (!this.#idle.hasFresh) return;
    return this.#turns.nextForFresh(({ queue }) => this.#idle.hasFreshFor(queue.head!));
  }

  /**
   * Gives jobs of a tenant to idle workers.
   *
   * @param fresh Whether those may be taken that have served nobody.
   * @param most How many workers are given some.
   * @returns Whether no job is left that waits for another worker.
   */
  #dispatchTo(tenant: Tenant, fresh = this.#mayTakeFresh(tenant), most = Infinity): boolean {
    const { failedModules, queue } = tenant;
    // Each job that is added asks this: while all workers are busy it must cost nothing.
    if (this.#idle.size === 0 && !failedModules.any) return queue.size === 0;
    for (let job = queue.head; job !== undefined && most > 0; job = queue.head) {
      const held = this.#isHeld(tenant, job);
      const member = this.#idle.take(job, !held, fresh);
      if (member === undefined) {
        if (!held) return false;
        this.#setAside(tenant, job);
        continue;
      }
      most--;
      if (this.#makesRoom(member)) continue;
      if (!member.taken) this.#assign(member, tenant);
      this.#feed(member);
      if (!member.busy && this.#members.has(member)) this.#idle.add(member);
    }
    return true;
  }

  /** Whether the pool may let a tenant have a worker that has served nobody. */
  #mayTakeFresh(tenant: Tenant): boolean {
    return this.#taken < this.#settings.maxWorkers && this.#turns.mayHaveAnother(tenant);
  }

  /** A worker serves a tenant from now on, and nobody else for as long as it lives. */
  #assign(member: Member, tenant: Tenant): void {
    member.assign(tenant.name);
    tenant.workers++;
    tenant.claims = false;
    this.#taken++;
    if (this.#tenants.several) this.#tenants.endTurn(tenant);
  }

  /** A worker is not one of the pool's any more. */
  #release(member: Member): void {
    if (!member.taken) return;
    this.#tenants.of(member.tenant).workers--;
    this.#taken--;
  }

  /** How many workers tenants may yet take: those that have served nobody, if the pool may have more. */
  get #free(): number {
    return Math.min(this.#members.size, this.#settings.maxWorkers) - this.#taken;
  }

  /** Whether a worker is to be ended when it has nothing to do, so that another tenant may have one. */
  #hasToMakeRoom(member: Member): boolean {
    if (!this.#tenants.several || member.inUse || this.#members.size < this.#maxServing) {
      return false;
    }
    // As long as the start of another takes: so half of the time at least is work.
    if (machinery.now() - member.takenAt < this.#starts.took) return false;
    return this.#turns.mustMakeRoom(this.#tenants.of(member.tenant), this.#free);
  }

  /** Ends an idle worker if another tenant has a better right to its place. */
  #makesRoom(member: Member): boolean {
    if (!member.taken || !this.#hasToMakeRoom(member)) return false;
    this.#idle.add(member);
    this.#retire(member);
    return true;
  }

  /** Whether no worker may be asked to load the job's module now, as that has just failed. */
  #isHeld({ failedModules }: Tenant, { task }: Job): boolean {
    return failedModules.any && failedModules.holds(task.module);
  }

  /** Takes a job from the queue until its module may be tried again. */
  #setAside({ failedModules, queue }: Tenant, job: Job): void {
    queue.remove(job);
    if (job.waits === undefined) this.#tally.waits(job, 1);
    failedModules.setAside(job);
  }

  /** A tenant's part of what waits, for each of the workers that it has or may take. */
  #shareOf({ queue, workers }: Tenant): number {
    return Math.ceil(queue.size / (this.#members.size - this.#taken + workers));
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
      if (share-- <= 0 || !member.hasRoomFor(job) || !this.#members.has(member)) break;
      if (!member.hasLoaded(job.task)) {
        // The job has nothing to do with those behind it.
        if (this.#isHeld(tenant, job)) {
          this.#setAside(tenant, job);
          share++;
          continue;
        }
        this.#load(member, tenant, job);
        break;
      }
      queue.remove(job);
      member.send(job);
      if (job.settled) continue;
      job.trace?.sent();
      if (job.waits !== undefined) this.#tally.waited(job, time ||= machinery.now());
      if (job.options?.timeout !== undefined) this.#limit(job, job.options.timeout);
    }
    if (queue.size === 0) tenant.claims = false;
    member.flush();
    // A getter of an argument, run by the clone, has terminated the pool.
    if (!this.#members.has(member)) return this.#drop(member);
    if (member.busy) member.engage(true);
    if (member.jobs.size > 1) {
      this.#lookTimer ??= machinery.setTimeout(this.#look, LOOKAHEAD_CHECK_MS);
    }
  }

  /** Has a worker load the module of a job, which waits for that, and takes none of its time. */
  #load(member: Member, { failedModules, queue }: Tenant, job: Job): void {
    queue.remove(job);
    if (job.waits === undefined) this.#tally.waits(job, 1);
    failedModules.loads(job.task.module);
    this.#loading.add(member);
    member.load(job);
  }

  /** Ends a load; returns the job that had waited for it. */
  #endLoad(member: Member, outcome: "loaded" | "failed" | "gone"): Job | undefined {
    this.#loading.delete(member);
    return member.modules.end(outcome);
  }

  /** Gives a worker the jobs that wait for others to load a module that it has: they came first. */
  #takeOver(member: Member, { failedModules, name, queue }: Tenant): void {
    const jobs: Job[] = [];
    for (const loading of this.#loading) {
      const { job } = loading.modules;
      if (job === undefined || !loading.serves(name)) continue;
      if (!member.hasLoaded(job.task) || !member.hasRoomFor(job)) continue;
      loading.modules.remove(job);
      jobs.push(job);
    }
    queue.unshift(jobs);
    if (failedModules.any && !member.busy) {
      queue.unshift(failedModules.takeFor((module) => member.modules.has(module)));
    }
  }

  /** A module could not be loaded: rejects what waits for it, unless another worker has it. */
  #failLoad(tenant: Tenant, module: number, make: (job: Job) => unknown): void {
    const { failedModules, name, queue } = tenant;
    failedModules.failed(module);
    queue.unshift(failedModules.take(module));
    const has = (member: Member) => member.serves(name) && member.modules.has(module);
    if (this.#members.values().some(has)) return;
    this.#failQueued(tenant, make, ({ task }) => task.module === module);
  }

  /** Times a job that was sent; its time begins when its function is called. */
  #limit(job: Job, timeout: number): void {
    const sent = machinery.now();
    const end = () => {
      // The worker may still read the arguments. Where a test fakes the time, no time has passed.
      if (machinery.now() - sent >= timeout && this.#memberWith(job)?.hasBegun(job) === false) {
        job.details.timer = machinery.setTimeout(begin, BEGIN_POLL_MS);
      } else {
        const isLate = machinery.now() - sent >= timeout + LATE_MS;
        this.#timeOut(job, timeout, isLate ? DELIVERY_TURNS : 0);
      }
    };
    const begin = () => {
      if (this.#memberWith(job)?.hasBegun(job) === false) {
        job.details.timer = machinery.setTimeout(begin, BEGIN_POLL_MS);
      } else this.#limit(job, timeout);
    };
    job.details.timer = setTimeout(end, timeout);
  }

  /**
   * Times a job out, after so many turns of the event loop. If the event loop was held up, the timer
   * comes before the answers that have arrived meanwhile.
   */
  #timeOut(job: Job, timeout: number, turns: number): void {
    if (turns === 0) return this.cancel(job, new TimedOut(job.task, timeout));
    const next = () => this.#timeOut(job, timeout, turns - 1);
    job.details.timer = machinery.setTimeout(next, 0);
  }

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

  /** A worker that has said something takes the next jobs, or waits for some. */
  #continue(member: Member): void {
    if (this.#members.has(member) && !member.dying) {
      const tenant = this.#tenants.of(member.tenant);
      if (this.#loading.size > 0 || tenant.failedModules.any) this.#takeOver(member, tenant);
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
    // What it says last may have been found in the ledger before.
    if (this.#idle.has(member)) return;
    this.#idle.add(member);
    this.#dispatch();
    if (member.busy) return;
    if (this.#drained === undefined || !member.unfinished) member.engage(false);
    this.#idle.stay(member);
  }

  /**
   * Looks after what was sent ahead: a task that takes long must hold up neither the results
   * of those before it nor the tasks behind it.
   */
  readonly #look = (): void => {
    this.#lookTimer = undefined;
    for (const member of this.#members) {
      if (member.jobs.size < 2) continue;
      member.collect();
      if (member.jobs.size > 0 && member.isHeldUp()) this.#recall(member);
      if (member.jobs.size === 0) this.#continue(member);
      else if (member.jobs.size > 1) {
        this.#lookTimer ??= machinery.setTimeout(this.#look, LOOKAHEAD_CHECK_MS);
      }
    }
    this.#dispatch();
  };

  /** Puts what was sent ahead and has not begun back to the front of the queue. */
  #recall(member: Member): void {
    if (member.jobs.size < 2) return;
    this.#requeue(member);
    // Only what was sent ahead: what an idle worker was given stays with it.
    if (member.jobs.size === 0) this.#feed(member, this.#tenants.of(member.tenant), 1);
  }

  /** Takes back what a worker has not begun; returns the first of it. */
  #requeue(member: Member): Job | undefined {
    const jobs = member.takeBack().filter(({ settled }) => !settled);
    for (const job of jobs) job.endTime();
    this.#tenants.of(member.tenant).queue.unshift(jobs);
    return jobs[0];
  }

  /** The worker that a job was sent to. */
  #memberWith(job: Job): Member | undefined {
    if (job.place === undefined) return;
    for (const member of this.#members) {
      if (member.jobs === job.place || member.modules === job.place) return member;
    }
  }

  /** How many workers may serve: each that is stuck is replaced, but not without end. */
  get #maxServing(): number {
    const { maxWorkers } = this.#settings;
    return Math.min(maxWorkers, 2 * maxWorkers - this.#stuck.size);
  }

  /** Whether no worker may be started, unless another one ends. */
  get #isAtMost(): boolean {
    const most = this.#maxServing;
    return this.#members.size >= (most > 0 ? most + this.#settings.spare : 0);
  }

  /** Whether there are less workers than the pool is to keep, or less that have served nobody. */
  get #isShort(): boolean {
    const { minWorkers, spare } = this.#settings;
    const { size } = this.#members;
    return size < minWorkers || size - this.#taken < spare;
  }

  /** Considers another worker for the jobs that wait, none of which an idle one can run. */
  #grow(since?: Progress): void {
    if (this.#inTurn) return this.#growInTurn();
    if (this.#isGrowing()) return;
    const { own } = this.#tenants;
    const { head } = own.queue;
    // A worker that cannot run the job is older than the job's module.
    const outdated = head && this.#idle.size > 0 ? this.#idle.longestUseless(head) : undefined;
    if (this.#isAtMost) {
      if (outdated === undefined) return this.#refuseIfAllStuck();
      this.#retire(outdated);
    }
    const { backoff } = this.#starts;
    if (backoff > 0) this.#growLater(backoff);
    else if (this.#members.size === 0 || this.#isShort || outdated !== undefined) this.#startOne();
    else this.#considerStart(own, since ?? this.#progressOf(own), FIRST_LOOK_MS);
  }

  /** The same where there are several tenants, or each may have a part of the workers only. */
  #growInTurn(): void {
    if (this.#isShared && this.#idle.size > 0) this.#retireOutdated();
    const starting = Math.min(this.#starts.size, this.#settings.maxWorkers - this.#taken);
    const tenant = this.#turns.nextToGrow(starting, !this.#isAtMost || this.#idle.size > 0);
    // Who has no worker does not wait until it is seen how fast the workers of others are.
    const isUrgent = tenant !== undefined && (tenant.workers === 0 || tenant.claims);
    if (isUrgent && this.#looking) this.#stopLooking();
    if (this.#isGrowing()) return;
    const useless = tenant && this.#idle.longestUseless(tenant.queue.head!);
    if (tenant === undefined || isUrgent || useless?.serves(tenant.name)) {
      return this.#startFor(tenant);
    }
    this.#considerStart(tenant, this.#progressOf(tenant), FIRST_LOOK_MS);
  }

  /** Ends idle workers that cannot run what their tenants have next, and keep them from others. */
  #retireOutdated(): void {
    for (const name of this.#idle.tenants) {
      const tenant = this.#tenants.find(name);
      const head = tenant?.queue.head;
      if (head === undefined || this.#turns.mayHaveAnother(tenant!)) continue;
      const outdated = this.#idle.longestOutdated(head);
      if (outdated !== undefined) this.#retire(outdated);
    }
  }

  /** Whether a start is being considered or under way. */
  #isGrowing(): boolean {
    const isGrowing = this.#growing || !this.#open;
    if (isGrowing && this.#growTimer !== undefined) Deno.refTimer(this.#growTimer);
    return isGrowing;
  }

  /**
   * Starts a worker for a tenant, or gives the tenant one that has just been waited for. Where the
   * pool has as many as it may, the idle one that can do least for the tenant makes room.
   *
   * @param tenant Who needs the worker; if nobody does, one may still be missing.
   */
  #startFor(tenant: Tenant | undefined): void {
    if (tenant === undefined && !this.#isShort) return;
    if (this.#isAtMost || tenant !== undefined && this.#taken >= this.#settings.maxWorkers) {
      const useless = tenant && this.#idle.longestUseless(tenant.queue.head!);
      if (useless === undefined) {
        if (tenant !== undefined) tenant.claims = tenant.workers > 0;
        return this.#refuseIfAllStuck();
      }
      this.#retire(useless);
      if (this.#nextForFresh() !== undefined) return this.#dispatch();
    }
    const { backoff } = this.#starts;
    if (backoff > 0) this.#growLater(backoff);
    else this.#startOne();
  }

  /** Starts what is missing of the workers that the pool keeps. */
  #growBack(): void {
    if (this.#isShort) this.#grow();
  }

  /** Waits until a worker may be started again; only what waits for it keeps the process alive. */
  #growLater(ms: number): void {
    this.#growing = true;
    this.#growTimer = machinery.setTimeout(() => {
      this.#growTimer = undefined;
      this.#growing = false;
      if (this.#tenants.anyQueued) this.#grow();
      else this.#growBack();
    }, ms);
    if (!this.#tenants.anyQueued) Deno.unrefTimer(this.#growTimer);
  }

  /** Looks at a tenant's progress since then, after this many ms, and starts a worker if it is worth it. */
  #considerStart(tenant: Tenant, since: Progress, after: number): void {
    this.#growing = true;
    this.#looking = true;
    const due = Math.max(since.time + after, performance.now());
    this.#growTimer = machinery.setTimeout(() => {
      this.#stopLooking();
      const { size } = tenant.queue;
      if (size === 0) return this.#tenants.anyQueued ? this.#grow() : this.#growBack();
      const workers = this.#inTurn ? tenant.workers : this.#members.size;
      const progress = this.#progressOf(tenant);
      switch (judgeGrowth(since, progress, size, workers, progress.time - due)) {
        case "start":
          if (this.#inTurn) this.#startFor(tenant);
          else this.#startOne();
          break;
        case "look longer":
          this.#considerStart(tenant, since, LONG_LOOK_MS);
          break;
        case "wait":
          this.#grow();
      }
    }, due - performance.now());
  }

  /** A look at the progress has ended, or somebody cannot wait for that. */
  #stopLooking(): void {
    if (this.#growTimer !== undefined) machinery.clearTimeout(this.#growTimer);
    this.#growTimer = undefined;
    this.#growing = false;
    this.#looking = false;
  }

  async #startOne(): Promise<void> {
    this.#growing = true;
    const first = this.#members.size === 0;
    const { up, ready } = this.#starts.begin();
    const ended = ready.then(() => true, (error) => this.#failUnstartable(error));
    // Another one may start while this one loads its modules.
    const isReady = await Promise.race([up, ended]);
    this.#growing = false;
    this.#growOn(first);
    if (isReady) return;
    await ended;
    if (!this.#growing) this.#growOn(false);
  }

  /** A worker did not start: rejects what no other can run; what is submitted from now on tries again. */
  #failUnstartable(failure: ExecutorError): boolean {
    if (failure instanceof WorkerStartError) {
      const { message, cause } = failure;
      const isLost = ({ task, tenant }: Job) =>
        !this.#members.values().some((member) =>
          (!member.taken || member.serves(tenant)) && member.canRun(task)
        );
      for (const tenant of [...this.#tenants.queued()]) {
        this.#failQueued(tenant, () => new WorkerStartError(message, { cause }), isLost);
      }
    }
    return true;
  }

  /** Considers the next worker. */
  #growOn(first: boolean): void {
    // While it got ready the others, if any, went on: what they did then counts.
    if (this.#tenants.anyQueued) this.#grow(first ? undefined : this.#startProgress);
    else this.#growBack();
    this.#settleDrained();
  }

  #progressOf(tenant: Tenant): Progress {
    const returned = this.#tenants.endedOf(tenant, this.#tally.ended);
    return { time: performance.now(), returned };
  }

  #make(number: number): Member {
    const member = new Member(number, this.name, this.#settings, this.#records, this.#events);
    this.#members.add(member);
    afterStartup(() => this.#idle.watch());
    // Taken after the start has blocked, when no return could be noticed.
    this.#startProgress = this.#progressOf(this.#tenants.own);
    return member;
  }

  readonly #events: MemberEvents = {
    onUp: (member) => this.#starts.up(member),
    onReady: (member) => {
      this.#starts.ready(member);
      this.#report("workerstart", member.number);
      if (this.#members.has(member)) this.#rest(member);
    },
    onLoaded: (member, { index }) => {
      const job = this.#endLoad(member, "loaded");
      const { failedModules, queue } = this.#tenants.of(member.tenant);
      queue.unshift(failedModules.loaded(index));
      if (job !== undefined) queue.unshift([job]);
      this.#continue(member);
    },
    onUnloadable: (member, module, failure, cause) => {
      const job = this.#endLoad(member, "failed");
      if (this.#starts.died(member, this.#preloadError(module.url, cause))) {
        this.#end(member);
        return;
      }
      if (job !== undefined) this.#return(job, true, failure(job.task));
      this.#failLoad(this.#tenants.of(member.tenant), module.index, ({ task }) => failure(task));
      this.#continue(member);
    },
    onTimed: (ms, runs) => this.#tally.ran(ms, runs),
    onReturn: (job, failed, outcome) => this.#return(job, failed, outcome),
    onProgress: (job, value) => this.#tell(job, value),
    onYield: (job, value) => job.details.onValue!(value),
    onShared: (member) => this.#requeue(member),
    onRoom: (member) => this.#continue(member),
    // Whoever cancels a stream calls this.
    onFree: (member) =>
      runInNone(() => {
        this.#idle.renew(member);
        // A job may wait for an outdated worker to be replaced.
        this.#dispatch();
        this.#settleDrained();
      }),
    onOverdue: () => {
      this.#giveUpOverdue();
      this.#growBack();
      this.#dispatch();
      this.#settleDrained();
    },
    onDying: (member) => this.#idle.remove(member),
    onExpelled: (member, cause) => runInNone(() => this.#expel(member, cause)),
    onEnd: (member, cause) => this.#lost(member, cause),
  };

  /** The error of a worker that cannot load what the pool's `preload` names. */
  #preloadError(url: string, cause: unknown): WorkerStartError {
    const { isolation, permissions } = this.#settings;
    const failure =
      `Cannot start a ${this.name} worker: the module ${url} of its preload cannot be loaded`;
    const isRestricted = isolation !== "inline" && permissions !== "inherit";
    return loadError(failure, cause, isRestricted ? this.name : undefined);
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

  /** A worker has said what no worker says: it is ended, and counts as one that has crashed. */
  #expel(member: Member, cause: Error): void {
    if (!this.#members.has(member)) return;
    if (this.#starts.died(member, cause)) this.#endLoad(member, "gone");
    else {
      this.#tally.crashed++;
      this.#report("workercrash", member.number, cause);
    }
    this.#end(member, false, cause);
    this.#growBack();
    this.#dispatch();
    this.#settleDrained();
  }

  /** A worker is gone: it was told to, came back from a stuck task, failed to start, or died. */
  #lost(member: Member, cause: unknown): void {
    this.#ending.delete(member);
    const wasStuck = this.#stuck.delete(member);
    // The tenant of another one may be forgotten, and is not to be made again.
    if (!wasStuck && !this.#members.has(member)) return;
    const tenant = this.#tenants.of(member.tenant);
    if (wasStuck) tenant.stuck--;
    if (this.#members.delete(member)) {
      this.#release(member);
      if (!this.#starts.died(member, cause)) {
        member.failEnds(() => this.#crashed(member, "while a stream of it was open", cause));
        this.#tally.crashed++;
        this.#report("workercrash", member.number, cause);
        this.#growBack();
        this.#recover(member, cause);
      }
    } else {
      // That it crashed was told before.
      if (!member.isExpelled) this.#report("workerback", member.number);
      this.#growBack();
    }
    this.#tenants.forget(tenant);
    this.#dispatch();
    this.#settleDrained();
  }

  /** A worker died: what it ran fails, and what it had not begun goes back to the queue. */
  #recover(member: Member, cause: unknown): void {
    this.#recoverLoad(member, cause);
    const next = this.#requeue(member);
    for (const job of member.jobs) {
      this.#failCrashed(
        member,
        job,
        member.hasBegun(job) ? "while it ran" : "with what was moved to it for",
        cause,
      );
    }
    if (member.jobs.size > 0 || next === undefined) return;
    // Nothing was under way. What was next may have been the cause, so it has one more try.
    if (next.details.returned) {
      this.#tenants.of(next.tenant).queue.remove(next);
      this.#failCrashed(member, next, "when it was to run", cause);
    }
    next.details.returned = true;
  }

  /** A worker died while it loaded a module: the module is tried again, but not at once. */
  #recoverLoad(member: Member, cause: unknown): void {
    const module = member.modules.current;
    const job = this.#endLoad(member, "gone");
    if (module === undefined) return;
    const tenant = this.#tenants.of(member.tenant);
    if (!member.hasBegunLoad) {
      tenant.queue.unshift(tenant.failedModules.notBegun(module.index));
      if (job?.settled === false) tenant.queue.unshift([job]);
      return;
    }
    if (job !== undefined) this.#failCrashed(member, job, "while it loaded the module of", cause);
    this.#failLoad(tenant, module.index, ({ task }) =>
      new WorkerStartError(
        `Cannot load the module of ${task.label}: the worker died meanwhile: ${endOf(cause)}`,
        { cause },
      ));
  }

  /** What those catch who lose their worker. */
  #crashed({ processEnd }: Member, when: string, cause: unknown): WorkerCrashedError {
    const error = new WorkerCrashedError(`The worker died ${when}: ${endOf(cause)}`, { cause });
    const exitCode = processEnd?.code ?? undefined;
    const signal = processEnd?.signal ?? undefined;
    return Object.assign(error, { pool: this.name, exitCode, signal });
  }

  #failCrashed(member: Member, job: Job, when: string, cause: unknown): void {
    if (job.settled) return;
    this.#tally.failed++;
    job.reject(this.#crashed(member, `${when} ${job.task.label}`, cause));
  }

  /** Takes a worker out of the pool and ends it. */
  #end(
    member: Member,
    patient = false,
    cause: unknown = "it was given up, as it did not respond",
  ): void {
    const wasStarting = this.#starts.has(member);
    const rests = this.#idle.has(member);
    const loading = member.modules.current !== undefined;
    const tenant = this.#tenants.of(member.tenant);
    this.#members.delete(member);
    this.#release(member);
    this.#idle.remove(member);
    this.#starts.ended(member);
    this.#ending.add(member);
    if (member.busy && !wasStarting) {
      this.#stuck.add(member);
      tenant.stuck++;
      this.#recover(member, cause);
      if (this.#turns.isBarred(tenant)) this.#refuseAsStuck(tenant);
    }
    this.#tenants.forget(tenant);
    member.failEnds(() => this.#crashed(member, "while a stream of it was open", cause));
    if (patient && rests) member.retire();
    else member.terminate(loading);
  }

  /** Gives up workers that do not respond. */
  #giveUpOverdue(): void {
    for (const member of this.#members) {
      if (!member.overdue) continue;
      this.#report("workerstuck", member.number);
      this.#end(member);
    }
  }

  /** Whether the pool can do without an idle worker. */
  #isSpare(member: Member): boolean {
    const { minWorkers, spare } = this.#settings;
    const { size } = this.#members;
    return size > minWorkers + spare && (member.taken || size - this.#taken > spare);
  }

  #retire(member: Member): void {
    this.#report("workerretire", member.number);
    this.#end(member, true, "it was idle, and nothing in it used the stream");
  }

  /** With no worker left, and none to be started, what waits would wait for ever. */
  #refuseIfAllStuck(): void {
    // Each job that is added asks this: most of the time it must cost nothing.
    if (this.#members.size > 0) return;
    for (const tenant of [...this.#tenants]) this.#refuseAsStuck(tenant);
  }

  /** Rejects what waits of a tenant, as the workers that could run it are stuck. */
  #refuseAsStuck(tenant: Tenant): void {
    const [stuck, whose, most] = this.#turns.isBarred(tenant)
      ? [tenant.stuck, tenant.label, "maxWorkersPerTenant"]
      : [this.#stuck.size, "", "maxWorkers"];
    const message = `Cannot run the task: ${stuck} ${this.name} workers${whose}, twice ${most}, ` +
      "are stuck in aborted tasks that do not end; poll throwIfAborted() in long synchronous " +
      'tasks, or use isolation: "process"';
    const data = { pool: this.name, stuck };
    this.#failQueued(tenant, () => Object.assign(new WorkersStuckError(message), data));
  }

  #failQueued(
    tenant: Tenant,
    make: (job: Job) => unknown,
    isHit: (job: Job) => boolean = () => true,
  ): void {
    for (const job of tenant.queue) {
      if (!isHit(job)) continue;
      tenant.queue.remove(job);
      this.#tally.failed++;
      job.reject(make(job));
    }
    this.#tenants.forget(tenant);
  }

  #settleDrained(): void {
    if (this.#drained === undefined || this.#tenants.waiting > 0) return;
    for (const member of this.#members) if (member.unfinished) return;
    this.#drained.resolve();
    this.#drained = undefined;
  }
}

/** What a worker died of, for an error's message. */
function endOf(cause: unknown): string {
  return cause === undefined
    ? "it ended by itself, by Deno.exit() or self.close()"
    : reasonOf(cause);
}
