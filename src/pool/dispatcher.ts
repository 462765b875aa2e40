import type { Job } from "../member/job.ts";
import type { Member } from "../member/member.ts";
import type { TaskRecords } from "../member/task_record.ts";
import * as machinery from "../runtime/real_timers.ts";
import { type Growth, nextForFresh } from "./growth.ts";
import type { Loading } from "./loading.ts";
import type { Recovery } from "./recovery.ts";
import type { Roster } from "./roster.ts";
import type { Starts } from "./starts.ts";
import type { Tally } from "./tally.ts";
import type { Tenant, Tenants } from "./tenants.ts";
import type { Turns } from "./turns.ts";

/** How often, in ms, a dispatcher looks at workers with tasks sent ahead. */
const LOOKAHEAD_CHECK_MS = 5;

/** A worker is woken for at least this many ms of running time, if there are as many tasks. */
const WORTH_WAKING_MS = 0.1;
/** The host takes about this many ms to hand a task to a worker, and to take the result. */
const HANDING_MS = 0.002;
/** If fewer tasks than this have ended since the latest look, the tasks take longer than it seemed. */
const MIN_ENDED_TASKS = 64;

/** The parts of a pool that a dispatcher works with. */
export interface DispatcherParts {
  readonly tenants: Tenants;
  readonly turns: Turns;
  readonly roster: Roster;
  readonly starts: Starts;
  readonly growth: Growth;
  readonly loading: Loading;
  readonly recovery: Recovery;
  readonly tally: Tally;
  readonly records: TaskRecords;
  /** Whether jobs that were sent ahead can be taken back at once: not from processes. */
  readonly takesBack: boolean;
}

/** What a dispatcher asks of the pool. */
export interface DispatcherEvents {
  /** Ends an idle worker. */
  retire(member: Member): void;
  /** A worker has left the pool while it was sent jobs. */
  onLost(member: Member): void;
  /** A worker may have ended its last job. */
  onContinued(): void;
  /** Whether somebody waits until nothing runs any more. */
  isDraining(): boolean;
}

/** Gives waiting jobs to workers, first in first out. */
export class Dispatcher {
  readonly #parts: DispatcherParts;
  readonly #events: DispatcherEvents;
  #lookTimer: machinery.Timer | undefined;
  /** How many tasks had ended at the latest look. */
  #ended = 0;
  /** Whether short jobs wait until their caller has submitted more. */
  #isGathering = false;

  constructor(parts: DispatcherParts, events: DispatcherEvents) {
    this.#parts = parts;
    this.#events = events;
  }

