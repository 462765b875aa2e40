/**
 * Runs the tests on an older Deno, from npm: in a copy whose deno.json has no `links`, which
 * Deno takes as a pattern only since 2.8. Types, and the examples of the documentation, are
 * checked by the newest one.
 */

import { copyTo, listFiles } from "../support/copies.ts";
import { npmDeno } from "../support/npm_deno.ts";
import { makeTempFolder, pathOf } from "../support/processes.ts";

const [version, ...files] = Deno.args;
if (version === undefined) {
  console.error("Usage: deno task test:older <version> [<test file> …]");
  Deno.exit(2);
}

const copy = await makeTempFolder();
try {
  await copyTo(copy, pathOf(""), await listFiles());
  const { links: _, ...config } = JSON.parse(await Deno.readTextFile(pathOf("deno.json")));
  if (await Deno.lstat(pathOf(".offline")).then(() => true, () => false)) {
    const standIns = ["assert/mod.ts", "async/deadline.ts", "testing/mock.ts", "testing/time.ts"];
    config.imports = Object.fromEntries(standIns.map((path) => {
      return [`@std/${path.replace(/(\/mod)?\.ts$/, "")}`, `./tests/standins/${path}`];
    }));
  }
  await Deno.writeTextFile(`${copy}/deno.json`, JSON.stringify(config));
  const args = ["test", "--allow-all", "--no-prompt", "--no-check"];
  args.push(...files.length > 0 ? files : ["tests/"]);
  const { code } = await npmDeno(version, args, { cwd: copy }).spawn().status;
  Deno.exitCode = code;
} finally {
  await Deno.remove(copy, { recursive: true });
}
