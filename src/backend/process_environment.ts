/** The environment variables of a process: those of its tasks, and those that Deno itself needs. */

import { isGranted, isPattern, wantedOf } from "../runtime/permission_states.ts";
import { DENO_VARIABLES, SEARCH_VARIABLES } from "./deno_variables.ts";
import { learnNames, learnUnreadable, variableNames, variableOf } from "./inherited_environment.ts";
import { covers, passable } from "./variable_names.ts";

/**
 * Keeps the Cache API and the default database of `Deno.openKv()` of a process in its own memory.
 * Neither needs a permission, and all processes of a program would share both.
 */
const OWN_STORAGE = { DENO_CACHE_DB_MODE: "memory", DENO_KV_DB_MODE: "memory" };

/**
 * Prepares {@linkcode environmentFor} and {@linkcode coveredVariables} for these permissions.
 *
 * @throws {WorkerStartError} If Deno does not pass on a variable needed by each process.
 */
export async function learnEnvironment(permissions: Deno.PermissionOptions): Promise<void> {
  await learnUnreadable();
  if (patternsIn(permissions).length > 0) await learnNames();
}

/** The environment variables of a process. */
export function environmentFor(permissions: Deno.PermissionOptions): Record<string, string> {
  const given = inheritedBy(permissions);
  return passable(permissions === "inherit" ? given : { ...given, ...OWN_STORAGE });
}

/** The environment variables of the program that go to a process. */
function inheritedBy(permissions: Deno.PermissionOptions): Record<string, string> {
  const env = wantedOf(permissions, "env");
  const all = env === true || env === "inherit";
  if (all && isGranted("env")) return Deno.env.toObject();
  const searches = wants(permissions, "run") ||
    Deno.build.os === "windows" && wants(permissions, "ffi");
  const names = [
    ...DENO_VARIABLES,
    ...searches ? SEARCH_VARIABLES : [],
    ...typeof env === "object" ? env.map(String).filter((name) => !isPattern(name)) : [],
    ...coveredVariables(permissions),
  ];
  const found: Record<string, string> = Object.create(null);
  for (const name of names) {
    const value = variableOf(name);
    if (value !== undefined) found[name] = value;
  }
  return found;
}

/** Whether a process is to have a permission, or a part of the permission. */
function wants(permissions: Deno.PermissionOptions, name: "run" | "ffi"): boolean {
  const wanted = wantedOf(permissions, name);
  return wanted === "inherit" ? isGranted(name) : wanted !== false;
}

/** The names of the variables covered by patterns of these permissions, readable or not. */
export function coveredVariables(permissions: Deno.PermissionOptions): readonly string[] {
  const patterns = patternsIn(permissions);
  if (patterns.length === 0) return [];
  return variableNames().filter((name) => patterns.some((pattern) => covers(pattern, name)));
}

/** The names with a `*` among the variables of these permissions. */
function patternsIn(permissions: Deno.PermissionOptions): string[] {
  const env = wantedOf(permissions, "env");
  return typeof env === "object" ? env.map(String).filter(isPattern) : [];
}
