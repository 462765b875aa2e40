import { move, Piscina } from "npm:piscina@5.3.2";
import type { Start } from "./contender.ts";

const filename = `${import.meta.dirname}/../tasks.ts`;
const moving = { filename: `${import.meta.dirname}/piscina_worker.ts` };

/** Piscina with its workers fixed, its default `atomics: "sync"`, a task at a time, untimed. */
export const start: Start = async (workers, { maxQueue = Infinity } = {}) => {
  const pool = new Piscina({
    filename,
    minThreads: workers,
    maxThreads: workers,
    maxQueue,
    recordTiming: false,
  });
  // Waits until each worker is up.
  await Promise.all(Array.from({ length: workers }, () => pool.run(0, { name: "echo" })));
  return {
    run: (name, arg) => pool.run(arg, { name }),
    move: (bytes) => pool.run(move(bytes), moving),
    abortable: (signal) => ({ run: (name, arg) => pool.run(arg, { name, signal }) }),
    end: () => pool.destroy(),
  };
};
