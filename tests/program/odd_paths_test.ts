import { assertEquals } from "@std/assert";
import { pathToFileURL } from "node:url";
import { hasProcesses } from "../support/features.ts";
import { Executor } from "@genro/executor";

const onWindows = Deno.build.os === "windows";

/**
 * Folders that a pool is granted, each with a folder beside that a careless reader would grant. No
 * two differ by their case alone.
 */
const FOLDERS: Readonly<Record<string, string>> = {
  "b c": "b",
  "c%20d": "c d",
  "%41": "A",
  "%zz": "zz",
  "e;f": "e",
  "g#h": "g",
  "ü": "u",
  "=i": "i",
  "!j": "j",
  "$HOME": "HOME",
  "~": "user",
  "k'l": "k",
  "@m": "m",
  ...!onWindows && {
    "n*": "nothing",
    "o?": "oh",
    'p"q': "p",
    "r\\s": "r",
    "t:u": "t",
    " v": "v",
    "w ": "w",
    "x\ny": "x",
  },
};
/** Deno's flags, by which a process gets its permissions, have no comma in a path. */
const OF_WORKERS = { "y,z": "y" };

for (const isolation of ["worker", "process"] as const) {
  const folders = Object.entries({ ...FOLDERS, ...isolation === "worker" && OF_WORKERS });
  for (
    const [form, scopeOf] of Object.entries({
      path: (path: string) => path,
      URL: (path: string) => pathToFileURL(path),
    })
  ) {
    Deno.test(
      `Tasks in a ${isolation} reach the folder that is granted by its ${form}, and no other`,
      {
        ignore: isolation === "process" && !hasProcesses,
      },
      async () => {
        const base = await Deno.realPath(await Deno.makeTempDir());
        try {
          for (const name of new Set(folders.flat())) {
            await Deno.mkdir(`${base}/${name}`);
            await Deno.writeTextFile(`${base}/${name}/file`, name);
          }
          const scopes = folders.map(([name]) => scopeOf(`${base}/${name}`));
          await using executor = await Executor.start({
            cpu: { isolation, maxWorkers: 1, permissions: { read: scopes, write: scopes } },
          });
          const reached = await executor.runCpu(
            (paths: string[][]) =>
              paths.map((pair) =>
                pair.map((path) => {
                  try {
                    const text = Deno.readTextFileSync(path);
                    Deno.writeTextFileSync(path, text);
                    return text;
                  } catch (error) {
                    return (error as Error).name;
                  }
                })
              ),
            folders.map((pair) => pair.map((name) => `${base}/${name}/file`)),
          );
          assertEquals(reached, folders.map(([name]) => [name, "NotCapable"]));
        } finally {
          await Deno.remove(base, { recursive: true });
        }
      },
    );
  }
}
