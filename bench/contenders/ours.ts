import {
  Executor,
  type Runner,
  type Task,
  type TaskContext,
  tasksFrom,
  transfer,
} from "../../mod.ts";
import type { Contender, Settings, Start } from "./contender.ts";

const { block, compute, echo, spin, text } = tasksFrom(import.meta, () => import("../tasks.ts"));
const tasks = { block, compute, echo, spin, text };

/** Whether its tasks are to run in processes. */
const isolation = new URL(import.meta.url).searchParams.has("processes") ? "process" : "worker";

/** @genro/executor with its defaults: workers start when the work is worth it. */
export const start: Start = async (workers, settings = {}) =>
  contenderOf(await startExecutor(workers, settings), settings);

/** An executor with one pool in use. */
export function startExecutor(
  maxWorkers: number,
  { full = false, maxQueue = Infinity, blocking = false }: Settings,
): Promise<Executor> {
  const options = { isolation, maxWorkers, minWorkers: full ? maxWorkers : 0, maxQueue } as const;
  return Executor.start(blocking ? { blocking: options } : { cpu: options });
}

/** Plain calls of an executor. */
export function contenderOf(executor: Executor, { blocking = false }: Settings): Contender {
  return {
    run: blocking
      ? (task, arg) => executor.runBlocking(tasks[task] as Task<(arg: unknown) => unknown>, arg)
      : runOf(executor),
    move: (bytes) => executor.runCpu(moveBack, transfer(bytes, [bytes.buffer])),
    end: () => executor.shutdown(),
  };
}

/** Calls a task in the pool for computing. */
export function runOf(runner: Pick<Runner, "runCpu">): Contender["run"] {
  return (task, arg) => runner.runCpu(tasks[task] as Task<(arg: unknown) => unknown>, arg);
}

function moveBack(this: TaskContext, bytes: Uint8Array<ArrayBuffer>) {
  return this.transfer(bytes, [bytes.buffer]);
}
