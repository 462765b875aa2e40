/**
 * Environment variables which this program may not read, but which Deno needs in each process. A
 * second Deno, which inherits the environment, is run to find out the variables. They go to no
 * task, only to the Deno of a process.
 */

import { WorkerStartError } from "../api/errors.ts";
import { isGranted } from "../runtime/permission_states.ts";
import { DENO_VARIABLES, SEARCH_VARIABLES } from "./deno_variables.ts";
import { isOfLoader } from "./variable_names.ts";

const NEEDED_VARIABLES = [...DENO_VARIABLES, ...SEARCH_VARIABLES];

/** The variables for which Deno wants permission to run any program: see `isOfLoader()`. */
const LOADER_VARIABLE = /\b(?:LD|DYLD)_\w+/gi;

/** The needed variables, as far as this program may not read them. */
let unreadable: Readonly<Record<string, string>> | undefined;
/** The names of all variables, if this program may not list them. */
let names: readonly string[] | undefined;

/**
 * Learns the needed variables, as far as this program may not read them.
 *
 * @throws {WorkerStartError} If Deno does not pass some of them on.
 */
export async function learnUnreadable(): Promise<void> {
  const hidden = NEEDED_VARIABLES.filter((name) => !isGranted("env", name));
  if (hidden.length === 0) return;
  unreadable ??= await askDeno(
    `Object.fromEntries(${JSON.stringify(hidden)}
      .flatMap((name) => Deno.env.has(name) ? [[name, Deno.env.get(name)]] : []))`,
    `--allow-env=${hidden}`,
  );
}

/**
 * Learns the names of all variables, if this program may not list them.
 *
 * @throws {WorkerStartError} If Deno does not pass some of the variables on.
 */
export async function learnNames(): Promise<void> {
  if (!isGranted("env")) names ??= await askDeno("Object.keys(Deno.env.toObject())", "--allow-env");
}

/** A variable, if this program may read it, or Deno needs it. */
export function variableOf(name: string): string | undefined {
  return isGranted("env", name) ? Deno.env.get(name) : unreadable?.[name];
}

/** The names of all variables, as far as this program knows them. */
export function variableNames(): readonly string[] {
  return isGranted("env") ? Object.keys(Deno.env.toObject()) : names ?? [];
}

/**
 * Checks that this program may give a process its environment.
 *
 * @throws {WorkerStartError} If Deno does not let the program.
 */
export function assertPassed(environment: Readonly<Record<string, string>>): void {
  if (isGranted("run")) return;
  const refused = Object.keys(environment).filter((name) =>
    environment[name] !== "" && isOfLoader(name)
  );
  if (refused.length > 0) throw notPassed(refused);
}

/** The value of an expression in a Deno with the whole environment of this program. */
async function askDeno<T>(
  expression: string,
  permission: string,
  env: Record<string, string> = {},
): Promise<T> {
  try {
    return await evaluate(expression, permission, env);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    const refused = error.message.match(LOADER_VARIABLE) ?? [];
    const needed = refused.filter((name) => NEEDED_VARIABLES.includes(name));
    if (needed.length > 0 || refused.length === 0) throw notPassed(needed, error);
    // No process gets these variables, either.
    return askDeno(expression, permission, Object.fromEntries(refused.map((name) => [name, ""])));
  }
}

async function evaluate<T>(
  expression: string,
  permission: string,
  env: Record<string, string>,
): Promise<T> {
  const source = `console.log(JSON.stringify(${expression}));`;
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-config", "--no-prompt", "--quiet", permission],
      `data:text/javascript,${encodeURIComponent(source)}`,
    ],
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).output();
  // V8 may be told to print something of its own before.
  if (code === 0) return JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1)!);
  throw new WorkerStartError(
    `Cannot start processes: Deno, run to find out its environment, ended with exit code ${code}`,
  );
}

function notPassed(names: readonly string[], cause?: unknown): WorkerStartError {
  return new WorkerStartError(
    `Cannot start processes: Deno passes ${
      names.toSorted().join(" and ") || "its environment"
    } on ` +
      "only where it may run any program; expected --allow-run without a list, or a program that is " +
      "started without that variable",
    { cause },
  );
}
