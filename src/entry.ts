import { askFor, stateOf } from "./backend/permission_states.ts";
import { WorkerStartError } from "./errors.ts";
import { VERSION } from "./protocol.ts";
import { EVALUATE } from "./worker/evaluator.ts";
import { modules, type TaskModule } from "./task.ts";

/** The module that workers and processes run, if no bundler has moved this one away from it. */
const beside = import.meta.url?.endsWith("/src/entry.ts")
  ? new URL("../worker.ts", import.meta.url).href
  : undefined;

// Never called: it puts worker.ts into the module graph, for `deno cache`, `compile` and `vendor`.
((): Promise<unknown> => import("../worker.ts"));

/**
 * Where the module is that workers and processes run.
 *
 * @param given Where the program says it is.
 * @throws {WorkerStartError} If that cannot be known.
 */
export function workerModule(given: string | undefined): string {
  const url = given ?? beside;
  if (url === undefined) {
    throw new WorkerStartError(
      `Cannot start workers: a bundler has moved @genro/executor into ${import.meta.url}, away ` +
        `from its worker.ts; pass { workerUrl: "jsr:@genro/executor@${VERSION}/worker" }, or the ` +
        `URL of a bundle of that`,
    );
  }
  return url;
}

/**
 * Checks that a worker may load the module it runs. A worker that starts without the permission
 * fails, and Deno writes into the lockfile of the program that this module is another one: then no
 * worker starts any more, whatever the permissions.
 *
 * @throws {WorkerStartError} If it may not.
 */
export function assertImportable(server: string): void {
  if (isImportable(server)) return;
  const host = importHost(server);
  throw new WorkerStartError(
    `Cannot start workers: this program may not import from ${host}, where their code is; grant ` +
      `it that, with --allow-import=${host} or as { import: ["${host}"] }`,
  );
}

/** Whether this program may import a module, as far as it has to ask for the host. */
function isImportable(url: string): boolean {
  const host = importHost(url);
  // A compiled program contains its modules, and has no lockfile.
  if (host === undefined || Deno.build.standalone) return true;
  return askFor("import", host).state === "granted";
}

/**
 * The host that a remote module is imported from, with its port: what Deno grants by default is one
 * port of each host, such as jsr.io:443.
 */
export function importHost(url: string): string | undefined {
  const { protocol, hostname, port } = new URL(url);
  if (protocol !== "https:" && protocol !== "http:") return undefined;
  return `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
}

/**
 * The module that a worker or a process starts from, as a URL: what it imports is loaded with
 * the program's permissions. It also evaluates the functions that are sent by their source, as a
 * dynamic import in them is relative to the module that evaluates them. Nothing is relative to a
 * `data:` URL, so a path fails, and is not looked for among the files of this package.
 *
 * @param server The module that serves tasks.
 * @param call What is called of it: with how to load each module whose exports are tasks, by its
 * URL; with the version of this package; with how to evaluate; and with what follows.
 */
export function entry(
  server: string,
  call: "serve" | "serveHost",
  ...rest: (number | boolean)[]
): string {
  // A process is given the permission.
  const asks = call === "serve";
  const loaders = modules.map((module) => `${JSON.stringify(module.url)}: ${loader(module, asks)}`);
  const source = `import { ${call} } from ${JSON.stringify(server)};
${modules.some(isHidden) ? IMPORT_AS : ""}const loaders = { ${loaders.join(", ")} };
${EVALUATE}
await ${call}(${["loaders", JSON.stringify(VERSION), "evaluate", ...rest].join(", ")});
`;
  return `data:text/javascript,${encodeURIComponent(source)}`;
}

/** The source of a function that loads a module. */
function loader(module: TaskModule, asks: boolean): string {
  const { url, specifier, from } = module;
  const there = JSON.stringify(url);
  if (asks && !isImportable(url)) {
    // As Deno says it. Even to try would change the lockfile.
    const host = importHost(url);
    const message = `Requires import access to "${host}", run again with the --allow-import flag`;
    return `() => Promise.reject(new TypeError(${JSON.stringify(message)}))`;
  }
  if (!isHidden(module)) return `() => import(${there})`;
  // A package of npm may be loaded by its name without permission to read it. Its file must not
  // even be mentioned as a literal: being refused that, Deno would refuse the name, too.
  const name = JSON.stringify(specifier);
  return `(url = ${there}) =>
  resolved(${name}) === url ? import(${name}) : importAs(${JSON.stringify(from)}, ${name})`;
}

/** Whether a module has a name, and its file may not be read. */
function isHidden({ url, specifier }: TaskModule): boolean {
  if (specifier === undefined || !url.startsWith("file:")) return false;
  return stateOf("read", new URL(url)).state !== "granted";
}

/**
 * The source of what imports a module by the name that another module has for it: in a member of a
 * workspace that may be an alias which the generated module has not got.
 */
const IMPORT_AS = `const resolved = (name) => {
  try {
    return import.meta.resolve(name);
  } catch { /* It is no name here. */ }
};
const importAs = async (filename, name) => {
  const { constants, Script } = await import("node:vm");
  const importModuleDynamically = constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
  const script = new Script("(name) => import(name)", { filename, importModuleDynamically });
  return await script.runInThisContext()(name);
};
`;
