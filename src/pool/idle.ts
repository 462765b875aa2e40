import type { Job } from "../member/job.ts";
import { isAfterStartup } from "../runtime/after_startup.ts";
import type { Member } from "../member/member.ts";
import { now } from "../runtime/real_timers.ts";

const RealDate = Date;
const { timeOrigin } = performance;

/**
 * The clock of timers, in ms: real time, which nobody can set back, unless a test fakes the time.
 */
function time(): number {
  return Date === RealDate ? timeOrigin + now() : Date.now();
}

/** The rank of a worker that has the job's module, and serves the job's tenant, or nobody yet. */
const BEST_RANK = 3, BEST_FRESH_RANK = 2;

/** What a pool tells its list of idle workers. */
export interface IdlePool {
  /** Whether the pool has more workers than it keeps. */
  isAmple(): boolean;
  /** Whether a pool with more workers than it keeps can do without this worker. */
  isSpare(member: Member): boolean;
  /** Ends a worker that was idle for too long. */
  retire(member: Member): void;
}

/**
 * The idle workers of a pool. The worker used last is used next, so that superfluous workers are
 * idle for long enough to be retired.
 */
export class Idle {
  readonly #timeout: number;
  readonly #pool: IdlePool;
  /** The idle workers: the worker used last is last. */
  readonly #members: Member[] = [];
  /** How many of these have served nobody. */
  #fresh = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * Makes an empty list.
   *
   * @param timeout For how many ms a worker may be idle.
   */
  constructor(timeout: number, pool: IdlePool) {
    this.#timeout = timeout;
    this.#pool = pool;
  }

  /** How many idle workers there are. */
  get size(): number {
    return this.#members.length;
  }

  /** The longest idle worker that the pool can do without. */
  get #longest(): Member | undefined {
    if (!this.#pool.isAmple()) return undefined;
    return this.#members.find((member) => !member.inUse && this.#pool.isSpare(member));
  }

  /** The longest idle worker that may be retired, and cannot run the job or serves another tenant. */
  longestUseless({ task, tenant }: Job): Member | undefined {
    return this.#members.find((member) =>
      !member.inUse && (member.taken && !member.serves(tenant) || !member.canRun(task))
    );
  }

  /** The longest idle worker of the job's tenant that may be retired, and cannot run the job. */
  longestOutdated({ task, tenant }: Job): Member | undefined {
    return this.#members.find((member) =>
      !member.inUse && member.serves(tenant) && !member.canRun(task)
    );
  }

  /** The names of the tenants with an idle worker. */
  get tenants(): Set<string | undefined> {
    const names = new Set<string | undefined>();
    for (const { taken, tenant } of this.#members) if (taken) names.add(tenant);
    return names;
  }

  /** Whether any idle worker is fresh: has served nobody. */
  get hasFresh(): boolean {
    return this.#fresh > 0;
  }

  /** Whether any fresh worker can run the job. */
  hasFreshFor({ task }: Job): boolean {
    return this.#members.some((member) => !member.taken && member.canRun(task));
  }

  /** Adds a worker, which has nothing to do. */
  add(member: Member): void {
    this.#members.push(member);
    if (!member.taken) this.#fresh++;
  }

  /**
   * Finds a worker for a job. Workers with the job's module come before workers that can load the
   * module, workers of the job's tenant before fresh workers, and the latest used worker before others.
   *
   * @param canLoad Whether a worker may be asked to load the module.
   * @param fresh Whether fresh workers may be taken.
   */
  find({ task, tenant }: Job, canLoad: boolean, fresh: boolean): Member | undefined {
    let found: Member | undefined;
    let rank = 0;
    // There may be a thousand others: the search ends when none can be better.
    const bestFresh = fresh ? BEST_FRESH_RANK : 0;
    let takenLeft = this.#members.length - this.#fresh;
    for (let i = this.#members.length - 1; i >= 0; i--) {
      if (rank >= (takenLeft > 0 ? BEST_RANK : bestFresh)) break;
      const member = this.#members[i]!;
      if (member.taken) takenLeft--;
      if (member.taken ? !member.serves(tenant) : !fresh) continue;
      const loaded = member.hasLoaded(task);
      if (!loaded && !(canLoad && member.canRun(task))) continue;
      const its = (loaded ? 2 : 1) + (member.taken ? 1 : 0);
      if (its > rank) {
        found = member;
        rank = its;
      }
    }
    return found;
  }

  /** Takes out a worker: mostly the worker used last. */
  remove(member: Member): void {
    const index = this.#members.lastIndexOf(member);
    if (index < 0) return;
    if (index === this.#members.length - 1) this.#members.pop();
    else this.#members.splice(index, 1);
    if (!member.taken) this.#fresh--;
  }

  /** A worker stays idle from now on. */
  stay(member: Member): void {
    member.idleSince = time();
    if (isAfterStartup()) this.watch();
  }

  /** A stream no longer needs an idle worker: the worker counts as idle from now on. */
  renew(member: Member): void {
    this.remove(member);
    this.add(member);
    this.stay(member);
  }

  /** Retires no worker any more. */
  stop(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Sets the timer that retires the longest idle worker. */
  watch(): void {
    if (this.#timer !== undefined || this.#timeout === Infinity) return;
    const longest = this.#longest;
    if (longest === undefined) return;
    // A faked time may lie in the past.
    longest.idleSince = Math.min(longest.idleSince, time());
    const idleFor = time() - longest.idleSince;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#retireLongest();
      this.watch();
    }, Math.max(0, this.#timeout - idleFor));
    Deno.unrefTimer(this.#timer);
  }

  /** Retires the workers that are idle for too long, the longest idle worker first. */
  #retireLongest(): void {
    const until = time();
    for (let member = this.#longest; member !== undefined; member = this.#longest) {
      if (until - member.idleSince < this.#timeout) return;
      this.#pool.retire(member);
    }
  }
}
