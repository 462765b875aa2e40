import type { AddressedTask } from "../tasks/task.ts";

/**
 * A longer time, in ms, counts as this long: a run that was held up must not spoil the estimate.
 */
const MAX_COUNTED_MS = 1;
/** The share of the latest time in the estimate. */
const WEIGHT = 1 / 4;

/** An estimate of how long a repeated action takes, from the latest times. */
export class Estimate {
  #ms = Infinity;

  /** The estimate, in ms; infinite before the first time is known. */
  get ms(): number {
    return this.#ms;
  }

  /** Counts the time, in ms, that the action took. */
  learn(ms: number): void {
    const counted = Math.min(ms, MAX_COUNTED_MS);
    this.#ms = this.#ms === Infinity ? counted : this.#ms + (counted - this.#ms) * WEIGHT;
  }
}

/** A pool's record of a task, learned from earlier calls. */
export class TaskRecord {
  /** How long a run takes. */
  readonly running = new Estimate();
  /** How long the host takes to clone and send a call with objects among the arguments. */
  readonly sending = new Estimate();
  /** Whether several calls may share an object, as calls that were sent together did. */
  shares = false;
}

/**
 * The records of a pool's tasks. Each pool has records of its own, as a task takes other times in a
 * process than in a worker.
 */
export class TaskRecords {
  readonly #records = new WeakMap<AddressedTask, TaskRecord>();
  /** The task looked up last, as most calls of a burst are of the same task. */
  #latest: AddressedTask | undefined;
  #latestRecord: TaskRecord | undefined;

  /** The record of a task. */
  of(task: AddressedTask): TaskRecord {
    return task === this.#latest ? this.#latestRecord! : this.#find(task);
  }

  #find(task: AddressedTask): TaskRecord {
    let record = this.#records.get(task);
    if (record === undefined) this.#records.set(task, record = new TaskRecord());
    this.#latest = task;
    return this.#latestRecord = record;
  }
}
