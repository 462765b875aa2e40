/** Copies of this package, as it is in the repository, committed or not. */

import { dirname, join } from "node:path";
import { pathOf } from "./processes.ts";

/** The paths of the files of this package, from its folder. */
export async function listFiles(): Promise<string[]> {
  const { success, stdout, stderr } = await new Deno.Command("git", {
    args: ["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    cwd: pathOf(""),
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!success) throw new Error(`Cannot list the files of the repository: ${text(stderr)}`);
  return text(stdout).split("\0").filter((file) => file !== "");
}

/** Copies files, which are given by their paths from the folder `from`, to the folder `to`. */
export async function copyTo(to: string, from: string, files: Iterable<string>): Promise<void> {
  for (const file of files) {
    const target = join(to, file);
    await Deno.mkdir(dirname(target), { recursive: true });
    await Deno.copyFile(join(from, file), target);
  }
}
