import { workerModule } from "./entry.ts";
import { assertImportable } from "./import_hosts.ts";
import { WorkerStartError } from "../api/errors.ts";
import type { PoolSettings } from "../settings/settings.ts";
import { missingPatterns, missingPermissions } from "../runtime/permission_states.ts";
import { isNamed } from "../tasks/modules.ts";
import type { Backend, BackendEvents } from "./backend.ts";
import { assertWorkers, WebWorkerBackend } from "./web_worker.ts";
import { loadingModule } from "../wire/under_way.ts";

/** Loaded when a pool asks for processes, or to run inline. */
let processes: typeof import("./process.ts");
let inline: typeof import("./inline.ts");

/**
 * Checks that this platform can start the backends of a pool.
 *
 * @throws {WorkerStartError} If backends cannot be started.
 */
export async function assertIsolation(settings: PoolSettings): Promise<void> {
  const { isolation, workerUrl } = settings;
  assertNotLoading();
  if (isolation === "inline") {
    inline = await import("./inline.ts");
    await inline.prepare();
    return;
  }
  const server = workerModule(workerUrl);
  if (isolation === "worker") {
    assertWorkers();
    assertImportable(server);
  } else {
    const { assertProcesses } = await import("./process_requirements.ts");
    await assertProcesses(settings, server);
    processes = await import("./process.ts");
  }
}

/** Starts the backend of a member of a pool. */
export function startBackend(name: string, settings: PoolSettings, events: BackendEvents): Backend {
  const { isolation, permissions, workerUrl } = settings;
  // A module may name its tasks after the start of its executor.
  assertNotLoading();
  switch (isolation) {
    case "worker":
      return newWorker(name, permissions, workerModule(workerUrl), events);
    case "process":
      return new processes.ProcessBackend(settings, workerModule(workerUrl), events);
    case "inline":
      return new inline.InlineBackend(events);
  }
}

function newWorker(
  name: string,
  permissions: Deno.PermissionOptions,
  server: string,
  events: BackendEvents,
): Backend {
  // Permissions may have been revoked since the start.
  assertImportable(server);
  try {
    if (missingPatterns(permissions).length === 0) {
      return new WebWorkerBackend(name, permissions, server, events);
    }
  } catch (cause) {
    if (missingPermissions(permissions).length === 0) throw cause;
    throw escalation(name, permissions, cause);
  }
  throw escalation(name, permissions);
}

function escalation(
  name: string,
  permissions: Deno.PermissionOptions,
  cause?: unknown,
): WorkerStartError {
  return new WorkerStartError(
    `Cannot start a ${name} worker with ${missingPermissions(permissions).join(", ")}: this ` +
      "program has not got that, or not all of it",
    { cause },
  );
}

/**
 * Checks that this worker is not loading a task module that starts an executor for its own tasks:
 * the workers of such an executor would load the module, too, and start workers without end.
 *
 * @throws {WorkerStartError} If this worker is loading such a module.
 */
function assertNotLoading(): void {
  const url = loadingModule();
  if (url === undefined || !isNamed(url)) return;
  throw new WorkerStartError(
    `Cannot start an executor while ${url} is loaded in a worker: the workers of that executor ` +
      "would load the module, too, and start executors without end; put what starts the program " +
      "under if (import.meta.main)",
  );
}
