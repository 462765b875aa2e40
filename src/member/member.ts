import { Batch, takeBytesOf } from "./batch.ts";
import { warnOfNativeCode } from "../backend/native_code.ts";
import { assertCloneable } from "../wire/values/cloneable.ts";
import type { NotCloneableError } from "../api/errors.ts";
import { discard, OpenEnds } from "./open_ends.ts";
import { Failure, notCloneable, withoutPeriod } from "../tasks/failure.ts";
import { SentJobs } from "./sent_jobs.ts";
import { startBackend } from "../backend/isolation.ts";
import type { ProcessEnd } from "../backend/process_end.ts";
import type { Job } from "./job.ts";
import { nextRun, runsBetween, SLOTS } from "../wire/ledger.ts";
import { afterStartup, isAfterStartup } from "../runtime/after_startup.ts";
import { ModuleLoads } from "./module_loads.ts";
import { Telling } from "./telling.ts";
import {
  ABORT,
  BUFFER,
  DONE,
  DYING,
  type Extra,
  FAILED,
  FORGET,
  type FromProcess,
  KEPT,
  LEARN,
  LIVES,
  LOAD,
  LOADED,
  MAX_ADDRESSES,
  OUTLIVES,
  PROGRESS,
  PULL,
  READY,
  type Said,
  SHARED,
  STREAM_STATE,
  TAKEN_BACK,
  UNLOADABLE,
  WINDOW,
  YIELDED,
} from "../wire/protocol.ts";
import { type AddressedTask, modules, type TaskModule } from "../tasks/task.ts";
import type { PoolSettings } from "../settings/settings.ts";
import type { AsyncContext } from "../runtime/async_context.ts";
import type { Backend } from "../backend/backend.ts";
import { decodeThrown, encodeThrown, type Thrown } from "../wire/thrown.ts";
import * as machinery from "../runtime/real_timers.ts";
import { transferablesOf } from "../wire/values/transfer.ts";
import { toBuffer } from "../wire/values/buffers.ts";
import { putErrors } from "../wire/values/carried_errors.ts";
import { describeMessage, isWellFormed } from "../wire/check.ts";
import { isSmall } from "../wire/small.ts";
import { beginWriting, endWriting } from "../wire/values/write_guard.ts";
import { Watchdog, type Watched } from "./watchdog.ts";

/** For how long, in ms, a worker is sent tasks ahead, by the time that such tasks take. */
const LOOKAHEAD_MS = 0.5;
/** The same for objects, by the time that sending them takes: what costs here is worth a rest. */
const SENDING_AHEAD_MS = 2;
/** How many runs it may be behind. */
const MAX_AHEAD = SLOTS / 2;
/** How many of them may have had arguments moved to it, which cannot be taken back. */
const MAX_MOVED_AHEAD = 256;
/** After how many one is timed while it is sent: reading the clock twice takes a microsecond. */
const SAMPLE = 8;

/** How many messages a worker may send in each second that it was not sent anything for. */
const FREE_MESSAGES = 1_000;
/** How many a worker may send for each run, and for each stream or port. */
const MESSAGES_EACH = 4;

/** A worker that says that a task took longer than this many ms is checked. */
const LONG_MS = 1_000;
/** What a member tells its pool. */
export interface MemberEvents {
  /** Its worker is there, and loads what it is to have before it takes tasks. */
  onUp(member: Member): void;
  /** Its worker takes tasks. */
  onReady(member: Member): void;
  /** Its worker has loaded a module. */
  onLoaded(member: Member, module: TaskModule): void;
  /** Its worker could not load a module; `failure` makes what the caller of a task of it is told. */
  onUnloadable(
    member: Member,
    module: TaskModule,
    failure: (task: AddressedTask) => Failure,
    cause: unknown,
  ): void;
  /** So many runs took so many ms each. */
  onTimed(ms: number, runs: number): void;
  /** Its worker is done with this job; `outcome` is a value, or a {@linkcode Failure}. */
  onReturn(job: Job, failed: boolean, outcome: unknown): void;
  /** A job that goes on has told its caller something. */
  onProgress(job: Job, value: unknown): void;
  /** A job that streams has yielded a value. */
  onYield(job: Job, value: unknown): void;
  /** Its worker waits until what it has not begun is taken back. */
  onShared(member: Member): void;
  /** All that its worker has said by now has been told: it may have room for more. */
  onRoom(member: Member): void;
  /** Its worker is needed for a stream or port less. */
  onFree(member: Member): void;
  /** Its aborted task has not ended within its grace, or it hears nothing. */
  onOverdue(member: Member): void;
  /** It is dying: it takes no more tasks, but what it had sent still arrives. */
  onDying(member: Member): void;
  /** It has said what no worker of this package says, and is not heard any more; `cause` says what. */
  onExpelled(member: Member, cause: Error): void;
  /** Its worker is gone; `cause` is what it died of, as far as that is known. */
  onEnd(member: Member, cause: unknown): void;
}

