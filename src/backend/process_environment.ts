/** The environment variables of a process: those of its tasks, and those that Deno itself needs. */

import { WorkerStartError } from "../api/errors.ts";
import { wantedOf } from "./process_flags.ts";
import { isGranted } from "../runtime/permission_states.ts";
import { covers, isOfLoader, isPattern, passable } from "./variable_names.ts";

/**
 * Where the libraries of Deno are looked for, unless as on Linux. A variable that another system
 * has no use for keeps no process from starting there: Git Bash on Windows sets LD_LIBRARY_PATH.
 */
const LIBRARY_VARIABLES: { readonly [os in typeof Deno.build.os]?: readonly string[] } = {
  darwin: ["DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"],
  windows: [],
};

/**
 * What Deno goes by when it starts, loads modules and connects. A process has these variables
 * whatever its permissions are: its tasks cannot read them without a permission.
 */
const DENO_VARIABLES = [
  // Where its libraries are; without them a process of an Alpine image before 2.7.8 does not start.
  ...LIBRARY_VARIABLES[Deno.build.os] ?? ["LD_LIBRARY_PATH"],
  // Where its cache and its temporary files are.
  "DENO_DIR",
  "HOME",
  "TMPDIR",
  "XDG_CACHE_HOME",
  // How it reaches other hosts, and whom it trusts.
  ...["ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"].flatMap((name) => [
    name,
    name.toLowerCase(),
  ]),
  "DENO_AUTH_TOKENS",
  "DENO_CERT",
  "DENO_TLS_CA_STORE",
  "NODE_EXTRA_CA_CERTS",
  "NODE_USE_ENV_PROXY",
  "SSL_CERT_DIR",
  "SSL_CERT_FILE",
  // Where packages come from, and how they are resolved.
  "DENO_COMPAT",
  "DENO_CONDITIONS",
  "DENO_NO_PACKAGE_JSON",
  "JSR_NPM_URL",
  "JSR_URL",
  "NPM_CONFIG_MIN_RELEASE_AGE",
  "npm_config_min_release_age",
  "NPM_CONFIG_REGISTRY",
  "NPM_CONFIG_REPLACE_REGISTRY_HOST",
  "npm_config_replace_registry_host",
  // What it does otherwise than by default.
  "DENO_CACHE_DB_MODE",
  "DENO_EMIT_CACHE_MODE",
  "DENO_KV_DB_MODE",
  "DENO_KV_DEFAULT_PATH",
  "DENO_KV_PATH_PREFIX",
  "DENO_KV_REQUIRES_DISTRIBUTED_DATABASE",
  "DENO_NO_UPDATE_CHECK",
  // Who is asked for each permission: of a process, too.
  "DENO_PERMISSION_BROKER_PATH",
  "DENO_PATCH_REACT_CVE",
  "DENO_TRACE_PERMISSIONS",
  "DENO_UNSTABLE_BARE_NODE_BUILTINS",
  "DENO_UNSTABLE_LAZY_DYNAMIC_IMPORTS",
  "DENO_UNSTABLE_LOCKFILE_V5",
  "DENO_UNSTABLE_NPM_LAZY_CACHING",
  "DENO_UNSTABLE_RAW_IMPORTS",
  "DENO_UNSTABLE_SLOPPY_IMPORTS",
  "DENO_UNSTABLE_SUBDOMAIN_WILDCARDS",
  "DENO_USE_CGROUPS",
  "DENO_USR2_MEMORY_TRIM",
  "DENO_V8_FLAGS",
  "DENO_WEBGPU_BACKEND",
  // How it prints, and what dates and numbers look like.
  "COLORTERM",
  "FORCE_COLOR",
  "LANG",
  "LC_ALL",
  "LC_MESSAGES",
  "NO_COLOR",
  "TERM",
  "TZ",
  // What every program needs on Windows.
  "APPDATA",
  "HOMEDRIVE",
  "HOMEPATH",
  "LOCALAPPDATA",
  "SystemDrive",
  "SystemRoot",
  "TEMP",
  "TMP",
  "USERPROFILE",
  "windir",
];

/** Where Deno looks for the programs that a task may run, and Windows for the DLLs of another DLL. */
const SEARCH_VARIABLES = ["PATH", "PATHEXT"];

const NEEDED = [...DENO_VARIABLES, ...SEARCH_VARIABLES];

/** The variables that Deno says it passes to another program only if it may run any. */
const LOADER_VARIABLE = /\b(?:LD|DYLD)_\w+/gi;

/** What those of {@linkcode NEEDED} are that this program may not read. */
let unreadable: Readonly<Record<string, string>> | undefined;
/** The names of all variables, if this program may not list them and a pattern needs them. */
let names: readonly string[] | undefined;

