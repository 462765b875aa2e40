/** The hosts of remote modules, and the program's permission to import from a host. */

import { WorkerStartError } from "../api/errors.ts";
import { askFor } from "../runtime/permission_states.ts";

/**
 * Checks that a worker may load worker.ts. A worker without the permission fails, and Deno writes a
 * wrong hash of the module into the program's lockfile: then no worker starts any more, whatever the
 * permissions.
 *
 * @throws {WorkerStartError} If the program may not import from the host of worker.ts.
 */
export function assertImportable(server: string): void {
  const host = importHost(server);
  if (host === undefined || isImportable(host)) return;
  throw new WorkerStartError(
    `Cannot start workers: this program may not import from ${host}, where their code is; grant ` +
      `it that, with --allow-import=${host} or as { import: ["${host}"] }`,
  );
}

/** Whether this program may import from a host. */
export function isImportable(host: string): boolean {
  // A compiled program contains its modules, and has no lockfile.
  return Deno.build.standalone || askFor("import", host).state === "granted";
}

/**
 * The host and port of a remote module: by default Deno grants single ports, such as jsr.io:443.
 */
export function importHost(url: string): string | undefined {
  if (!/^https?:/i.test(url)) return undefined;
  const { protocol, hostname, port } = new URL(url);
  return `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
}
