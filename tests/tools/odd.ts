/**
 * Runs tests where paths, the environment and the ends of lines are other than usual: in a copy of
 * this folder, whose name has characters that URLs encode, with sources whose lines end with CR LF,
 * and a folder for temporary files that is reached through a symbolic link, as on macOS.
 */

import { join } from "node:path";
import { copyTo, listFiles } from "../support/copies.ts";
import { makeTempFolder, pathOf } from "../support/processes.ts";

/**
 * The tests that run without arguments: those that name modules, files and folders, read stacks and
 * sources, give permissions by path, start programs and processes with an environment, or send
 * signals to a group of processes. So these are the tests of programs, and a few others. All other
 * tests stay within an executor, where no path and no end of a line matters.
 */
const CHOSEN = [
  /^tests\/program\/\w+_test\.ts$/,
  /^tests\/api\/(?:errors|errors_inside|line_endings|permissions|process|start|tasks)_test\.ts$/,
  /^tests\/examples\/frameworks_test\.ts$/,
];
/** Tests of programs that do not run here. */
const LEFT_OUT = [
  // Of hosts, messages, values and attacks: they would take minutes.
  ...["abandoned", "async_context", "canary", "channel", "denials", "fuzz", "native", "patching"],
  ...["pollution", "remote", "snippets", "sockets", "untrusted_code"],
  // These make odd folders of their own.
  ...["odd_paths", "places", "stack"],
].map((name) => `tests/program/${name}_test.ts`);

/** A folder whose path and URL differ; where code decodes twice, `%41` becomes an A. */
const FOLDER = "a b#é%41";
const STAND_INS = "tests/standins/";
const SOURCE = /\.[jt]s$/;

const base = await makeTempFolder();
try {
  const temp = join(base, "linked");
  await Deno.mkdir(join(base, "temp"));
  // Windows has links for the privileged alone, and none on the way to its temporary files.
  if (Deno.build.os === "windows") await Deno.mkdir(temp);
  else await Deno.symlink(join(base, "temp"), temp);
  const copy = join(temp, FOLDER);
  const files = await listFiles();
  await copyTo(copy, pathOf(""), files);
  for (const file of files.filter((file) => SOURCE.test(file))) {
    const text = await Deno.readTextFile(join(copy, file));
    await Deno.writeTextFile(join(copy, file), text.replaceAll(/\r?\n/g, "\r\n"));
  }
  if (await Deno.lstat(pathOf(".offline")).then(() => true, () => false)) {
    const standIns = files.filter((file) => file.startsWith(STAND_INS))
      .map((file) => file.slice(STAND_INS.length));
    await copyTo(join(copy, ".offline"), join(copy, STAND_INS), standIns);
  }
  const chosen = files.filter((file) =>
    CHOSEN.some((pattern) => pattern.test(file)) && !LEFT_OUT.includes(file)
  );
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [
      "test",
      "--allow-all",
      "--no-prompt",
      "--no-check",
      ...Deno.args.length > 0 ? Deno.args : chosen,
    ],
    cwd: copy,
    env: { TMPDIR: temp, TMP: temp, TEMP: temp, XDG_CACHE_HOME: join(temp, `cache ${FOLDER}`) },
  }).spawn().status;
  Deno.exitCode = code;
} finally {
  await Deno.remove(base, { recursive: true });
}
