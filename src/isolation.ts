import type { PoolSettings } from "./options.ts";
import { assertWorkers, type Thread, type ThreadEvents, WorkerThread } from "./thread.ts";

/** Loaded for those who ask for them; all others do without. */
let processes: typeof import("./process_thread.ts");
let inline: typeof import("./inline.ts");

/**
 * Checks that this platform has what the threads of a pool need.
 *
 * @throws {WorkerStartError} If it has not.
 */
export async function assertIsolation({ isolation, permissions }: PoolSettings): Promise<void> {
  if (isolation === "worker") assertWorkers();
  if (isolation === "inline") inline = await import("./inline.ts");
  if (isolation === "process") {
    processes = await import("./process_thread.ts");
    await processes.assertProcesses(permissions);
  }
}

/** Starts a thread for a member of a pool. */
export function startThread(
  name: string,
  { isolation, permissions, memoryLimit }: PoolSettings,
  events: ThreadEvents,
): Thread {
  switch (isolation) {
    case "worker":
      return new WorkerThread(name, permissions, events);
    case "process":
      return new processes.ProcessThread(permissions, memoryLimit, events);
    case "inline":
      return new inline.InlineThread(events);
  }
}
