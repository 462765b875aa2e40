import { Executor, type Task, type TaskContext, tasksFrom, transfer } from "../../mod.ts";
import type { Start } from "./contender.ts";

const tasks = tasksFrom(import.meta, () => import("../tasks.ts"));

/** `minWorkers` of the CPU pool, if it is to be another than the default. */
const minWorkers = new URL(import.meta.url).searchParams.get("minWorkers");

/** @genro/executor with its defaults: workers start when the work is worth it. */
export const start: Start = async (maxWorkers) => {
  const executor = await Executor.start({
    cpu: { maxWorkers, ...minWorkers !== null && { minWorkers: Number(minWorkers) } },
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
