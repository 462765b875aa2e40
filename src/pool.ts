import { onAbort } from "./abort.ts";
import {
  type ExecutorError,
  QueueFullError,
  ShutdownError,
  WorkerCrashedError,
  WorkerStartError,
} from "./errors.ts";
import type { ExecutorEventType } from "./events.ts";
import { loadError, TimedOut } from "./failure.ts";
import { FIRST_LOOK, judgeGrowth, LONG_LOOK, type Progress } from "./growth.ts";
import { Idle } from "./idle.ts";
import { assertIsolation } from "./isolation.ts";
import type { Job } from "./job.ts";
import { Flight } from "./flight.ts";
import { atLeisure } from "./leisure.ts";
import { Member, type MemberEvents } from "./member.ts";
import { discard } from "./member/open_ends.ts";
import type { PoolSettings } from "./options.ts";
import { type PoolStats, Tally } from "./pool_stats.ts";
import { Queue } from "./queue.ts";
import { currentContext, runIn, runInNone } from "./runtime/async_context.ts";
import { Starts } from "./starts.ts";
import { FailedModules } from "./pool/failed_modules.ts";
import { observe, traceTask, unobserve } from "./telemetry.ts";
import { isThenable } from "./thenable.ts";
import * as machinery from "./timers.ts";

