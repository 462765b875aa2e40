import { WorkerStartError } from "./errors.ts";
import { VERSION } from "./protocol.ts";
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
 * The module that a worker or a process starts from, as a URL: what it imports is loaded with
 * the program's permissions.
 *
 * @param server The module that serves tasks.
 * @param call What is called of it: with how to load each module whose exports are tasks, by its
 * URL; with the version of this package; and with what follows.
 */
export function entry(server: string, call: "serve" | "serveHost", ...rest: number[]): string {
  const loaders = modules.map((module) => `${JSON.stringify(module.url)}: ${loader(module)}`);
  const source = `import { ${call} } from ${JSON.stringify(server)};
const loaders = { ${loaders.join(", ")} };
await ${call}(${["loaders", JSON.stringify(VERSION), ...rest].join(", ")});
`;
  return `data:text/javascript,${encodeURIComponent(source)}`;
}

/** The source of a function that loads a module. */
function loader({ url, specifier }: TaskModule): string {
  const there = JSON.stringify(url);
  if (specifier === undefined || isReadable(url)) return `() => import(${there})`;
  // A package of npm may be loaded by its name without permission to read it. Its file must not
  // even be mentioned as a literal: being refused that, Deno would refuse the name, too.
  const name = JSON.stringify(specifier);
  return `(url = ${there}) => import.meta.resolve(${name}) === url ? import(${name}) : import(url)`;
}

function isReadable(url: string): boolean {
  if (!url.startsWith("file:")) return true;
  const { state } = Deno.permissions.querySync({ name: "read", path: new URL(url) });
  return state === "granted";
}
