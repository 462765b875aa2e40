/** The permissions of a process, as flags of `deno run`: never more than this program has. */

import { fileURLToPath } from "node:url";
import {
  hostDenials,
  type HostPermission,
  isHost,
  learnHostDenials as learnDenialsOf,
} from "./denials.ts";
import {
  isGranted,
  type PermissionName,
  permissionNames,
  wantedOf,
} from "../runtime/permission_states.ts";
import { covers } from "./variable_names.ts";
import { WorkerStartError } from "../api/errors.ts";

/** A name that no host has. */
const NO_HOST = "none.invalid";

/** The scopes of one permission that a process is given, and the denials within. */
interface Grant {
  readonly allowed: true | readonly string[];
  readonly denied: readonly string[];
}

/** Why a permission is refused if Deno calls the permission not granted, or granted in part. */
const NOT_ALL = "this program has not got it, or not all of it: name no more than it has";

/** In older versions of Deno a comma is written twice; Deno 2.9 has lost that. */
const NO_COMMA = 'a comma cannot be said in a flag; rename the path, or use isolation: "worker"';

const NOTHING: Grant = { allowed: [], denied: [] };

/**
 * The flags that give a process these permissions, and no more than this program has.
 *
 * @param hosts The hosts of modules that the process is to load. Each is granted if this program
 * may import from there.
 * @param variables The names of the environment variables that patterns may cover.
 * @throws {WorkerStartError} If this program itself lacks a permission, may be denied a part of the
 * permission, or no flag can express the permission.
 */
export function permissionFlags(
  permissions: Deno.PermissionOptions,
  hosts: Iterable<string>,
  variables: Iterable<string>,
): string[] {
  const flags: string[] = [];
  for (const name of permissionNames) {
    const { allowed, denied } = grant(name, wantedOf(permissions, name));
    const scopes = new Set(allowed === true ? [] : allowed);
    const denials = new Set(denied);
    if (name === "import" && allowed !== true) {
      // This flag is never left out. Without any flag Deno would grant its child everything;
      // without --allow-import, imports from default hosts, which --deny-import does not prevent.
      for (const host of hosts) if (isGranted(name, host)) scopes.add(host);
      if (scopes.size === 0) scopes.add(NO_HOST);
    }
    if (name === "env") {
      for (const variable of variables) {
        const isCovered = [...scopes].some((scope) => covers(scope, variable));
        if (isCovered && !isGranted(name, variable)) denials.add(variable);
      }
    }
    if (allowed === true) flags.push(`--allow-${name}`);
    else if (scopes.size > 0) flags.push(`--allow-${name}=${[...scopes].join()}`);
    if (denials.size > 0) flags.push(`--deny-${name}=${[...denials].join()}`);
  }
  return flags;
}

/** Prepares {@linkcode permissionFlags} for these permissions. */
export async function learnDenials(permissions: Deno.PermissionOptions): Promise<void> {
  const scopes = (["net", "import"] as const).flatMap((name) => {
    const wanted = wantedOf(permissions, name);
    return Array.isArray(wanted)
      ? scopesIn(wanted).filter((scope) => isGranted(name, scope)).map((scope) =>
        [name, scope] as const
      )
      : [];
  });
  await learnDenialsOf(scopes);
}

/** The part of a wanted permission for a process. */
function grant(name: PermissionName, wanted: ReturnType<typeof wantedOf>): Grant {
  if (wanted === false) return NOTHING;
  if (wanted === "inherit") return isGranted(name) ? { ...NOTHING, allowed: true } : NOTHING;
  if (wanted === true) {
    if (!isGranted(name)) {
      throw refused(name, NOT_ALL);
    }
    return { ...NOTHING, allowed: true };
  }
  const allowed = scopesIn(wanted);
  return { allowed, denied: allowed.flatMap((scope) => deniedOf(name, scope)) };
}

/** The denials within a scope. */
function deniedOf(name: PermissionName, scope: string): readonly string[] {
  const what = `${name} permission for "${scope}"`;
  if (scope.includes(",")) throw refused(what, NO_COMMA);
  if (!isGranted(name, scope)) {
    const isTold = !isOfHosts(name) || isHost(scope);
    throw refused(
      what,
      isTold ? NOT_ALL : "Deno does not tell whether this program has all of it; name single hosts",
    );
  }
  if (!isOfHosts(name)) return [];
  const denials = hostDenials(name, scope);
  if ("refusal" in denials) throw refused(what, denials.refusal);
  return denials.ports;
}

function isOfHosts(name: PermissionName): name is HostPermission {
  return name === "net" || name === "import";
}

/** The paths, hosts or names that an option lists. */
function scopesIn(wanted: readonly (string | URL)[]): string[] {
  return wanted.map((item) => item instanceof URL ? fileURLToPath(item) : item);
}

function refused(what: string, why: string): WorkerStartError {
  return new WorkerStartError(`Cannot give a process ${what}: ${why}`);
}
