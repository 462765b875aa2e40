/** The generated module that a worker or a process starts from. */

import { WorkerStartError } from "../api/errors.ts";
import { VERSION } from "../wire/protocol.ts";
import type { ModuleList } from "./module_list.ts";

/** The URL of worker.ts, unless a bundler has moved this module. */
const beside = import.meta.url?.endsWith("/src/backend/entry.ts")
  ? new URL("../../worker.ts", import.meta.url).href
  : undefined;

// Never called: puts worker.ts into the module graph, for `deno cache`, `compile` and `vendor`.
((): Promise<unknown> => import("../../worker.ts"));

/**
 * The URL of worker.ts.
 *
 * @param given The URL that the program has given, if any.
 * @throws {WorkerStartError} If the program has given none, and a bundler has moved this module.
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
 * The URL of the generated module. Its literal imports are loaded with the program's permissions.
 *
 * The module also evaluates functions sent by their source: a dynamic import in such a function is
 * relative to the module that evaluates the function. Nothing is relative to a `data:` URL, so a
 * path fails, instead of leading to a file of this package.
 *
 * @param server The URL of worker.ts.
 * @param call The export of worker.ts to call: with a loader of task modules, the version of this
 * package, the function that evaluates, and the rest.
 * @param list The task modules.
 * @param naming The statement that brings the list into Deno's graph of modules.
 */
export function entry(
  server: string,
  call: "serve" | "serveHost",
  { exceptions, usesNames }: ModuleList,
  naming: string,
  ...rest: (number | boolean)[]
): string {
  const source = `import { ${call} } from ${JSON.stringify(server)};
${naming}
${usesNames ? IMPORT_AS : ""}const exceptions = { __proto__: null, ${exceptions.join(", ")} };
const load = (url) => exceptions[url] === undefined ? import(url) : exceptions[url]();
${EVALUATE}
await ${call}(${["load", JSON.stringify(VERSION), "evaluate", ...rest].join(", ")});
`;
  return `data:text/javascript,${encodeURIComponent(source)}`;
}

/**
 * The source of a function that imports a module by a name of another module: a member of a
 * workspace may have an alias that the generated module lacks.
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

/**
 * The source of `evaluate`, which evaluates the source of a function in the global scope. The `eval`
 * is indirect: so a function sees the global scope alone. The source reads `eval` at once, as
 * libraries such as SES replace the global.
 */
export const EVALUATE = `const { eval: globalEval } = globalThis;
const evaluate = (source) => globalEval(source);`;
