import { initRuntime, move, shutdown, spawn } from "npm:multithreading@0.3.52";
import * as tasks from "../tasks.ts";
import type { Start } from "./contender.ts";

/** multithreading: `spawn` of the functions themselves, on a pool of that many workers. */
export const start: Start = async (workers) => {
  initRuntime({ maxWorkers: workers });
  // Starts the workers, and gives each of them every function: it fails calls that come while the
  // first call of the same function is still being loaded.
  for (const task of Object.values(tasks)) {
    await Promise.all(Array.from({ length: workers }, () => call(task as Task, 0)));
  }
  return {
    // `move` copies, except that it always moves a view's buffer.
    run: (task, arg) => {
      if (ArrayBuffer.isView(arg)) throw new Error("it always moves");
      return call(tasks[task] as Task, arg);
    },
    move: (bytes) => call(tasks.echo, bytes) as Promise<Uint8Array>,
    end: shutdown,
  };
};

type Task = (arg: unknown) => unknown;

async function call(task: Task, arg: unknown) {
  const result = await spawn(move(arg), task).join();
  if (!result.ok) throw result.error;
  return result.value;
}
