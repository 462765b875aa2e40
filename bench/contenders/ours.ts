import { Executor, type Task, type TaskContext, tasksFrom, transfer } from "../../mod.ts";
import type { Start } from "./contender.ts";

const { block, compute, echo, spin } = tasksFrom(import.meta, () => import("../tasks.ts"));
const tasks = { block, compute, echo, spin };

/** Whether its tasks are to run in processes. */
const isolation = new URL(import.meta.url).searchParams.has("processes") ? "process" : "worker";

/** @genro/executor with its defaults: workers start when the work is worth it. */
export const start: Start = async (maxWorkers, full = false) => {
  const executor = await Executor.start({
    cpu: { isolation, maxWorkers, ...full && { minWorkers: maxWorkers } },
  });
  return {
    run: (task, arg) => executor.runCpu(tasks[task] as Task<(arg: unknown) => unknown>, arg),
    move: (bytes) => executor.runCpu(moveBack, transfer(bytes, [bytes.buffer])),
    end: () => executor.shutdown(),
  };
};

function moveBack(this: TaskContext, bytes: Uint8Array<ArrayBuffer>) {
  return this.transfer(bytes, [bytes.buffer]);
}
