/** The command line and the environment of a process. */

import { misfit } from "./command_line.ts";
import { entry } from "./entry.ts";
import { importHost } from "./import_hosts.ts";
import { variableOf } from "./inherited_environment.ts";
import { type ModuleList, remoteModules } from "./module_list.ts";
import { coveredVariables, environmentFor } from "./process_environment.ts";
import { permissionFlags } from "./process_flags.ts";
import { WorkerStartError } from "../api/errors.ts";
import type { PoolSettings } from "../settings/settings.ts";

const V8_FLAGS = "--v8-flags=";
/**
 * Takes the place of every module that a process loads once the process is to end: see
 * worker/process_life.ts.
 */
const NOTHING = "data:text/javascript,Deno.exit()";

/**
 * Whether a process can write into a pipe of its own synchronously: since 2.9.2 Deno gives a process
 * the descriptors that the process has inherited, though not on Windows.
 */
export const HAS_PIPES = Deno.build.os !== "windows" && isSince(2, 9, 2);

/** Whether this Deno is of this version, or a later version. */
function isSince(...wanted: number[]): boolean {
  const version = Deno.version.deno.split(".").map((part) => parseInt(part));
  const place = wanted.findIndex((part, index) => part !== version[index]);
  return place < 0 || version[place]! > wanted[place]!;
}

/** The command that starts a process. */
export interface ProcessCommand {
  /** The command line, from the path of the program. */
  readonly args: string[];
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * The command that starts a process of a pool.
 *
 * @param server The URL of worker.ts.
 * @param list The task modules.
 * @param naming The statement that names the list: see `entry()`.
 * @throws {WorkerStartError} If no system of this kind takes a command of that length, or the
 * program may not give the permissions away.
 */
export function processCommand(
  settings: PoolSettings,
  server: string,
  list: ModuleList,
  naming: string,
): ProcessCommand {
  const { permissions } = settings;
  const environment = environmentFor(permissions);
  const args = [
    Deno.execPath(),
    "run",
    ...ownFlags(settings),
    ...flagsFor(permissions, server, environment),
    "--preload",
    // Does not end before the process does, so that the program's own module, where deno.json
    // is found, is not evaluated.
    entry(server, "serveHost", list, naming, Deno.pid, permissions === "inherit", HAS_PIPES),
    "--preload",
    NOTHING,
    Deno.mainModule ?? import.meta.url,
  ];
  const long = misfit(args);
  if (long !== undefined) throw new WorkerStartError(`Cannot start a process: ${long}`);
  return { args, environment };
}

/** The flags that are no permissions. An older Deno takes each of them once. */
function ownFlags({ args, memoryLimit }: PoolSettings): Iterable<string> {
  const ofV8 = args.filter((flag) => flag.startsWith(V8_FLAGS));
  if (memoryLimit !== Infinity) ofV8.push(`${V8_FLAGS}--max-old-space-size=${memoryLimit}`);
  const flags = new Set([...args.filter((flag) => !ofV8.includes(flag)), "--no-prompt", "--quiet"]);
  if (ofV8.length > 0) flags.add(V8_FLAGS + ofV8.map((flag) => flag.slice(V8_FLAGS.length)).join());
  return flags;
}

/** The permissions of the pool, and permission to load worker.ts and the task modules. */
function flagsFor(
  permissions: Deno.PermissionOptions,
  server: string,
  environment: Readonly<Record<string, string>>,
): string[] {
  const hosts = [server, ...remoteModules()].flatMap(hostsOf);
  const variables = [...Object.keys(environment), ...coveredVariables(permissions)];
  return permissionFlags(permissions, hosts, variables);
}

/** The hosts that a module is loaded from: none if the module is a file, or of npm. */
function hostsOf(url: string): string[] {
  const isOfJsr = new URL(url).protocol === "jsr:";
  const host = importHost(isOfJsr ? variableOf("JSR_URL") ?? "https://jsr.io" : url);
  return host === undefined ? [] : [host];
}
