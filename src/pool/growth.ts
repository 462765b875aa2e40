import { WorkerStartError } from "../api/errors.ts";
import type { Member } from "../member/member.ts";
import * as machinery from "../runtime/real_timers.ts";
import { FIRST_LOOK_MS, judgeGrowth, LONG_LOOK_MS, type Progress } from "./growth_judge.ts";
import type { Roster } from "./roster.ts";
import type { Starts } from "./starts.ts";
import type { Tally } from "./tally.ts";
import type { Tenant, Tenants } from "./tenants.ts";
import type { Turns } from "./turns.ts";

/** How long, in ms, after a spare worker was taken another worker is started. */
const REFILL_DELAY_MS = 20;
/** At most this many workers get ready at the same time, as each takes a core. */
const MAX_RISING = 3;

/** The parts of a pool that growth works with. */
export interface GrowthParts {
  readonly tenants: Tenants;
  readonly turns: Turns;
  readonly roster: Roster;
  readonly starts: Starts;
  readonly tally: Tally;
  /** How many fresh workers, which have served nobody, the pool keeps. */
  readonly spare: number;
}

/** What growth asks of the pool. */
export interface GrowthEvents {
  /** Ends an idle worker. */
  retire(member: Member): void;
  /** Gives waiting jobs to idle workers. */
  dispatch(): void;
  /** No worker may be started; if all workers are stuck, the jobs that wait must not wait for ever. */
  onFull(): void;
  /** A worker cannot be started: jobs that no other worker can run fail. */
  onUnstartable(error: WorkerStartError): void;
  /** A start has ended. */
  onStartEnded(): void;
}

/**
 * Starts the workers of a pool: when no worker can run a waiting job, when another worker is worth
 * its start, and when the pool has fewer workers than it keeps. A single start at a time is
 * considered, and the next start while the latest worker gets ready.
 */
export class Growth {
  readonly #parts: GrowthParts;
  readonly #events: GrowthEvents;
  #isOpen = false;
  /** Whether a start is being considered, or waits for its turn. */
  #isBusy = false;
  /** Whether a start is being considered: the progress is looked at when the timer ends. */
  #isLooking = false;
  #timer: machinery.Timer | undefined;
  /** The progress of the pool at the latest start of a worker. */
  #startProgress: Progress = { time: 0, returned: 0 };

  constructor(parts: GrowthParts, events: GrowthEvents) {
    this.#parts = parts;
    this.#events = events;
  }

  /** Lets workers be started. */
  open(): void {
    this.#isOpen = true;
  }

