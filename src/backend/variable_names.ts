/** Names of environment variables. Their case does not matter on Windows. */

import { isPattern } from "../runtime/permission_states.ts";

/** The same text for all names of one variable. */
export function keyOf(name: string, os = Deno.build.os): string {
  return os === "windows" ? name.toUpperCase() : name;
}

/** Whether a pattern covers an environment variable, as Deno sees it. */
export function covers(pattern: string, variable: string, os = Deno.build.os): boolean {
  return isPattern(pattern) && keyOf(variable, os).startsWith(keyOf(pattern.slice(0, -1), os));
}

/** Whether Deno passes a variable on only with permission to run all programs. */
export function isOfLoader(name: string): boolean {
  return /^\s*(?:LD|DYLD)_/i.test(name);
}

/**
 * The variables for a process, each once: the last of several names of one variable. Windows also has
 * variables such as `=C:`, the current folder of a drive. Older versions of Deno list such variables,
 * and no version of Deno takes them.
 *
 * @see {@link https://github.com/denoland/deno/pull/34711}
 */
export function passable(
  variables: Readonly<Record<string, string>>,
  os = Deno.build.os,
): Record<string, string> {
  const byKey = new Map<string, [name: string, value: string]>();
  for (const [name, value] of Object.entries(variables)) {
    if (name !== "" && !name.includes("=")) byKey.set(keyOf(name, os), [name, value]);
  }
  const found: Record<string, string> = Object.create(null);
  for (const [name, value] of byKey.values()) found[name] = value;
  return found;
}
