/**
 * The list of the task modules, for the generated module (see entry.ts) of a worker or a process.
 *
 * A worker or a process without read permission can import a file only if its graph of modules has
 * the file already. Deno builds the graph before the generated module runs, follows literal imports
 * alone, called or not, and reads their files with the program's permissions:
 * https://github.com/denoland/deno/blob/v2.9.6/cli/module_loader.rs, `prepare_load()`. So the list has
 * a literal import of each module, and nobody calls these imports. When a module is to be loaded, the
 * host sends its URL.
 *
 * A long list is a module of its own, because Deno stores the URL of the importing module with each
 * import. The URL of the generated module is its whole source: with 5,000 imports inside, a worker
 * needs gigabytes and minutes to start.
 *
 * - A worker finds the list at a `blob:` URL. The host revokes the URL when the worker is ready: a
 *   hostile task never learns a URL that another worker still needs.
 * - A process reads the list from its standard input, a pipe that Deno opens as `/dev/stdin`. The
 *   command line has no room: Windows takes 32,767 characters, Linux 128 KiB an argument. The
 *   channel does not help: the process would import a module from there dynamically, and Deno checks
 *   a dynamic import, with all that the module imports, against the permissions of the process. A
 *   pipe leaves no file behind, and no other user or task can write into the pipe.
 * - Windows has no path for standard input: there, a process reads a file; see list_file.ts.
 */

import { modules, type TaskModule } from "../tasks/modules.ts";
import { importHost, isImportable } from "./import_hosts.ts";
import { isGranted, stateOf } from "../runtime/permission_states.ts";

/** The longest list, in characters, that is written into the generated module. */
const MAX_INLINE_CHARACTERS = 8_192;

/** The task modules that a worker or a process can load. */
export interface ModuleList {
  /** The source of a module with the literal imports, which does nothing when run. */
  readonly source: string;
  /** Whether the source may be a part of the generated module. */
  readonly isShort: boolean;
  /** The loaders of modules that a plain import cannot load: properties named by URL, as source. */
  readonly exceptions: readonly string[];
  /** Whether a loader imports a package by its name. */
  readonly usesNames: boolean;
}

/** The host of each module, by the module's index; files have none. */
const hostByIndex: (string | undefined)[] = [];
/** Each host, with the URL of a module from there. */
const hosts = new Map<string, string>();
/** The URL of a module from JSR. */
let ofJsr: string | undefined;
/** The packages of npm: modules with a name and a file. */
const named: TaskModule[] = [];
/** The latest list of each kind; the key says for which modules and permissions. */
const latest: Record<string, { readonly key: string; readonly list: ModuleList }> = {};
/** The lists as blobs, for workers. */
const blobs = new WeakMap<ModuleList, Blob>();

/**
 * The list of all task modules named so far: the same object as long as modules and permissions are
 * the same.
 *
 * @param kind Who reads the list. A worker must not even try to import from a host that the program
 * may not import from; a process has flags, and Deno refuses the import.
 */
export function moduleList(kind: "worker" | "process"): ModuleList {
  learnModules();
  const refused = kind === "process" ? [] : [...hosts.keys()].filter((host) => !isImportable(host));
  const hidden = isGranted("read") ? [] : named.filter(isHidden);
  const key = JSON.stringify([modules.length, refused, hidden.map(({ index }) => index)]);
  if (latest[kind]?.key !== key) {
    latest[kind] = { key, list: newList(new Set(refused), new Set(hidden)) };
  }
  return latest[kind].list;
}

/** A list as a blob. */
export function listBlob(list: ModuleList): Blob {
  let blob = blobs.get(list);
  if (blob === undefined) {
    blob = new Blob([list.source], { type: "text/javascript" });
    blobs.set(list, blob);
  }
  return blob;
}

/** The URLs of remote modules: one of each host is enough to know the hosts. */
export function remoteModules(): string[] {
  learnModules();
  return [...hosts.values(), ...ofJsr === undefined ? [] : [ofJsr]];
}

function learnModules(): void {
  for (let index = hostByIndex.length; index < modules.length; index++) {
    const module = modules[index]!;
    const host = importHost(module.url);
    hostByIndex.push(host);
    if (host !== undefined) hosts.set(host, module.url);
    if (module.url.startsWith("jsr:")) ofJsr = module.url;
    if (module.specifier !== undefined && module.url.startsWith("file:")) named.push(module);
  }
}

/** Whether the program may not read the file of a package. */
function isHidden({ url }: TaskModule): boolean {
  return stateOf("read", new URL(url)).state !== "granted";
}

function newList(refused: ReadonlySet<string>, hidden: ReadonlySet<TaskModule>): ModuleList {
  const imports: string[] = [];
  const exceptions: string[] = [];
  for (const module of modules) {
    const host = hostByIndex[module.index];
    const url = JSON.stringify(module.url);
    if (host !== undefined && refused.has(host)) exceptions.push(`${url}: ${refusal(host)}`);
    else if (hidden.has(module)) exceptions.push(`${url}: ${namedImport(module)}`);
    else imports.push(`import(${url})`);
  }
  let source = imports.length === 0 ? "" : `() => [\n${imports.join(",\n")}\n];`;
  let isShort = source.length <= MAX_INLINE_CHARACTERS;
  // A compiled program contains its modules, and builds no graph.
  if (!isShort && Deno.build.standalone) {
    source = "";
    isShort = true;
  }
  return { source, isShort, exceptions, usesNames: hidden.size > 0 };
}

/** The source of a loader that fails as Deno would. Even to try would change the lockfile. */
function refusal(host: string): string {
  const message = `Requires import access to "${host}", run again with the --allow-import flag`;
  return `() => Promise.reject(new TypeError(${JSON.stringify(message)}))`;
}

/**
 * The source of a loader that imports a package by its name, which needs no read permission. The
 * list must not import the package's file: once Deno has refused the file, the name fails, too.
 */
function namedImport({ url, specifier, from }: TaskModule): string {
  const name = JSON.stringify(specifier);
  return `(url = ${JSON.stringify(url)}) =>
  resolved(${name}) === url ? import(${name}) : importAs(${JSON.stringify(from)}, ${name})`;
}