  /** Starts no worker from now on. */
  close(): void {
    this.#isOpen = false;
    if (this.#timer !== undefined) this.#stopLooking();
  }

  /**
   * A worker was made. The start has blocked the event loop until now, so that no result was read.
   */
  made(): void {
    this.#startProgress = this.#progressOf(this.#parts.tenants.own);
  }

  /** Considers another worker for the jobs that wait, none of which an idle worker can run. */
  grow(since?: Progress): void {
    if (this.#parts.turns.matter) return this.#growInTurn();
    if (this.#isGrowing()) return;
    const { roster, starts, tenants: { own } } = this.#parts;
    const { head, size } = own.queue;
    // A worker that cannot run the job is older than the job's module.
    const outdated = head && roster.idle.size > 0 ? roster.idle.longestUseless(head) : undefined;
    if (roster.isFull) {
      if (outdated === undefined) return this.#events.onFull();
      // The worker can run other jobs, in case that no other worker gets ready.
      if (starts.rising > 0) return;
      this.#events.retire(outdated);
    }
    const { backoff } = starts;
    if (backoff > 0) this.#growLater(backoff);
    else if (roster.size === 0 || roster.isShort) this.#startOne();
    else if (size <= starts.rising) return;
    else if (outdated !== undefined) this.#startOne();
    else this.#consider(own, since ?? this.#progressOf(own), this.#firstLook);
  }

  /**
   * How long, in ms, the first look takes. While workers get ready: not less than the time in which
   * another is ready, or a machine with too much to do would be given ever more workers.
   */
  get #firstLook(): number {
    const { rise, rising } = this.#parts.starts;
    return rising === 0 ? FIRST_LOOK_MS : Math.max(FIRST_LOOK_MS, rise / MAX_RISING);
  }

  /** Starts a worker if the pool has fewer workers than it keeps. */
  growBack(): void {
    if (this.#parts.roster.isShort) this.grow();
  }

  /**
   * Replaces a spare worker that was taken: later, as a start blocks the event loop, and the
   * worker's task comes first.
   */
  refill(): void {
    if (this.#parts.spare === 0 || !this.#parts.roster.isShort) return;
    if (!this.#isBusy && this.#isOpen) this.#growLater(REFILL_DELAY_MS);
  }

  /** The same as {@linkcode grow} where there are several tenants. */
  #growInTurn(): void {
    const { roster, turns } = this.#parts;
    if (turns.isShared && roster.idle.size > 0) this.#retireOutdated();
    const starting = Math.min(roster.count("starting"), roster.untaken);
    const tenant = turns.nextToGrow(starting, !roster.isFull || roster.idle.size > 0);
    // A tenant without a worker does not wait for a look at the progress of other tenants.
    const isUrgent = tenant !== undefined && (tenant.workers === 0 || tenant.claims);
    if (isUrgent && this.#isLooking) this.#stopLooking();
    if (this.#isGrowing()) return;
    const useless = tenant && roster.idle.longestUseless(tenant.queue.head!);
    if (tenant === undefined || isUrgent || useless?.serves(tenant.name)) {
      return this.#startFor(tenant);
    }
    this.#consider(tenant, this.#progressOf(tenant), this.#firstLook);
  }

  /**
   * Ends idle workers that cannot run the next jobs of their tenants, and take the places of
   * workers that could.
   */
  #retireOutdated(): void {
    const { roster: { idle }, tenants, turns } = this.#parts;
    for (const name of idle.tenants) {
      const tenant = tenants.find(name);
      const head = tenant?.queue.head;
      if (head === undefined || turns.mayHaveAnother(tenant!)) continue;
      const outdated = idle.longestOutdated(head);
      if (outdated !== undefined) this.#events.retire(outdated);
    }
  }

  /**
   * Whether no other start is to be considered now. Jobs wait for the start that is considered, so
   * the timer keeps the program alive.
   */
  #isGrowing(): boolean {
    const isGrowing = this.#isBusy || !this.#isOpen || this.#parts.starts.rising >= MAX_RISING;
    if (isGrowing && this.#timer !== undefined) Deno.refTimer(this.#timer);
    return isGrowing;
  }

  /**
   * Starts a worker for a tenant, or gives the tenant a worker that has just become free. In a full
   * pool, the longest idle worker that is useless to the tenant makes room.
   *
   * @param tenant Who needs the worker. If nobody does, the pool may still have fewer workers than
   * it keeps.
   */
  #startFor(tenant: Tenant | undefined): void {
    const { roster, starts } = this.#parts;
    if (tenant === undefined && !roster.isShort) return;
    if (roster.isFull || tenant !== undefined && roster.isTaken) {
      // An idle worker is of use to others, in case that no other worker gets ready.
      if (starts.rising > 0) return;
      const useless = tenant && roster.idle.longestUseless(tenant.queue.head!);
      if (useless === undefined) {
        if (tenant !== undefined) tenant.claims = tenant.workers > 0;
        return this.#events.onFull();
      }
      this.#events.retire(useless);
      if (nextForFresh(this.#parts) !== undefined) return this.#events.dispatch();
    }
    const { backoff } = starts;
    if (backoff > 0) this.#growLater(backoff);
    else this.#startOne();
  }

  /** Waits until a worker may be started again. Only waiting jobs keep the process alive. */
  #growLater(ms: number): void {
    this.#isBusy = true;
    this.#timer = machinery.setTimeout(() => {
      this.#timer = undefined;
      this.#isBusy = false;
      this.#goOn();
    }, ms);
    if (!this.#parts.tenants.anyQueued) Deno.unrefTimer(this.#timer);
  }

  /**
   * Looks at a tenant's progress after this many ms, and starts a worker if another worker is worth
   * its start.
   */
  #consider(tenant: Tenant, since: Progress, after: number): void {
    this.#isBusy = true;
    this.#isLooking = true;
    const due = Math.max(since.time + after, performance.now());
    this.#timer = machinery.setTimeout(() => {
      this.#stopLooking();
      this.#look(tenant, since, due);
    }, Math.max(0, due - performance.now()));
  }

  #look(tenant: Tenant, since: Progress, due: number): void {
    const { size } = tenant.queue;
    if (size === 0) return this.#goOn();
    const workers = this.#parts.turns.matter ? tenant.workers : this.#parts.roster.size;
    const progress = this.#progressOf(tenant);
    switch (judgeGrowth(since, progress, size, workers, progress.time - due)) {
      case "start":
        return this.#parts.turns.matter ? this.#startFor(tenant) : void this.#startOne();
      case "look longer":
        return this.#consider(tenant, since, LONG_LOOK_MS);
      case "wait":
        return this.grow();
    }
  }

  /** A look at the progress has ended, or somebody cannot wait for the look. */
  #stopLooking(): void {
    if (this.#timer !== undefined) machinery.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isBusy = false;
    this.#isLooking = false;
  }

  async #startOne(): Promise<void> {
    this.#isBusy = true;
    const isFirst = this.#parts.roster.size === 0;
    const { made, up, ready } = this.#parts.starts.begin();
    const ended = ready.then(() => true, (error) => {
      if (error instanceof WorkerStartError) this.#events.onUnstartable(error);
      return true;
    });
    // Nobody knows how long the tasks take before the first worker is there.
    const isEnded = await Promise.race([isFirst ? up : made, ended]);
    this.#isBusy = false;
    this.#startEnded(isFirst);
    if (isEnded) return;
    // Another worker may start while this worker loads its modules.
    await Promise.race([up, ended]);
    this.#startEnded(isFirst);
    await ended;
    this.#startEnded(isFirst);
  }

  #startEnded(isFirst: boolean): void {
    // The other workers went on while this worker got ready: their progress since its start counts.
    this.#goOn(isFirst ? undefined : this.#startProgress);
    this.#events.onStartEnded();
  }

  /** Considers the next worker. */
  #goOn(since?: Progress): void {
    if (this.#parts.tenants.anyQueued) this.grow(since);
    else this.growBack();
  }

  #progressOf(tenant: Tenant): Progress {
    const { tally, tenants } = this.#parts;
    return { time: performance.now(), returned: tenants.endedOf(tenant, tally.ended) };
  }
}

/**
 * The next tenant to get a fresh idle worker, which has served nobody. `undefined` if there is no
 * such tenant or worker.
 */
export function nextForFresh(
  { roster, turns }: Pick<GrowthParts, "roster" | "turns">,
): Tenant | undefined {
  if (roster.taken === roster.size || roster.isTaken || !roster.idle.hasFresh) return;
  return turns.nextForFresh(({ queue }) => roster.idle.hasFreshFor(queue.head!));
}
