/** Copies of this package for programs that run in folders of their own. */

import { pathToFileURL } from "node:url";

const root = new URL("../../", import.meta.url);
const modules = ["mod.ts", "executor.ts", "serve.ts", "worker.ts"];

/** Writes files by their paths within a folder, with the folders on the way. */
export async function writeFiles(
  folder: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = `${folder}/${name}`;
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await (typeof content === "string"
      ? Deno.writeTextFile(path, content)
      : Deno.writeFile(path, content));
  }
}

/** Copies this package into a folder. */
export async function copyPackage(folder: string): Promise<void> {
  const files: Record<string, Uint8Array> = {};
  for (const name of modules) files[name] = await Deno.readFile(new URL(name, root));
  for await (const name of filesIn("src/")) files[name] = await Deno.readFile(new URL(name, root));
  await writeFiles(folder, files);
}

async function* filesIn(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, root))) {
    if (isDirectory) yield* filesIn(`${folder}${name}/`);
    else yield `${folder}${name}`;
  }
}

/**
 * The deno.json of a program that finds this package elsewhere.
 *
 * @param at The URL of the package's folder.
 */
export function configFor(at: string | URL): string {
  const imports = {
    "@genro/executor": new URL("mod.ts", at).href,
    "@genro/executor/serve": new URL("serve.ts", at).href,
    "@std/async/deadline": import.meta.resolve("@std/async/deadline"),
  };
  return JSON.stringify({ imports, unstable: ["worker-options"], lock: false });
}

/** The URL of a folder, to which others can be relative. */
export function urlOf(folder: string): URL {
  return pathToFileURL(`${folder}/`);
}
