/** Installs the newest Node of npm, and the packages that the contenders import. */

import { fileURLToPath } from "node:url";

const FOLDER = new URL("../.node/", import.meta.url);

/** The folders of the modules that name packages. */
const SOURCES = [
  "../contenders/",
  "../work/contenders/",
  "../work/jobs/",
  "../server/",
  "../../examples/",
].map((
  path,
) => new URL(path, import.meta.url));

/** An installed Node. */
export interface Node {
  readonly path: string;
  readonly version: string;
}

/**
 * Installs Node and the packages into a folder of the benchmark.
 *
 * @throws {Error} If npm is not there, or cannot install.
 */
export async function installNode(): Promise<Node> {
  await Deno.mkdir(FOLDER, { recursive: true });
  const packages = await packagesIn(SOURCES);
  await run("npm", [
    "install",
    "--no-save",
    "--no-audit",
    "--no-fund",
    "node@latest",
    ...packages,
  ]);
  const path = fileURLToPath(new URL("node_modules/node/bin/node", FOLDER));
  return { path, version: (await run(path, ["--version"])).trim().replace(/^v/, "") };
}

/** All packages that the modules of the folders import, as `name@version`. */
async function packagesIn(folders: readonly URL[]): Promise<string[]> {
  const found = new Set<string>();
  for (const folder of folders) {
    for await (const { name } of Deno.readDir(folder)) {
      if (!name.endsWith(".ts")) continue;
      const source = await Deno.readTextFile(new URL(name, folder));
      for (const [, one] of source.matchAll(/"npm:((?:@[^/"]+\/)?[^/"]+)/g)) found.add(one!);
    }
  }
  return [...found].sort();
}

async function run(command: string, args: string[]): Promise<string> {
  const windows = Deno.build.os === "windows" && command === "npm";
  const { success, stdout, stderr } = await new Deno.Command(windows ? "npm.cmd" : command, {
    args,
    cwd: FOLDER,
    stdin: "null",
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!success) throw new Error(`${command} ${args[0]} failed: ${decode(stderr).trim()}`);
  return decode(stdout);
}
