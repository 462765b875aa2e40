/** The options of a pool that say how its workers are isolated, and what their tasks may do. */

import type { PoolOptions } from "../api/options.ts";
import { permissionNames } from "../runtime/permission_states.ts";
import { integer, ownOptions, wrongType } from "./checks.ts";

/** How the workers of a pool are isolated, and the options that only processes have. */
export interface IsolationSettings
  extends Required<Pick<PoolOptions, "memoryLimit" | "args" | "output">> {
  readonly isolation: "worker" | "process" | "inline";
}

/** Completes the options of a pool that say how its workers are isolated. */
export function isolationOptions(
  name: string,
  own: (key: "isolation" | "memoryLimit" | "args" | "output") => unknown,
  byDefault: IsolationSettings["isolation"],
): IsolationSettings {
  const isolation = isolationOf(`${name}.isolation`, own("isolation") ?? byDefault, byDefault);
  const forProcesses = (key: "memoryLimit" | "args" | "output", has: string) => {
    if (isolation === "process") return;
    throw new TypeError(
      `Cannot use ${name}.${key}: only a process ${has}; expected ${name}.isolation "process", ` +
        `received "${isolation}"`,
    );
  };
  const [limit, args, output] = [own("memoryLimit"), own("args"), own("output")];
  if (limit !== undefined && limit !== Infinity) forProcesses("memoryLimit", "can be limited");
  if (args !== undefined) forProcesses("args", "is started with flags");
  if (output !== undefined) forProcesses("output", "has an output of its own");
  if (output !== undefined && output !== "print" && output !== "discard") {
    throw wrongType(`${name}.output`, '"print" or "discard"', output);
  }
  return {
    isolation,
    memoryLimit: limit === Infinity ? limit : integer(`${name}.memoryLimit`, limit, 1, Infinity),
    args: args === undefined ? [] : processFlags(`${name}.args`, args),
    output: output ?? "print",
  };
}

function isolationOf(
  name: string,
  value: unknown,
  byDefault: IsolationSettings["isolation"],
): IsolationSettings["isolation"] {
  if (value !== "worker" && value !== "process" && value !== "inline") {
    throw wrongType(name, '"worker", "process" or "inline"', value);
  }
  if (byDefault === "inline" && value !== "inline") {
    throw new TypeError(`Cannot use ${name}: { inline: true } runs all in this thread`);
  }
  return value;
}

/** Flags of Deno that say what a program may do. */
const PERMISSION_FLAG = /^--(allow|deny|ignore|permission)\b/;

/** Flags for `deno run`, checked so that Deno takes no permission from a flag. */
function processFlags(name: string, flags: unknown): readonly string[] {
  if (!Array.isArray(flags)) throw wrongType(name, "an array of flags", flags);
  for (const flag of flags) {
    if (typeof flag !== "string") throw wrongType(name, "an array of flags", flag);
    // A short flag may be several, -A among others. A text without dashes would be the program's module.
    if (!/^--\w/.test(flag)) {
      throw new TypeError(
        `Cannot use ${name}: expected flags such as --name or --name=value, received ` +
          Deno.inspect(flag),
      );
    }
    if (PERMISSION_FLAG.test(flag)) {
      throw new TypeError(
        `Cannot use ${name}: what a process may do is said by permissions, received ` +
          Deno.inspect(flag),
      );
    }
  }
  return [...flags];
}

/**
 * A checked copy of permissions. A copy, as a later change of the caller's object must grant nothing.
 * The copy has each permission, and no prototype: Deno looks for a missing permission on
 * `Object.prototype`.
 */
export function permissionOptions(name: string, value: unknown): Deno.PermissionOptions {
  if (value === "inherit" || value === "none") return value;
  if (typeof value !== "object" || value === null) {
    throw wrongType(name, '"inherit", "none" or an object', value);
  }
  const own = ownOptions(name, value, permissionNames);
  const copy: Record<string, unknown> = { __proto__: null };
  for (const key of permissionNames) copy[key] = permission(`${name}.${key}`, own(key));
  return Object.freeze(copy);
}

/** One permission, checked. */
function permission(name: string, value: unknown): unknown {
  if (value === undefined) return false;
  if (typeof value === "boolean" || value === "inherit") return value;
  const expected = 'true, false, "inherit" or an array of names and file URLs';
  if (!Array.isArray(value)) throw wrongType(name, expected, value);
  return Object.freeze(Array.from(value, (item: unknown) => {
    if (typeof item === "string" && item !== "") return item;
    if (!(item instanceof URL && item.protocol === "file:")) throw wrongType(name, expected, item);
    return new URL(item);
  }));
}
