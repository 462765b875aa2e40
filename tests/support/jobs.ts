/** Jobs for tests of what keeps and counts jobs. */

import { Job } from "../../src/member/job.ts";
import { AddressedTask } from "../../src/tasks/task.ts";

const task = new AddressedTask({ source: "() => {}", name: "", file: "task:anonymous" }, -1);

/** A job that nobody waits for. */
export function newJob(...args: unknown[]): Job {
  return new Job(task, args, undefined, () => {});
}