/** The host's side of one worker: what it runs, and how that ends. */
export class Member implements Watched {
  /** Which one of its pool it is. */
  readonly number: number;
  /** Whether the worker is about to be gone: it takes no more tasks. */
  dying = false;
  /** When it became idle, in ms of the time that idle.ts goes by. */
  idleSince = 0;
  /** Whether the worker serves somebody: from then on nobody else; and since when, in ms. */
  taken = false;
  takenAt = 0;
  /** The tenant that the worker serves; the program itself has no name. */
  tenant: string | undefined;
  /** How the worker has ended, if the worker was a process and has ended. */
  processEnd: ProcessEnd | undefined;
  /** What the worker was sent: jobs enter in `send`, and leave when they return or are taken back. */
  readonly jobs = new SentJobs();
  /** The modules that the worker has, and the one that it loads. */
  readonly modules = new ModuleLoads(() => this.engage(false));
  readonly #events: MemberEvents;
  readonly #backend: Backend;
  readonly #watchdog: Watchdog;
  /** The modules that the worker loads before it takes tasks. */
  readonly #preload: readonly TaskModule[];
  #ready = false;
  /** Whether the worker has said that it is there. */
  #isUp = false;
  /** Whether the worker was told to end. */
  #isEnding = false;
  /** Whether the worker is not heard any more. */
  #isExpelled = false;
  /** Whether the worker has written to the ledger what cannot be. */
  #isLedgerBroken = false;
  /** The last run that the worker was sent. */
  #lastSent = 0;
  /** How many messages the worker was sent whose calls it may ask to be sent one by one. */
  #together = 0;
  /** How many messages the worker may send; what tells of a run that goes on has a count of its own. */
  #allowance = FREE_MESSAGES;
  /** What tasks tell, where the worker knows when to wait: Deno hears a process once a turn. */
  readonly #telling: Telling | undefined;
  /** How many values the worker may yield, and the run that this is about. */
  #yields = { run: 0, room: 0 };
  /** What the pool is called, if its tasks have permissions of their own. */
  readonly #restricted: string | undefined;
  /** The last run whose arguments were not moved. */
  #lastKept = 0;
  /** The run that was next or under way when it was last looked at. */
  #looked = 0;
  /** How many jobs it had when it was sent some last. */
  #stock = 0;
  /** Since when there is this worker, in ms: no task has run for longer. */
  readonly #since = machinery.now();
  /** How many runs have ended since one was timed: short ones are timed together. */
  #untimed = 0;
  /** What is gathered to be sent, and what is being sent: that may run code of the caller's. */
  #batch: Batch | undefined;
  #sending: Batch | undefined;
  /** The run that was timed last while it was sent. */
  #sampled = 0;
  /** The tasks whose address the worker has. */
  readonly #known = new Map<number, AddressedTask>();
  #lastWords: Thrown | undefined;
  /** How many ms the worker may take to end. */
  #exitWait = 0;
  /** The streams and ports between here and the worker; most never have any. */
  #openEnds: OpenEnds | undefined;

