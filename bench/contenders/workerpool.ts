import workerpool from "npm:workerpool@10.0.3";
import type { Start } from "./contender.ts";

const script = `${import.meta.dirname}/workerpool_worker.ts`;

/** workerpool over a dedicated worker script, with its workers fixed, as worker threads. */
export const start: Start = async (workers, { maxQueue = Infinity } = {}) => {
  const pool = workerpool.pool(script, {
    minWorkers: workers,
    maxWorkers: workers,
    maxQueueSize: maxQueue,
    workerType: "thread",
  });
  // Waits until each worker is up.
  await Promise.all(Array.from({ length: workers }, () => pool.exec("echo", [0])));
  return {
    run: (task, arg) => pool.exec(task, [arg]),
    move: (bytes) => pool.exec("move", [bytes], { transfer: [bytes.buffer] }),
    limited: (ms) => ({ run: (task, arg) => pool.exec(task, [arg]).timeout(ms) }),
    end: async () => void await pool.terminate(),
  };
};
