import type { PoolOptions } from "../api/options.ts";
import { integer, wrongType } from "./checks.ts";

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