  constructor(number: number, name: string, settings: PoolSettings, events: MemberEvents) {
    this.number = number;
    this.#events = events;
    const { isolation, permissions, preload } = settings;
    this.#preload = preload;
    this.#restricted = isolation === "inline" || permissions === "inherit" ? undefined : name;
    this.#backend = startBackend(name, settings, {
      onMessage: (message) => this.#receive(message),
      onDying: () => {
        this.dying = true;
        events.onDying(this);
      },
      onEnd: (message, end) => {
        this.processEnd = end;
        this.#end(message);
      },
    });
    this.#telling = this.#backend.queues ? new Telling(this.#backend.ledger) : undefined;
    this.#watchdog = new Watchdog(this, {
      // A task may go on for hours, and handle an error of its own now and then.
      onLook: () => this.#allowance = Math.max(this.#allowance, FREE_MESSAGES),
      onOverdue: () => events.onOverdue(this),
    });
    afterStartup(() => this.#watchdog.watch());
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

  /**
   * Whether the job may be sent now: to a worker that has nothing to do, or ahead, if it and
   * those before it are short, so that it is not far from beginning.
   */
  hasRoomFor(job: Job): boolean {
    const { task, options } = job;
    if (!this.canRun(task) || this.modules.current !== undefined) return false;
    const { size, first, last } = this.jobs;
    if (size === 0) return true;
    if (
      !this.hasLoaded(task) || !this.#backend.queues || size * task.running.ms >= LOOKAHEAD_MS ||
      // Its time begins when it is sent.
      options?.timeout !== undefined ||
      // What is aborted may be given up with its worker.
      this.#watchdog.waitsForEnd ||
      runsBetween(first, last) >= MAX_AHEAD || this.#known.size >= MAX_ADDRESSES
    ) return false;
    // What is moved cannot be taken back, nor anything from before it.
    if (job.transferables !== undefined) return size < MAX_MOVED_AHEAD;
    return this.#lastKept === last && (job.plain || size * task.sending.ms < SENDING_AHEAD_MS);
  }

  /**
   * Whether half of what it was sent is done. Sent more one by one, as it answers, a worker is
   * often asleep, and a message that wakes it takes 4 µs here instead of one.
   */
  get runsLow(): boolean {
    return this.jobs.size * 2 <= this.#stock;
  }

  /** Has the worker load the module of a job, which is to be sent when that is done. */
  load(job: Job): void {
    this.#load(modules[job.task.module]!, job, () => this.#watchdog.giveUp());
  }

  #load(module: TaskModule, job?: Job, onLate?: () => void): void {
    this.modules.begin(module, job, onLate);
    this.#backend.ledger.openLoad();
    this.#allowance += MESSAGES_EACH;
    this.#backend.post([LOAD, module.url]);
  }

  /** Loads what the pool wants loaded; when all of that is there, the worker takes tasks. */
  #prepare(): void {
    const missing = this.#preload.find(({ index }) => !this.modules.has(index));
    if (missing !== undefined) return this.#load(missing);
    this.#ready = true;
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
      // Many may wait for the module: what was thrown is made once for all of them.
      const failure = (task: AddressedTask) =>
        new Failure(task, "load", () => cause, this.#restricted);
      this.#events.onUnloadable(this, module, failure, cause);
    } else if (this.#ready) this.#events.onLoaded(this, module);
    else {
      this.modules.end("loaded");
      this.#prepare();
    }
    return true;
  }

  /** Sends a job to the worker, at the latest with the next `flush()`; it fails if it cannot be. */
  send(job: Job): void {
    if (!this.#known.has(job.task.id)) this.#teach(job.task);
    const taken = job.transferables && takeBytesOf(job);
    if (this.#batch?.add(job, taken) !== true) {
      this.flush();
      // By a getter of an argument that was sent.
      if (job.settled) return;
      this.#batch = new Batch(nextRun(this.jobs.last), job, taken);
    }
    this.jobs.push(job);
    const { last } = this.jobs;
    this.#backend.ledger.open(last);
    if (job.transferables === undefined) this.#lastKept = last;
  }

  /** Sends what was gathered. */
  flush(): void {
    const batch = this.#batch;
    this.#batch = undefined;
    if (batch !== undefined) this.#post(batch);
    this.#stock = this.jobs.size;
  }

  #post(batch: Batch): void {
    const { first, objects, task, transfer } = batch;
    const timed = task !== undefined &&
      (task.sending.ms === Infinity || runsBetween(this.#sampled, first) >= SAMPLE);
    const begun = timed ? machinery.now() : 0;
    this.#sending = batch;
    try {
      const { queues } = this.#backend;
      // What does not queue is sent one job at a time: this one.
      const context = queues ? undefined : this.jobs.head?.context;
      if (batch.lender !== undefined) this.#lend(batch, batch.lender, context);
      else if (objects > 0 && queues) this.#postGuarded(batch);
      else this.#backend.post(batch.message, transfer, context);
      this.#lastSent = batch.last;
      this.#allowance += batch.size * MESSAGES_EACH;
      if (batch.isTogether) this.#together++;
    } catch (cause) {
      return this.#sendApart(batch, cause);
    } finally {
      this.#sending = undefined;
    }
    if (!timed) return;
    this.#sampled = first;
    task.sending.learn((machinery.now() - begun) / objects);
  }

  /** Sends objects to a worker; throws if one of them is nested too deep. */
  #postGuarded(batch: Batch): void {
    const message = batch.guarded();
    const outer = beginWriting(message);
    try {
      this.#backend.post(message, batch.transfer);
    } finally {
      endWriting(outer);
    }
  }

  /** Sends a job whose arguments have streams or ports. */
  #lend(batch: Batch, { args, transferables }: Job, context: AsyncContext): void {
    // Refuses what cannot be sent before anything is taken from its owner.
    void batch.message;
    const loan = this.#ends.lend(args, transferables!);
    this.#allowance += loan.moved.length * MESSAGES_EACH;
    try {
      this.#backend.post(batch.messageWith(loan), loan.transfer, context);
    } catch (error) {
      this.#ends.takeBack(loan, error);
      throw error;
    }
  }

  get #ends(): OpenEnds {
    return this.#openEnds ??= new OpenEnds(() => this.#events.onFree(this));
  }

  /** Whether the worker is needed for a stream or port: then it is not to be retired. */
  get inUse(): boolean {
    return this.#openEnds !== undefined && this.#openEnds.inUse;
  }

  /** Whether something that was accepted has not ended here: a task, or a stream. */
  get unfinished(): boolean {
    return this.jobs.size > 0 || this.modules.job !== undefined ||
      (this.#openEnds !== undefined && this.#openEnds.unfinished);
  }

  /** Whoever reads or writes a stream between here and the worker learns that the worker is gone. */
  failEnds(makeReason: () => unknown): void {
    if (this.#openEnds !== undefined) this.#openEnds.fail(makeReason());
  }

  /** The value of a message; its streams and ports are looked after, or end as nobody takes it. */
  #valueOf(value: unknown, extra: Extra | undefined, wanted: boolean): unknown {
    if (extra === undefined) return value;
    if (extra === BUFFER) return toBuffer(value);
    if ("holes" in extra) return putErrors(value, extra);
    const adopted = this.#ends.adopt(value, extra);
    this.#allowance += extra.length * MESSAGES_EACH;
    if (!wanted) discard(adopted);
    return adopted;
  }

  /** Sends what could not be sent together one by one: only what is to blame fails. */
  #sendApart({ size, transfer }: Batch, cause: unknown): void {
    const jobs = this.jobs.removeLast(size);
    if (transfer === undefined) this.#lastKept = this.jobs.last;
    for (const job of jobs) {
      if (job.settled) continue;
      if (size === 1) {
        this.#events.onReturn(job, true, refusal(job, cause, this.#backend.clone));
      } else {
        this.send(job);
        this.flush();
      }
    }
  }

  /** The reader of a job's stream has taken so many values. */
  pull(job: Job, count: number): void {
    const run = this.jobs.runOf(job);
    this.#yieldsOf(run).room += count;
    this.#backend.post([PULL, run, count]);
  }

  /** How many values a run may yield. */
  #yieldsOf(run: number): { room: number } {
    if (this.#yields.run !== run) this.#yields = { run, room: WINDOW };
    return this.#yields;
  }

  /** Gives the worker the address of a task. */
  #teach(task: AddressedTask): void {
    // Those it has yet to run must not be forgotten.
    if (this.#known.size >= MAX_ADDRESSES && this.jobs.size === 0) {
      this.#known.clear();
      this.#backend.post([FORGET]);
    }
    this.#known.set(task.id, task);
    this.#backend.post([LEARN, task.id, task.address]);
  }

  /** Takes back the jobs that the worker has not begun, but those whose arguments were moved there. */
  takeBack(): Job[] {
    if (this.jobs.size === 0) return [];
    const begun = this.#backend.ledger.takeBack(this.#lastKept);
    if (begun === undefined || !this.#canHaveClaimed(begun)) {
      // What has begun is not known, and no task may run twice.
      this.#breakLedger();
      return [];
    }
    const jobs = this.jobs.between(begun, this.#lastKept)
      .filter(({ transferables }) => transferables === undefined);
    for (const job of jobs) {
      this.jobs.remove(job);
      // It will not end, as it never begins.
      this.#watchdog.ended(job);
    }
    return jobs;
  }

  /** Whether a run can be the latest that was claimed, as long as the worker has not answered. */
  #canHaveClaimed(run: number): boolean {
    const { first, last } = this.jobs;
    return runsBetween(first, run) >= -1 && runsBetween(run, last) >= 0;
  }

  /** Whether the worker has begun a job that it was sent, and that was not taken back. */
  hasBegun(job: Job): boolean {
    return this.#isLedgerBroken ||
      runsBetween(this.jobs.runOf(job), this.#backend.ledger.claimed) >= 0;
  }

  /** Keeps the worker from running a job whose arguments it may still read; `false` if nothing can. */
  leaveOut(job: Job): boolean {
    return this.#backend.queues && this.#backend.ledger.drop(this.jobs.runOf(job));
  }

  /** Whether the pool is to replace the worker: see watchdog.ts. */
  get overdue(): boolean {
    return this.#watchdog.overdue;
  }

  /** Whether it is being sent something, which may run code of the caller's. */
  get sending(): boolean {
    return this.#sending !== undefined;
  }

  /** How many of its jobs were sent ahead and have not begun. */
  get waiting(): number {
    const { size } = this.jobs;
    if (size < 2) return 0;
    const unclaimed = runsBetween(this.#backend.ledger.claimed, this.jobs.last);
    return Math.max(0, Math.min(size - 1, unclaimed));
  }

  /** Whether others wait for a task that was under way when this was asked last. */
  isHeldUp(): boolean {
    const { claimed } = this.#backend.ledger;
    if (this.jobs.size > 0 && !this.#canHaveClaimed(claimed)) this.#breakLedger();
    const heldUp = claimed === this.#looked && claimed !== this.jobs.last;
    this.#looked = claimed;
    return heldUp;
  }

  /** Says whether it has work: then it keeps the process alive, and is looked at. */
  engage(engaged: boolean): void {
    this.#backend.engage(engaged);
    if (engaged && isAfterStartup()) this.#watchdog.watch();
  }

  /** Drops a job that was sent ahead: it never begins; `false` if it has, or is the first. */
  drop(job: Job): boolean {
    return job !== this.jobs.head && this.#backend.ledger.drop(this.jobs.runOf(job));
  }

  /**
   * The caller of a job has given up. One that was sent ahead and has not begun never will; one
   * that runs is told, and if it does not end soon, its worker is given up.
   */
  abort(job: Job, reason: unknown): void {
    const { ledger } = this.#backend;
    const run = this.jobs.runOf(job);
    const unsent = this.#sending !== undefined && runsBetween(this.#sending.first, run) >= 0;
    if (this.drop(job) || unsent || ledger.hasEnded(run)) return;
    ledger.abort(run);
    this.#backend.post([ABORT, run, encodeReason(reason)]);
    this.#watchdog.aborted(job);
  }

  /** What the worker was asked for but has not begun: the number of a run, or the URL of a module. */
  get unbegun(): number | string | undefined {
    const { current } = this.modules;
    if (current !== undefined) return this.hasBegunLoad ? undefined : current.url;
    const { head, first } = this.jobs;
    return head === undefined || this.hasBegun(head) ? undefined : first;
  }

  /**
   * Ends the worker, whatever it does.
   *
   * @param loading Whether the worker loads a module that nobody waits for any more.
   */
  terminate(loading = false): void {
    this.#isEnding = true;
    this.#telling?.release();
    this.#watchdog.stop();
    // What was moved there and has not begun: nobody waits for that any more.
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

  /** The one place where what a worker says arrives: it may be anything. */
  #receive(message: unknown): void {
    if (this.#isExpelled) return;
    try {
      if (this.#take(message)) return;
      this.#expel(describeMessage(message));
    } catch (error) {
      this.#expel(describeMessage(message), error);
    }
  }

  /** Does what a message says; `false` if the message does not fit what the worker was asked for. */
  #take(message: unknown): boolean {
    if (message === KEPT && this.#ready) {
      if (--this.#allowance < 0) return false;
      this.collect();
      this.#events.onRoom(this);
      return true;
    }
    if (!this.#ready) return this.#hearStart(message);
    this.collect();
    // What the ledger says may not fit.
    if (this.#isExpelled) return true;
    if (!isWellFormed(message)) return false;
    if (typeof message === "number") return --this.#allowance >= 0 && this.#hearSignal(message);
    const [kind] = message;
    if (kind === PROGRESS || kind === YIELDED) return this.#hear(message);
    if (--this.#allowance < 0) return false;
    switch (message[0]) {
      case SHARED: {
        if (--this.#together < 0) return false;
        const task = this.#known.get(message[1]);
        if (task !== undefined) task.shares = true;
        this.#events.onShared(this);
        this.#backend.post([TAKEN_BACK]);
        break;
      }
      case DONE: {
        const job = this.#begun(message[1]);
        if (job === undefined) return false;
        // First, as it may fail: then the job is still there to fail with its worker.
        const value = this.#valueOf(message[2], message[3], !job.settled);
        this.#endFirst(job);
        this.#events.onReturn(job, false, value);
        break;
      }
      case STREAM_STATE: {
        const [, id, state] = message;
        if (id > 0 && this.#openEnds?.hasLent(id) !== true) return false;
        this.#openEnds?.setState(id, state);
        return true;
      }
      case FAILED: {
        const [, run, kind, thrown] = message;
        const job = this.#begun(run);
        if (job === undefined) return false;
        this.#endFirst(job);
        const failure = new Failure(job.task, kind, () => decodeThrown(thrown), this.#restricted);
        this.#events.onReturn(job, true, failure);
        break;
      }
      default:
        return this.#hearAnyTime(message);
    }
    this.#events.onRoom(this);
    return true;
  }

  /** Does what a worker says before it takes tasks. */
  #hearStart(message: unknown): boolean {
    if (--this.#allowance < 0) return false;
    if (message === READY) {
      if (this.#isUp) return false;
      this.#isUp = true;
      if (this.#preload.length > 0) this.#events.onUp(this);
      this.#prepare();
      return true;
    }
    if (!isWellFormed(message)) return false;
    if (typeof message === "number") return this.#hearSignal(message);
    return this.#hearAnyTime(message);
  }

  /** Does what a message says that may come before and after the worker takes tasks. */
  #hearAnyTime(message: Exclude<FromProcess, number>): boolean {
    switch (message[0]) {
      case DYING:
        this.#lastWords = message[1];
        return true;
      case LOADED:
        return this.#endLoad(message[1]);
      case UNLOADABLE:
        return this.#endLoad(message[1], message[2]);
      default:
        // A process has begun something that was not sent.
        return false;
    }
  }

  /** Does what a message says that is but a number. */
  #hearSignal(signal: number): boolean {
    if (signal === LIVES) this.#lastWords = undefined;
    else if (signal === OUTLIVES && this.#isEnding) warnOfNativeCode();
    else return false;
    return true;
  }

  /** Ends the hearing of a worker that was not told to end; the pool ends the worker. */
  #expel(what: string, cause?: unknown): void {
    if (this.#isExpelled || this.#isEnding) return;
    this.#isExpelled = true;
    this.dying = true;
    this.#events.onDying(this);
    const error = new Error(
      `it was ended, as it sent what no worker of this package sends: ${what}`,
      cause === undefined ? undefined : { cause },
    );
    // Later, as the pool may be at work with its workers.
    queueMicrotask(() => this.#events.onExpelled(this, error));
  }

  /** The worker has written to the ledger what cannot be. */
  #breakLedger(): void {
    this.#isLedgerBroken = true;
    this.#expel("a ledger with runs that were not sent");
  }

  /** Passes on what a run says while it goes on, unless its caller has given up. */
  #hear([kind, run, given, extra]: Said): boolean {
    const { head, first, last } = this.jobs;
    const isCheap = extra === undefined && isSmall(given);
    if (kind === PROGRESS && this.#telling?.count(isCheap) === false) return false;
    if (head === undefined || run !== first) {
      // A timer that a task has left behind may go on telling.
      const latest = head === undefined ? last : first - 1 | 0;
      if (runsBetween(run, latest) < 0) return false;
      this.#valueOf(given, extra, false);
      return true;
    }
    if (!this.hasBegun(head) || kind === YIELDED && !head.streams) return false;
    if (kind === YIELDED && --this.#yieldsOf(run).room < 0) return false;
    const wanted = !head.settled;
    const value = this.#valueOf(given, extra, wanted);
    if (!wanted) return true;
    if (kind === PROGRESS) this.#events.onProgress(head, value);
    else this.#events.onYield(head, value);
    return true;
  }

  /** Returns the jobs whose results are in the ledger. */
  collect(): void {
    const { jobs } = this;
    if (jobs.size === 0 || this.#isExpelled) return;
    const { ledger } = this.#backend;
    const { ended } = ledger;
    if (runsBetween(jobs.first, ended) < 0) return;
    // What has ended has begun, and what has begun was sent.
    const { claimed } = ledger;
    if (runsBetween(ended, claimed) < 0 || runsBetween(claimed, this.#lastSent) < 0) {
      return this.#breakLedger();
    }
    for (let { head } = jobs; head !== undefined; { head } = jobs) {
      const { first } = jobs;
      if (runsBetween(first, ended) < 0) return;
      if (!ledger.isKept(first)) {
        if (!ledger.isBegun(first)) this.#breakLedger();
        return;
      }
      this.#endFirst(head);
      this.#events.onReturn(head, false, ledger.resultOf(first));
    }
  }

  /** The job of a run that is under way; `undefined` if no such run is. */
  #begun(run: number): Job | undefined {
    const { head, first } = this.jobs;
    return head !== undefined && run === first && this.hasBegun(head) ? head : undefined;
  }

  /** Takes out the first job, whose run has ended. */
  #endFirst(head: Job): void {
    const { first: run } = this.jobs;
    this.jobs.remove(head);
    let took = this.#backend.ledger.timeOf(run);
    this.#untimed++;
    if (took > LONG_MS) took = Math.min(took, machinery.now() - this.#since);
    if (took > 0) {
      head.task.running.learn(took);
      this.#events.onTimed(took, this.#untimed);
      this.#untimed = 0;
    }
    this.#watchdog.ended(head);
  }

  #end(message: string | undefined): void {
    this.#watchdog.stop();
    this.collect();
    const words = this.#lastWords;
    this.#events.onEnd(this, words === undefined ? message : decodeThrown(words));
  }
}

function refusal(job: Job, cause: unknown, clone: Backend["clone"]): NotCloneableError {
  const culprit = job.args.findIndex((arg) => {
    try {
      assertCloneable(arg);
      // What is transferred cannot be tried: it would be gone.
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

/** A reason that cannot be sent is not the task's business: it still learns that it was aborted. */
function encodeReason(reason: unknown): Thrown {
  try {
    return encodeThrown(reason);
  } catch {
    return encodeThrown(new DOMException("The task was aborted", "AbortError"));
  }
}
