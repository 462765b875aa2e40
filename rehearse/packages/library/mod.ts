/** A library that computes in an executor, with a task module of its own. @module */

import { type Executor, tasksFrom } from "@genro/executor";

const { digest } = tasksFrom(import.meta, () => import("./tasks.ts"));

/**
 * The digest of a text.
 *
 * @param executor Where to compute it.
 * @param text What to digest.
 * @returns Its SHA-256, in hexadecimal.
 */
export async function digestOf(executor: Executor, text: string): Promise<string> {
  return await executor.runCpu(digest, text);
}
