import { assertEquals } from "@std/assert";
import { copyTo, listFiles } from "../tests/support/copies.ts";
import { pathOf } from "../tests/support/processes.ts";
import { Consumer, type Outcome } from "./consumer.ts";
import type { Registry } from "./registry.ts";

/** Publishes a copy of a folder with `deno publish`. */
async function publish(
  registry: Registry,
  files: Iterable<string>,
  from: string,
  ...flags: string[]
): Promise<Outcome> {
  await using author = new Consumer(registry.url);
  await copyTo(author.project, from, files);
  const args = ["publish", "--token", "any", "--allow-dirty", "--no-provenance", ...flags];
  const outcome = await author.deno(args);
  assertEquals(outcome.code, 0, outcome.stderr);
  return outcome;
}

/** Publishes the package of a folder. */
async function publishFolder(registry: Registry, folder: string): Promise<void> {
  const path = pathOf(folder);
  const files = await Array.fromAsync(Deno.readDir(path), ({ name }) => name);
  await publish(registry, files, path);
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
  const [files, root] = [await listFiles(), pathOf("")];
  const dryRun = await publish(registry, files, root, "--dry-run");
  assertEquals(registry.published.filter((name) => name.startsWith("@genro/executor@")), []);
  return [dryRun, await publish(registry, files, root)];
}
