import { Estimate } from "./estimate.ts";
import type { AddressedTask } from "../tasks/task.ts";

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
