import { modules } from "./task.ts";

/**
 * The module that a worker or a process starts from, as a URL: what it imports is loaded with
 * the program's permissions.
 *
 * @param server The module that serves tasks.
 * @param code What to do with its exports, and with `loaders`: how to load each module whose
 * exports are tasks, by its URL.
 */
export function entry(server: string, code: string): string {
  const loaders = modules.map(({ url }) => {
    const specifier = JSON.stringify(url);
    return `${specifier}: () => import(${specifier})`;
  });
  const source = `import * as server from ${JSON.stringify(server)};
const loaders = { ${loaders.join(", ")} };
${code}
`;
  return `data:text/javascript,${encodeURIComponent(source)}`;
}
