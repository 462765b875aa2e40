import type { Job, Place } from "../member/job.ts";
import type { Member } from "../member/member.ts";
import type { PoolSettings } from "../settings/settings.ts";
import { Idle } from "./idle.ts";
import type { Tenant, Tenants } from "./tenants.ts";
import { nextState, type WorkerEvent, type WorkerState } from "../member/worker_states.ts";

/** The settings that say how many workers there may be. */
type Bounds = Pick<PoolSettings, "minWorkers" | "maxWorkers" | "spare" | "idleTimeout">;

/** The states of workers that are in the pool. Workers in the other states have left the pool. */
const IN_POOL: ReadonlySet<WorkerState> = new Set(["starting", "idle", "busy", "dying"]);

/** The states of workers in the pool that may have jobs. */
const WORKING: ReadonlySet<WorkerState> = new Set(["busy", "dying"]);

/**
 * The workers of a pool, and the state of each. No other place changes a state, or counts workers.
 */
export class Roster {
  /** The idle workers, in the order in which they became idle. */
  readonly idle: Idle;
  readonly #bounds: Bounds;
  readonly #tenants: Tenants;
  /** The workers in the pool. */
  readonly #members = new Set<Member>();
  /** The workers in the pool that may have jobs: a pool may have a thousand idle workers beside. */
  readonly #working = new Set<Member>();
  /** The worker in the pool of each place where a job may be. */
  readonly #places = new Map<Place, Member>();
  /** The workers that have left the pool and are not gone yet. */
  readonly #leaving = new Set<Member>();
  readonly #counts: Record<WorkerState, number> = {
    starting: 0,
    idle: 0,
    busy: 0,
    dying: 0,
    stuck: 0,
    ending: 0,
    gone: 0,
  };
  /** How many workers in the pool serve a tenant; the others are starting, or have run no task. */
  #taken = 0;

  /**
   * Makes an empty roster.
   *
   * @param onUnneeded Is called for a worker that was idle for too long.
   */
  constructor(bounds: Bounds, tenants: Tenants, onUnneeded: (member: Member) => void) {
    this.#bounds = bounds;
    this.#tenants = tenants;
    this.idle = new Idle(bounds.idleTimeout, {
      isAmple: () => this.#isAmple,
      isSpare: (member) => this.#isSpare(member),
      retire: onUnneeded,
    });
  }

  // The states.

  /** Adds a worker, which is starting. */
  add(member: Member): void {
    this.#members.add(member);
    this.#places.set(member.jobs, member).set(member.modules, member);
    this.#counts.starting++;
  }

  /** Something has happened to a worker; `false` if that changes nothing in the worker's state. */
  note(member: Member, event: WorkerEvent): boolean {
    const { state } = member;
    const next = nextState(state, event);
    if (next === undefined) return false;
    if (state === "idle") this.idle.remove(member);
    else if (next === "idle") this.idle.add(member);
    this.#counts[state]--;
    this.#counts[next]++;
    member.state = next;
    if (WORKING.has(next)) this.#working.add(member);
    else if (WORKING.has(state)) this.#working.delete(member);
    if (!IN_POOL.has(next) && IN_POOL.has(state)) this.#leave(member);
    if (next === "stuck") this.#tenants.of(member.tenant).stuck++;
    if (next === "gone") this.#forget(member, state);
    return true;
  }

  #leave(member: Member): void {
    this.#members.delete(member);
    this.#places.delete(member.jobs);
    this.#places.delete(member.modules);
    this.#leaving.add(member);
    if (!member.taken) return;
    this.#tenants.of(member.tenant).workers--;
    this.#taken--;
  }

  #forget(member: Member, state: WorkerState): void {
    this.#leaving.delete(member);
    this.#counts.gone = 0;
    if (state === "stuck") this.#tenants.of(member.tenant).stuck--;
  }

  /** A worker serves a tenant from now on, and nobody else for as long as it lives. */
  assign(member: Member, tenant: Tenant): void {
    member.assign(tenant.name);
    tenant.workers++;
    tenant.claims = false;
    this.#taken++;
    if (this.#tenants.several) this.#tenants.endTurn(tenant);
  }

  /**
   * Finds an idle worker for a job; the worker is busy from now on. See {@linkcode Idle.find}.
   *
   * @param canLoad Whether the worker may be asked to load the job's module.
   * @param fresh Whether the worker may have served nobody yet.
   */
  take(job: Job, canLoad: boolean, fresh: boolean): Member | undefined {
    const member = this.idle.find(job, canLoad, fresh);
    if (member !== undefined) this.note(member, "take");
    return member;
  }

  // The workers.

  /** The workers in the pool: starting, idle, busy or dying. */
  [Symbol.iterator](): Iterator<Member> {
    return this.#members.values();
  }

  /** The workers in the pool that may have jobs: busy or dying. */
  get working(): Iterable<Member> {
    return this.#working;
  }

  /** Whether a worker is in the pool. */
  has(member: Member): boolean {
    return this.#members.has(member);
  }

  /** Whether any worker in the pool satisfies a condition. */
  some(condition: (member: Member) => boolean): boolean {
    return this.#members.values().some(condition);
  }

  /** The workers that have left the pool and are not gone yet. */
  get leaving(): Iterable<Member> {
    return this.#leaving;
  }

  /** The worker that a job was sent to, or that loads the job's module. */
  memberWith(job: Job): Member | undefined {
    return job.place && this.#places.get(job.place);
  }

  // The counts.

  /** How many workers are in the pool. */
  get size(): number {
    return this.#members.size;
  }

  /** How many workers are in a state. */
  count(state: WorkerState): number {
    return this.#counts[state];
  }

  /** How many workers in the pool serve a tenant. */
  get taken(): number {
    return this.#taken;
  }

  /** How many fresh workers, which have served nobody, tenants may take of the present workers. */
  get free(): number {
    return Math.min(this.size, this.#bounds.maxWorkers) - this.#taken;
  }

  /** How many workers tenants may take beyond those that they have. */
  get untaken(): number {
    return this.#bounds.maxWorkers - this.#taken;
  }

  /** Whether all workers that may serve somebody do. */
  get isTaken(): boolean {
    return this.#taken >= this.#bounds.maxWorkers;
  }

  /** How many workers may serve: each stuck worker is replaced, but not without end. */
  get maxServing(): number {
    const { maxWorkers } = this.#bounds;
    return Math.min(maxWorkers, 2 * maxWorkers - this.#counts.stuck);
  }

  /** Whether no worker may be started, unless another worker ends. */
  get isFull(): boolean {
    const most = this.maxServing;
    return this.size >= (most > 0 ? most + this.#bounds.spare : 0);
  }

  /** Whether there are fewer workers than the pool keeps, or fewer that have served nobody. */
  get isShort(): boolean {
    const { minWorkers, spare } = this.#bounds;
    return this.size < minWorkers || this.size - this.#taken < spare;
  }

  /** Whether there are more workers than the pool keeps. */
  get #isAmple(): boolean {
    const { minWorkers, spare } = this.#bounds;
    return this.size > minWorkers + spare;
  }

  /** Whether a pool with more workers than it keeps can do without this idle worker. */
  #isSpare(member: Member): boolean {
    return member.taken || this.size - this.#taken > this.#bounds.spare;
  }
}