/**
 * Finds out what Deno needs of this program's environment, as far as the program may not read it:
 * the variables go to no task, only to the Deno that runs it. A Deno that inherits them is asked.
 *
 * @throws {WorkerStartError} If Deno does not pass them on.
 */
export async function learnEnvironment(permissions: Deno.PermissionOptions): Promise<void> {
  const hidden = NEEDED.filter((name) => !isGranted("env", name));
  if (hidden.length > 0) {
    unreadable ??= await inherited(
      `Object.fromEntries(${JSON.stringify(hidden)}
        .flatMap((name) => Deno.env.has(name) ? [[name, Deno.env.get(name)]] : []))`,
      `--allow-env=${hidden}`,
    );
  }
  if (patternsIn(permissions).length > 0 && !isGranted("env")) {
    names ??= await inherited("Object.keys(Deno.env.toObject())", "--allow-env");
  }
}

/** What an expression is in a Deno that inherits the environment of this program. */
async function inherited<T>(
  expression: string,
  permission: string,
  env: Record<string, string> = {},
): Promise<T> {
  const source = `console.log(JSON.stringify(${expression}));`;
  const args = ["run", "--no-config", "--no-prompt", "--quiet", permission];
  try {
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: [...args, `data:text/javascript,${encodeURIComponent(source)}`],
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
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    const refused = error.message.match(LOADER_VARIABLE) ?? [];
    const needed = refused.filter((name) => NEEDED.includes(name));
    if (needed.length > 0 || refused.length === 0) throw notPassed(needed, error);
    // A process is not to have them, either.
    return inherited(
      expression,
      permission,
      Object.fromEntries(refused.map((name) => [name, ""])),
    );
  }
}

/**
 * Keeps the Cache API and the default database of `Deno.openKv()` of a process in its own memory.
 * Neither needs a permission, and all processes of a program would have the same.
 */
const OWN_STORAGE = { DENO_CACHE_DB_MODE: "memory", DENO_KV_DB_MODE: "memory" };

/** The environment variables of a process. */
export function environmentFor(permissions: Deno.PermissionOptions): Record<string, string> {
  const given = inheritedBy(permissions);
  return passable(permissions === "inherit" ? given : { ...given, ...OWN_STORAGE });
}

/** The environment variables of the program that a process is given. */
function inheritedBy(permissions: Deno.PermissionOptions): Record<string, string> {
  const env = wantedOf(permissions, "env");
  const all = env === true || env === "inherit";
  if (all && isGranted("env")) return Deno.env.toObject();
  const searches = wants(permissions, "run") ||
    Deno.build.os === "windows" && wants(permissions, "ffi");
  const found: Record<string, string> = Object.create(null);
  for (
    const name of [
      ...DENO_VARIABLES,
      ...searches ? SEARCH_VARIABLES : [],
      ...typeof env === "object" ? env.map(String).filter((name) => !isPattern(name)) : [],
      ...coveredVariables(permissions),
    ]
  ) {
    const value = variableOf(name);
    if (value !== undefined) found[name] = value;
  }
  return found;
}

/** Whether a process is to have a permission, or some of it. */
function wants(permissions: Deno.PermissionOptions, name: "run" | "ffi"): boolean {
  const wanted = wantedOf(permissions, name);
  return wanted === "inherit" ? isGranted(name) : wanted !== false;
}

/** The names of the variables that patterns of these permissions cover, readable or not. */
export function coveredVariables(permissions: Deno.PermissionOptions): readonly string[] {
  const patterns = patternsIn(permissions);
  if (patterns.length === 0) return [];
  const all = isGranted("env") ? Object.keys(Deno.env.toObject()) : names ?? [];
  return all.filter((name) => patterns.some((pattern) => covers(pattern, name)));
}

/** The names with a `*` of the variables that a process is to have. */
function patternsIn(permissions: Deno.PermissionOptions): string[] {
  const env = wantedOf(permissions, "env");
  return typeof env === "object" ? env.map(String).filter(isPattern) : [];
}

/** What a variable is, if this program may read it, or Deno needs it. */
export function variableOf(name: string): string | undefined {
  return isGranted("env", name) ? Deno.env.get(name) : unreadable?.[name];
}

/**
 * Checks that this program may give a process its environment.
 *
 * @throws {WorkerStartError} If Deno does not let it.
 */
export function assertPassed(environment: Readonly<Record<string, string>>): void {
  if (isGranted("run")) return;
  const refused = Object.keys(environment).filter((name) =>
    environment[name] !== "" && isOfLoader(name)
  );
  if (refused.length > 0) throw notPassed(refused);
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