/** How often, in ms, workers that were sent tasks ahead are looked at. */
const LOOK = 5;
/** After how many tasks that wait it is seen whether workers have done what they were sent. */
const BURST = 256;
/** How long, in ms, a shutdown waits for a worker to be gone: an idle one takes two, a stuck one for ever. */
const FAREWELL = 100;
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
  readonly #queue = new Queue();
  /** The modules that failed to load, and the jobs that are set aside until they may be tried. */
  readonly #failedModules = new FailedModules((jobs) => {
    this.#queue.unshift(jobs);
    this.#dispatch();
  });
  /** Workers that load a module for a task. */
  readonly #loading = new Set<Member>();
  /** Workers that are starting, idle or busy. */
  readonly #members = new Set<Member>();
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
  /** How far the pool was when it started a worker last. */
  #startProgress: Progress = { time: 0, returned: 0 };
  #growTimer: machinery.Timer | undefined;
  #lookTimer: machinery.Timer | undefined;
  /** Who waits until nothing waits and nothing runs. */
  #drained: PromiseWithResolvers<void> | undefined;
  readonly #tally = new Tally();
  /** Whether the latest task was refused. */
  #full = false;

  constructor(name: string, settings: PoolSettings, report: Report) {
    this.name = name;
    this.#settings = settings;
    this.#report = report;
    this.#idle = new Idle(
      settings.idleTimeout,
      () => this.#members.size > settings.minWorkers,
      (member) => this.#retire(member),
    );
    this.#starts = new Starts(name, {
      make: (number) => this.#make(number),
      onFailed: (number, error) => report("workererror", number, error),
      onLate: (member) => this.#end(member),
    });
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
    const { isolation, minWorkers, permissions, permissionsGiven, preload } = this.#settings;
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
    const wanted = Math.max(minWorkers, sure ? 0 : 1);
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
    if (this.#settings.isolation === "inline" || job.options?.onProgress !== undefined) {
      job.details.context = context;
    }
    runIn(undefined, () => this.#take(job));
  }

  #take(job: Job): void {
    const signal = job.options?.signal;
    if (signal?.aborted) return this.#refuse(job, signal.reason);
    const { maxQueue } = this.#settings;
    if (maxQueue !== Infinity && this.#waiting >= maxQueue) {
      this.#tally.failed++;
      if (!this.#full) this.#report("queuefull", 0);
      this.#full = true;
      return job.reject(
        new QueueFullError(
          `Cannot queue the task: ${this.#waiting} already wait for a ${this.name} worker, ` +
            "which is maxQueue; try again later",
        ),
      );
    }
    this.#full = false;
    if (signal !== undefined) this.#listen(job, signal);
    this.#queue.push(job);
    this.#dispatch();
    if (job.place !== this.#queue) {
      if (job.waits === undefined) this.#tally.didNotWait();
      return;
    }
    this.#tally.waits(job, this.#queue.size);
    if (this.#queue.size % BURST === 0) this.#keepUp();
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
  }

  /** Takes a job out of where it waits; `false` if a worker was sent it. */
  #unqueue(job: Job): boolean {
    const { place } = job;
    if (place === undefined || place instanceof Flight) return false;
    place.remove(job);
    return true;
  }

  /** Settles every job that has not begun, for the reason that `make` gives. */
  cancelQueued(make: () => unknown): void {
    for (const job of this.#failedModules.takeAll()) this.#refuse(job, make());
    for (const member of this.#members) {
      for (const job of member.jobs) {
        if (!job.settled && member.drop(job)) this.#refuse(job, make());
      }
    }
    for (let job = this.#queue.head; job !== undefined; job = this.#queue.head) {
      this.#queue.remove(job);
      this.#refuse(job, make());
    }
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
    if (this.#growTimer !== undefined) {
      machinery.clearTimeout(this.#growTimer);
      this.#growTimer = undefined;
      this.#growing = false;
    }
    if (this.#lookTimer !== undefined) machinery.clearTimeout(this.#lookTimer);
    this.#lookTimer = undefined;
    this.cancelQueued(() => new ShutdownError("The executor was terminated before the task began"));
    if (!patient) { for (const member of this.#ending) member.terminate(); }
    for (const member of [...this.#members]) {
      if (!this.#starts.has(member)) this.#report("workerretire", member.number);
      member.collect();
      this.#drop(member);
      member.failEnds(() =>
        new ShutdownError("The executor was terminated while the stream was open")
      );
      this.#end(member, patient);
    }
    this.#failedModules.clear();
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
    await Promise.all(Array.from(this.#ending, (member) => member.ended(FAREWELL)));
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
    let waiting = this.#queue.size + this.#failedModules.waiting;
    for (const member of this.#members) waiting += member.waiting;
    return waiting;
  }

  /** Gives waiting jobs to idle workers, first in first out. */
  #dispatch(): void {
    for (let job = this.#queue.head; job !== undefined; job = this.#queue.head) {
      const held = this.#isHeld(job);
      const member = this.#idle.take(job, !held);
      if (member === undefined) {
        if (!held) return this.#grow();
        this.#setAside(job);
        continue;
      }
      this.#feed(member);
      if (!member.busy && this.#members.has(member)) this.#idle.add(member);
    }
  }

  /** Whether no worker may be asked to load the job's module now, as that has just failed. */
  #isHeld({ task }: Job): boolean {
    return this.#failedModules.any && this.#failedModules.holds(task.module);
  }

  /** Takes a job from the queue until its module may be tried again. */
  #setAside(job: Job): void {
    this.#queue.remove(job);
    if (job.waits === undefined) this.#tally.waits(job, 1);
    this.#failedModules.setAside(job);
  }

  /** The one place where a task leaves: sends a worker its share of what waits, if it has room. */
  #feed(member: Member, share = Math.ceil(this.#queue.size / this.#members.size)): void {
    let time = 0;
    for (let job = this.#queue.head; job !== undefined; job = this.#queue.head) {
      if (share-- <= 0 || !member.hasRoomFor(job) || !this.#members.has(member)) break;
      if (!member.hasLoaded(job.task)) {
        // The job has nothing to do with those behind it.
        if (this.#isHeld(job)) {
          this.#setAside(job);
          share++;
          continue;
        }
        this.#load(member, job);
        break;
      }
      this.#queue.remove(job);
      member.send(job);
      if (job.settled) continue;
      job.trace?.sent();
      if (job.waits !== undefined) this.#tally.waited(job, time ||= machinery.now());
      if (job.options?.timeout !== undefined) this.#limit(job, job.options.timeout);
    }
    member.flush();
    // A getter of an argument, run by the clone, has terminated the pool.
    if (!this.#members.has(member)) return this.#drop(member);
    if (member.busy) member.engage(true);
    if (member.jobs.size > 1) this.#lookTimer ??= machinery.setTimeout(this.#look, LOOK);
  }

  /** Has a worker load the module of a job, which waits for that, and takes none of its time. */
  #load(member: Member, job: Job): void {
    this.#queue.remove(job);
    if (job.waits === undefined) this.#tally.waits(job, 1);
    this.#failedModules.loads(job.task.module);
    this.#loading.add(member);
    member.load(job);
  }

  /** Ends a load; returns the job that had waited for it. */
  #endLoad(member: Member, outcome: "loaded" | "failed" | "gone"): Job | undefined {
    this.#loading.delete(member);
    return member.modules.end(outcome);
  }

  /** Gives a worker the jobs that wait for others to load a module that it has: they came first. */
  #takeOver(member: Member): void {
    const jobs: Job[] = [];
    for (const { modules } of this.#loading) {
      const { job } = modules;
      if (job === undefined || !member.hasLoaded(job.task) || !member.hasRoomFor(job)) continue;
      modules.remove(job);
      jobs.push(job);
    }
    this.#queue.unshift(jobs);
    if (this.#failedModules.any && !member.busy) {
      this.#queue.unshift(this.#failedModules.takeFor((module) => member.modules.has(module)));
    }
  }

  /** A module could not be loaded: rejects what waits for it, unless another worker has it. */
  #failLoad(module: number, make: (job: Job) => unknown): void {
    this.#failedModules.failed(module);
    const waiting = this.#failedModules.take(module);
    this.#queue.unshift(waiting);
    if (this.#members.values().some(({ modules }) => modules.has(module))) return;
    this.#failQueued(make, ({ task }) => task.module === module);
  }

  /** Times a job that was sent; its time begins when its function is called. */
  #limit(job: Job, timeout: number): void {
    const sent = machinery.now();
    const end = () => {
      // The worker may still read the arguments. Where a test fakes the time, no time has passed.
      if (machinery.now() - sent >= timeout && this.#memberWith(job)?.hasBegun(job) === false) {
        job.details.timer = machinery.setTimeout(begin, BEGIN_POLL_MS);
      } else this.cancel(job, new TimedOut(job.task, timeout));
    };
    const begin = () => {
      if (this.#memberWith(job)?.hasBegun(job) === false) {
        job.details.timer = machinery.setTimeout(begin, BEGIN_POLL_MS);
      } else this.#limit(job, timeout);
    };
    job.details.timer = setTimeout(end, timeout);
  }

  /** The one place where a task returns. */
  #return(job: Job, failed: boolean, outcome: unknown): void {
    if (job.settled) return;
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
      if (this.#loading.size > 0 || this.#failedModules.any) this.#takeOver(member);
      if (this.#queue.head !== undefined && member.runsLow) this.#feed(member);
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
      else if (member.jobs.size > 1) this.#lookTimer ??= machinery.setTimeout(this.#look, LOOK);
    }
    this.#dispatch();
  };

  /** Puts what was sent ahead and has not begun back to the front of the queue. */
  #recall(member: Member): void {
    if (member.jobs.size < 2) return;
    this.#requeue(member);
    // Only what was sent ahead: what an idle worker was given stays with it.
    if (member.jobs.size === 0) this.#feed(member, 1);
  }

  /** Takes back what a worker has not begun; returns the first of it. */
  #requeue(member: Member): Job | undefined {
    const jobs = member.takeBack().filter(({ settled }) => !settled);
    for (const job of jobs) job.endTime();
    this.#queue.unshift(jobs);
    return jobs[0];
  }

  /** The worker that a job was sent to. */
  #memberWith(job: Job): Member | undefined {
    if (job.place === undefined) return;
    for (const member of this.#members) {
      if (member.jobs === job.place || member.modules === job.place) return member;
    }
  }

  /** Considers another worker for the jobs that wait, none of which an idle one can run. */
  #grow(since?: Progress): void {
    const { minWorkers, maxWorkers } = this.#settings;
    if (this.#growing || !this.#open) {
      if (this.#growTimer !== undefined) Deno.refTimer(this.#growTimer);
      return;
    }
    // An idle worker that cannot run the job is older than the job's module.
    const outdated = this.#queue.size > 0 ? this.#idle.longest : undefined;
    // Each that is stuck is replaced, but not without end.
    if (this.#members.size >= Math.min(maxWorkers, 2 * maxWorkers - this.#stuck.size)) {
      if (outdated === undefined) return this.#refuseIfAllStuck();
      this.#retire(outdated);
    }
    const { backoff } = this.#starts;
    if (backoff > 0) this.#growLater(backoff);
    else if (this.#members.size < Math.max(1, minWorkers) || outdated !== undefined) {
      this.#startOne();
    } else this.#considerStart(since ?? this.#progress(), FIRST_LOOK);
  }

  /** Starts what is missing of `minWorkers`. */
  #growBack(): void {
    if (this.#members.size < this.#settings.minWorkers) this.#grow();
  }

  /** Waits until a worker may be started again; only what waits for it keeps the process alive. */
  #growLater(ms: number): void {
    this.#growing = true;
    this.#growTimer = machinery.setTimeout(() => {
      this.#growTimer = undefined;
      this.#growing = false;
      if (this.#queue.size > 0) this.#grow();
      else this.#growBack();
    }, ms);
    if (this.#queue.size === 0) Deno.unrefTimer(this.#growTimer);
  }

  /** Looks at the pool's progress since then, after this many ms, and starts a worker if it is worth it. */
  #considerStart(since: Progress, after: number): void {
    this.#growing = true;
    this.#growTimer = machinery.setTimeout(() => {
      this.#growTimer = undefined;
      this.#growing = false;
      const { size } = this.#queue;
      if (size === 0) return this.#growBack();
      switch (judgeGrowth(since, this.#progress(), size, this.#members.size)) {
        case "start":
          this.#startOne();
          break;
        case "look longer":
          this.#considerStart(since, LONG_LOOK);
          break;
        case "wait":
          this.#grow();
      }
    }, Math.max(0, since.time + after - performance.now()));
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
      this.#failQueued(
        () => new WorkerStartError(message, { cause }),
        ({ task }) => !this.#members.values().some((member) => member.canRun(task)),
      );
    }
    return true;
  }

  /** Considers the next worker. */
  #growOn(first: boolean): void {
    // While it got ready the others, if any, went on: what they did then counts.
    if (this.#queue.size > 0) this.#grow(first ? undefined : this.#startProgress);
    else this.#growBack();
    this.#settleDrained();
  }

  #progress(): Progress {
    return { time: performance.now(), returned: this.#tally.ended };
  }

  #make(number: number): Member {
    const member = new Member(number, this.name, this.#settings, this.#events);
    this.#members.add(member);
    atLeisure(() => this.#idle.watch());
    // Taken after the start has blocked, when no return could be noticed.
    this.#startProgress = this.#progress();
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
      this.#queue.unshift(this.#failedModules.loaded(index));
      if (job !== undefined) this.#queue.unshift([job]);
      this.#continue(member);
    },
    onUnloadable: (member, module, failure, cause) => {
      const job = this.#endLoad(member, "failed");
      if (this.#starts.died(member, this.#preloadError(module.url, cause))) {
        this.#end(member);
        return;
      }
      if (job !== undefined) this.#return(job, true, failure(job.task));
      this.#failLoad(module.index, ({ task }) => failure(task));
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

  /** A worker is gone: it was told to, came back from a stuck task, failed to start, or died. */
  #lost(member: Member, cause: unknown): void {
    this.#ending.delete(member);
    const wasStuck = this.#stuck.delete(member);
    if (this.#members.delete(member)) {
      if (!this.#starts.died(member, cause)) {
        member.failEnds(() => crashed("while a stream of it was open", cause));
        this.#tally.crashed++;
        this.#report("workercrash", member.number, cause);
        this.#growBack();
        this.#recover(member, cause);
      }
    } else if (wasStuck) {
      this.#report("workerback", member.number);
      this.#growBack();
    } else {
      return;
    }
    this.#dispatch();
    this.#settleDrained();
  }

  /** A worker died: what it ran fails, and what it had not begun goes back to the queue. */
  #recover(member: Member, cause: unknown): void {
    this.#recoverLoad(member, cause);
    const next = this.#requeue(member);
    for (const job of member.jobs) {
      this.#failCrashed(
        job,
        member.hasBegun(job) ? "while it ran" : "with what was moved to it for",
        cause,
      );
    }
    if (member.jobs.size > 0 || next === undefined) return;
    // Nothing was under way. What was next may have been the cause, so it has one more try.
    if (next.details.returned) {
      this.#queue.remove(next);
      this.#failCrashed(next, "when it was to run", cause);
    }
    next.details.returned = true;
  }

  /** A worker died while it loaded a module: the module is tried again, but not at once. */
  #recoverLoad(member: Member, cause: unknown): void {
    const module = member.modules.current;
    const job = this.#endLoad(member, "gone");
    if (module === undefined) return;
    if (!member.hasBegunLoad) {
      this.#queue.unshift(this.#failedModules.notBegun(module.index));
      if (job?.settled === false) this.#queue.unshift([job]);
      return;
    }
    if (job !== undefined) this.#failCrashed(job, "while it loaded the module of", cause);
    this.#failLoad(module.index, ({ task }) =>
      new WorkerStartError(
        `Cannot load the module of ${task.label}: the worker died meanwhile: ${reasonOf(cause)}`,
        { cause },
      ));
  }

  #failCrashed(job: Job, when: string, cause: unknown): void {
    if (job.settled) return;
    this.#tally.failed++;
    job.reject(crashed(`${when} ${job.task.label}`, cause));
  }

  /** Takes a worker out of the pool and ends it. */
  #end(
    member: Member,
    patient = false,
    cause = "it was given up, as it did not respond",
  ): void {
    const wasStarting = this.#starts.has(member);
    const rests = this.#idle.has(member);
    const loading = member.modules.current !== undefined;
    this.#members.delete(member);
    this.#idle.remove(member);
    this.#starts.ended(member);
    this.#ending.add(member);
    if (member.busy && !wasStarting) {
      this.#stuck.add(member);
      this.#recover(member, cause);
    }
    member.failEnds(() => crashed("while a stream of it was open", cause));
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

  #retire(member: Member): void {
    this.#report("workerretire", member.number);
    this.#end(member, true, "it was idle, and nothing in it used the stream");
  }

  /** With no worker left, and none to be started, what waits would wait for ever. */
  #refuseIfAllStuck(): void {
    // Each job that is added asks this: most of the time it must cost nothing.
    if (this.#members.size > 0) return;
    const message = `Cannot run the task: ${this.#stuck.size} ${this.name} workers, twice ` +
      "maxWorkers, are stuck in aborted tasks that do not end; poll throwIfAborted() in long " +
      'synchronous tasks, or use isolation: "process"';
    this.#failQueued(() => new WorkerStartError(message));
  }

  #failQueued(make: (job: Job) => unknown, isHit: (job: Job) => boolean = () => true): void {
    for (const job of this.#queue) {
      if (!isHit(job)) continue;
      this.#queue.remove(job);
      this.#tally.failed++;
      job.reject(make(job));
    }
  }

  #settleDrained(): void {
    if (this.#drained === undefined || this.#queue.size + this.#failedModules.waiting > 0) return;
    for (const member of this.#members) if (member.unfinished) return;
    this.#drained.resolve();
    this.#drained = undefined;
  }
}

/** What those catch who lose their worker. */
function crashed(when: string, cause: unknown): WorkerCrashedError {
  return new WorkerCrashedError(`The worker died ${when}: ${reasonOf(cause)}`, { cause });
}

/** What a worker died of, for an error's message. */
function reasonOf(cause: unknown): string {
  if (cause === undefined) return "it ended by itself, by Deno.exit() or self.close()";
  return cause instanceof Error ? cause.message : String(cause);
}
