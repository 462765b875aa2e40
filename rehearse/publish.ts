import { assertEquals } from "@std/assert";
import { Consumer, type Outcome } from "./consumer.ts";
import type { Registry } from "./registry.ts";

const root = new URL("..", import.meta.url);

/** Publishes a copy of a folder with `deno publish`. */
async function publish(
  registry: Registry,
  files: Iterable<string>,
  from: URL,
  ...flags: string[]
): Promise<Outcome> {
  await using author = new Consumer(registry.url);
  for (const file of files) {
    const target = `${author.project}/${file}`;
    await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
    await Deno.copyFile(new URL(file, from), target);
  }
  const args = ["publish", "--token", "any", "--allow-dirty", "--no-provenance", ...flags];
  const outcome = await author.deno(args);
  assertEquals(outcome.code, 0, outcome.stderr);
  return outcome;
}

/** Publishes the package of a folder. */
async function publishFolder(registry: Registry, folder: string): Promise<void> {
  const url = new URL(`${folder}/`, root);
  const files = await Array.fromAsync(Deno.readDir(url), ({ name }) => name);
  await publish(registry, files, url);
}

/** Publishes the packages of a folder, one after the other. */
export async function publishAll(registry: Registry, ...folders: string[]): Promise<void> {
  for (const folder of folders) await publishFolder(registry, folder);
}

/**
 * Publishes this package as it is in the repository, committed or not.
 *
 * @returns What came of the dry run, and then of publishing it.
 */
export async function publishThis(registry: Registry): Promise<Outcome[]> {
  const { stdout } = await new Deno.Command("git", {
    args: ["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    cwd: root,
  }).output();
  const files = new TextDecoder().decode(stdout).split("\0").filter((file) => file !== "");
  const dryRun = await publish(registry, files, root, "--dry-run");
  assertEquals(registry.published.filter((name) => name.startsWith("@genro/executor@")), []);
  return [dryRun, await publish(registry, files, root)];
}
