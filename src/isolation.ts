import { workerModule } from "./entry.ts";
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
export async function assertIsolation(settings: PoolSettings): Promise<void> {
  const { isolation, workerUrl } = settings;
  if (isolation === "inline") {
    inline = await import("./inline.ts");
    return;
  }
  const server = workerModule(workerUrl);
  if (isolation === "worker") assertWorkers();
  else {
    processes = await import("./process_thread.ts");
    await processes.assertProcesses(settings, server);
  }
}

/** Starts a thread for a member of a pool. */
export function startThread(name: string, settings: PoolSettings, events: ThreadEvents): Thread {
  const { isolation, permissions, workerUrl } = settings;
  switch (isolation) {
    case "worker":
      return new WorkerThread(name, permissions, workerModule(workerUrl), events);
    case "process":
      return new processes.ProcessThread(settings, workerModule(workerUrl), events);
    case "inline":
      return new inline.InlineThread(events);
  }
}
