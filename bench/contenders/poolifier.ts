import { once } from "node:events";
import { FixedThreadPool, PoolEvents } from "npm:poolifier@5.3.2";
import type { Start } from "./contender.ts";

const worker = `${import.meta.dirname}/poolifier_worker.ts`;

/** Poolifier's fixed thread pool over a worker of several functions, with the default options. */
export const start: Start = async (workers) => {
  const pool = new FixedThreadPool<unknown, unknown>(workers, worker);
  await once(pool.emitter!, PoolEvents.ready);
  return {
    run: (task, arg) => pool.execute(arg, task),
    // No move: it takes a transfer list on the way there, but has none on the way back.
    abortable: (signal) => ({ run: (task, arg) => pool.execute(arg, task, signal) }),
    end: () => pool.destroy(),
  };
};
