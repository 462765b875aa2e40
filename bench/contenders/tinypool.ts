import Tinypool from "npm:tinypool@2.2.0";
import type { Start } from "./contender.ts";

const filename = `${import.meta.dirname}/../tasks.ts`;
const moving = { filename: `${import.meta.dirname}/tinypool_worker.ts` };

/**
 * Tinypool with its workers fixed, a task at a time, and without its atomics: with them, under
 * Deno, a worker misses a task that comes while it starts, and waits for ever.
 */
export const start: Start = async (workers, { maxQueue = Infinity } = {}) => {
  const pool = new Tinypool({
    filename,
    minThreads: workers,
    maxThreads: workers,
    maxQueue,
    useAtomics: false,
  });
  // Waits until each worker is up.
  await Promise.all(Array.from({ length: workers }, () => pool.run(0, { name: "echo" })));
  return {
    run: (name, arg) => pool.run(arg, { name }),
    move: (bytes) => pool.run(Tinypool.move(bytes), moving),
    abortable: (signal) => ({ run: (name, arg) => pool.run(arg, { name, signal }) }),
    end: () => pool.destroy(),
  };
};