  /** Looks at workers no more. */
  stop(): void {
    if (this.#lookTimer !== undefined) machinery.clearTimeout(this.#lookTimer);
    this.#lookTimer = undefined;
  }

  /**
   * Gives waiting jobs to idle workers, first in first out.
   *
   * @param only The only tenant with a new job: a look at thousands of tenants would take long.
   * @param isUrgent Whether no job is to wait for a busy worker while another is idle.
   */
  dispatch(only?: Tenant, isUrgent = false): void {
    const { own } = this.#parts.tenants;
    if (this.#parts.turns.matter) this.#dispatchInTurn(only);
    else if (!this.#dispatchTo(own, undefined, undefined, isUrgent)) this.#parts.growth.grow();
    else this.#parts.growth.refill();
  }

  /**
   * Gives a new job to a worker, or lets a short job wait until the caller has submitted more jobs: a
   * message for each job of a burst would wake a worker for each.
   */
  added(tenant: Tenant, job: Job): void {
    const { roster, takesBack, turns } = this.#parts;
    if (
      !takesBack || roster.idle.size === 0 || roster.count("busy") === 0 || turns.matter ||
      tenant.queue.size >= this.#worth(job) || tenant.failedModules.any
    ) return this.dispatch(tenant);
    if (this.#isGathering) return;
    this.#isGathering = true;
    queueMicrotask(this.#gathered);
  }

  /**
   * Gives the jobs that wait for busy workers to idle workers: a bounded queue is full, and no task is to
   * be refused while a worker is idle.
   */
  spread(): void {
    if (this.#parts.turns.matter) return;
    for (const member of [...this.#parts.roster.working]) {
      if (member.jobs.size > 1 && !member.sending) this.#recall(member);
    }
    this.dispatch(undefined, true);
  }

  /** The caller has submitted all jobs. */
  readonly #gathered = (): void => {
    this.#isGathering = false;
    this.dispatch();
  };

  /** How many calls of the job's task are worth a message that wakes a worker. */
  #worth({ task }: Job): number {
    return WORTH_WAKING_MS / this.#parts.records.of(task).running.ms;
  }

  /** How many workers are enough for a burst of the job's task: more would wait for the host. */
  #enough({ task }: Job): number {
    return 2 + this.#parts.records.of(task).running.ms / HANDING_MS;
  }

  /**
   * The same where there are several tenants. Each tenant has workers of its own, and the tenants
   * take fresh workers in turn.
   */
  #dispatchInTurn(only?: Tenant): void {
    const { idle } = this.#parts.roster;
    if (idle.size > 0) {
      for (const name of only === undefined ? idle.tenants : [only.name]) {
        const tenant = this.#parts.tenants.find(name);
        if (tenant !== undefined) this.#dispatchTo(tenant, false);
      }
    }
    for (
      let next = nextForFresh(this.#parts);
      next !== undefined;
      next = nextForFresh(this.#parts)
    ) {
      this.#dispatchTo(next, true, 1);
    }
    if (this.#parts.tenants.anyQueued) this.#parts.growth.grow();
    else this.#parts.growth.refill();
  }

  /**
   * Gives jobs of a tenant to idle workers.
   *
   * @param fresh Whether the tenant may take fresh workers, which have served nobody.
   * @param most At most this many workers get jobs.
   * @param isUrgent Whether no job is to wait for a busy worker while another is idle.
   * @returns `false` if a job is left for which another worker is needed.
   */
  #dispatchTo(
    tenant: Tenant,
    fresh = this.#mayTakeFresh(tenant),
    most = Infinity,
    isUrgent = false,
  ): boolean {
    const { failedModules, queue } = tenant;
    // This check runs for each new job: while all workers are busy it must cost nothing.
    if (this.#parts.roster.idle.size === 0 && !failedModules.any) return queue.size === 0;
    for (let job = queue.head; job !== undefined && most > 0; job = queue.head) {
      if (!isUrgent && this.#hasEnough(job)) {
        this.#lookLater();
        return true;
      }
      const held = this.#parts.loading.isHeld(tenant, job);
      const member = this.#parts.roster.take(job, !held, fresh);
      if (member === undefined) {
        if (!held) return false;
        this.#parts.loading.setAside(tenant, job);
        continue;
      }
      most--;
      if (this.#makesRoom(member)) continue;
      if (!member.taken) this.#parts.roster.assign(member, tenant);
      this.#feed(member, tenant, this.#shareOf(tenant, isUrgent));
      if (!member.busy) this.#parts.roster.note(member, "rest");
    }
    return true;
  }

  /**
   * Whether the job had better wait for a busy worker than for an idle worker to wake. If the tasks of
   * the busy workers take longer than earlier tasks, this is noticed within LOOKAHEAD_CHECK_MS.
   */
  #hasEnough(job: Job): boolean {
    const { roster, takesBack, turns } = this.#parts;
    return takesBack && !turns.matter && roster.count("busy") >= this.#enough(job);
  }

  /** Whether a tenant may take a fresh worker, which has served nobody. */
  #mayTakeFresh(tenant: Tenant): boolean {
    return !this.#parts.roster.isTaken && this.#parts.turns.mayHaveAnother(tenant);
  }

  /** Whether a worker must end when its jobs are done, so that another tenant gets a worker. */
  #hasToMakeRoom(member: Member): boolean {
    if (
      !this.#parts.tenants.several || member.inUse ||
      this.#parts.roster.size < this.#parts.roster.maxServing
    ) {
      return false;
    }
    // A worker serves at least for as long as a start takes: so at least half of the time is work.
    if (machinery.now() - member.takenAt < this.#parts.starts.took) return false;
    return this.#parts.turns.mustMakeRoom(
      this.#parts.tenants.of(member.tenant),
      this.#parts.roster.free,
    );
  }

  /** Ends a worker that was idle, if another tenant has a better right to the worker's place. */
  #makesRoom(member: Member): boolean {
    if (!member.taken || !this.#hasToMakeRoom(member)) return false;
    this.#parts.roster.note(member, "rest");
    this.#events.retire(member);
    return true;
  }

  /**
   * How many of a tenant's waiting jobs fall to each worker that the tenant has or may take: at least as
   * many as are worth a message, if that is not urgent.
   */
  #shareOf({ queue, workers }: Tenant, isUrgent = false): number {
    const { head, size } = queue;
    if (head === undefined) return 0;
    const present = this.#parts.roster.size - this.#parts.roster.taken + workers;
    if (isUrgent) return Math.ceil(size / present);
    return Math.max(this.#worth(head), Math.ceil(size / Math.min(present, this.#enough(head))));
  }

  /**
   * The only place where a task leaves: sends a worker its share of the waiting jobs, while the
   * worker has room.
   */
  #feed(
    member: Member,
    tenant = this.#parts.tenants.of(member.tenant),
    share = this.#shareOf(tenant),
  ): void {
    const { queue } = tenant;
    let time = 0;
    for (let job = queue.head; job !== undefined; job = queue.head) {
      if (share-- <= 0 || !member.hasRoomFor(job) || !this.#parts.roster.has(member)) break;
      if (!member.hasLoaded(job.task)) {
        if (!this.#parts.loading.isHeld(tenant, job)) {
          this.#parts.loading.begin(member, tenant, job);
          break;
        }
        // The jobs behind do not wait for this job's module.
        this.#parts.loading.setAside(tenant, job);
        share++;
        continue;
      }
      queue.remove(job);
      member.send(job);
      if (job.settled) continue;
      job.trace?.sent();
      if (job.waits !== undefined) this.#parts.tally.waited(job, time ||= machinery.now());
    }
    if (queue.size === 0) tenant.claims = false;
    member.flush();
    // A getter of an argument, run by the clone, has terminated the pool.
    if (!this.#parts.roster.has(member)) return this.#events.onLost(member);
    if (member.busy) member.engage(true);
    if (member.jobs.size > 1) this.#lookLater();
  }

  /**
   * Has workers go on while a synchronous burst of tasks comes. Until the end of the burst no
   * message of a worker is read, but the results in the ledgers can be.
   */
  keepUp(): void {
    for (const member of [...this.#parts.roster.working]) {
      // The burst may come from a getter of an argument, while a message is being posted.
      if (member.jobs.size === 0 || member.sending) continue;
      member.collect();
      this.continue(member);
    }
  }

  /** A worker with news takes the next jobs, or becomes idle. */
  continue(member: Member): void {
    if (member.state === "busy") {
      const tenant = this.#parts.tenants.of(member.tenant);
      this.#parts.loading.takeOver(member, tenant);
      if (tenant.queue.head !== undefined && member.taken && member.runsLow) {
        if (!this.#hasToMakeRoom(member)) this.#feed(member, tenant);
      }
      if (member.busy) this.dispatch();
      else if (this.#parts.roster.note(member, "rest")) this.becameIdle(member);
    }
    this.#events.onContinued();
  }

  /**
   * An idle worker takes the next job, or else stays idle and keeps the program alive no more. A
   * shutdown that waits for a stream of the worker goes on keeping the program alive.
   */
  becameIdle(member: Member): void {
    this.dispatch();
    if (member.busy) return;
    if (!this.#events.isDraining() || !member.unfinished) member.engage(false);
    this.#parts.roster.idle.stay(member);
  }

  #lookLater(): void {
    this.#lookTimer ??= machinery.setTimeout(this.#look, LOOKAHEAD_CHECK_MS);
  }

  /**
   * Looks at workers with tasks sent ahead: a long task must hold up neither the results of the
   * tasks before nor the tasks behind.
   */
  readonly #look = (): void => {
    this.#lookTimer = undefined;
    const { ended } = this.#parts.tally;
    const isSlow = ended - this.#ended < MIN_ENDED_TASKS;
    this.#ended = ended;
    for (const member of [...this.#parts.roster.working]) {
      if (member.jobs.size < 2) continue;
      member.collect();
      if (member.jobs.size > 0 && member.isHeldUp()) this.#recall(member);
      if (member.jobs.size === 0) this.continue(member);
      else if (member.jobs.size > 1) this.#lookLater();
    }
    this.dispatch(undefined, isSlow);
  };

  /** Puts the jobs that a worker has not begun back to the front of the queue. */
  #recall(member: Member): void {
    if (member.jobs.size < 2 || member.askBack()) return;
    this.#parts.recovery.requeue(member);
    // A worker that has begun no job keeps the first job: only jobs sent ahead are for other
    // workers.
    if (member.jobs.size === 0) this.#feed(member, this.#parts.tenants.of(member.tenant), 1);
  }
}
