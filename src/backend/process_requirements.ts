import { assertImportable } from "./import_hosts.ts";
import { assertPassed } from "./inherited_environment.ts";
import { moduleList } from "./module_list.ts";
import { processCommand } from "./process_command.ts";
import { learnEnvironment } from "./process_environment.ts";
import { learnDenials } from "./process_flags.ts";
import { loadChildProcess } from "./process_spawn.ts";
import { workingDirectoryFault } from "./working_directory.ts";
import { WorkerStartError } from "../api/errors.ts";
import { stateOf } from "../runtime/permission_states.ts";
import type { PoolSettings } from "../settings/settings.ts";

/**
 * Checks that this platform can start the processes of a pool, and this program may; prepares each
 * start, too.
 *
 * @param server The URL of worker.ts.
 * @throws {WorkerStartError} If processes cannot be started.
 */
export async function assertProcesses(settings: PoolSettings, server: string): Promise<void> {
  const { permissions } = settings;
  assertRunnable();
  assertImportable(server);
  await Promise.all([learnEnvironment(permissions), learnDenials(permissions)]);
  const { environment } = processCommand(settings, server, moduleList("process"), "");
  assertPassed(environment);
  await loadChildProcess();
}

/** Checks that this program has a Deno, may run Deno, and is in a folder where Deno starts. */
function assertRunnable(): void {
  if (Deno.build.standalone) {
    throw new WorkerStartError(
      "Cannot start processes: a compiled program has no Deno to run them with; use " +
        '{ isolation: "worker" }',
    );
  }
  const command = Deno.execPath();
  if (stateOf("run", command).state !== "granted") {
    throw new WorkerStartError(
      `Cannot start processes: this program may not run Deno; expected --allow-run=${command}`,
    );
  }
  const fault = workingDirectoryFault();
  if (fault !== undefined) throw new WorkerStartError(`Cannot start processes: ${fault}`);
}
