import { Estimate } from "./estimate.ts";
import type { AddressedTask } from "../tasks/task.ts";

/** What a pool has learned of a task. */
export class TaskRecord {
  /** How long a run takes. */
  readonly running = new Estimate();
  /** How long the host takes to clone and send the arguments of a call, where they are objects. */
  readonly sending = new Estimate();
  /** Whether several calls may have an object in common, as some that were sent together had. */
  shares = false;
}

/** What a pool has learned of its tasks; a pool of processes teaches a pool of workers nothing. */
export class TaskRecords {
  readonly #records = new WeakMap<AddressedTask, TaskRecord>();
  /** The task that was looked up last, as most calls of a burst are of the same task. */
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
