/**
 * The package as the tests use it: with the variable `ISOLATION=process`, executors run
 * their tasks in processes where a test does not say otherwise.
 */

import { Executor as Plain, type ExecutorOptions, type PoolOptions } from "@genro/executor";
import { testUnless } from "./features.ts";

export * from "@genro/executor";

/** What tasks run in. */
export const isolation = Deno.env.get("ISOLATION") === "process" ? "process" : "worker";

/** A test of what needs memory, locks, ports or streams between threads. */
export const testOfWorkers = testUnless(
  isolation === "process" && "not for tasks in processes",
);

export class Executor extends Plain {
  constructor(options: ExecutorOptions = {}) {
    const { blocking, cpu, inline } = options;
    super(inline ? options : { ...options, blocking: isolated(blocking), cpu: isolated(cpu) });
  }

  static override async start(options?: ExecutorOptions): Promise<Executor> {
    const executor = new Executor(options);
    await executor.startup();
    return executor;
  }
}

function isolated(options: PoolOptions = {}): PoolOptions {
  return { isolation, ...options };
}
