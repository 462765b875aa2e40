/**
 * Runs the tests on an older Deno, from npm: in a copy whose deno.json has no `links`, which
 * Deno takes as a pattern only since 2.8. Types, and the examples of the documentation, are
 * checked by the newest one.
 */

const [version, ...files] = Deno.args;
if (version === undefined) {
  console.error("Usage: deno task test:older <version> [<test file> …]");
  Deno.exit(2);
}

const root = new URL("..", import.meta.url);
const copy = await Deno.makeTempDir();
try {
  const { stdout } = await new Deno.Command("git", {
    args: ["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    cwd: root,
  }).output();
  for (const file of new TextDecoder().decode(stdout).split("\0").slice(0, -1)) {
    const target = `${copy}/${file}`;
    await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
    await Deno.copyFile(new URL(file, root), target);
  }
  const { links: _, ...config } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
  if (await Deno.lstat(new URL(".offline", root)).then(() => true, () => false)) {
    const standIns = ["assert/mod.ts", "async/deadline.ts", "testing/mock.ts", "testing/time.ts"];
    config.imports = Object.fromEntries(standIns.map((path) => {
      return [`@std/${path.replace(/(\/mod)?\.ts$/, "")}`, `./tests/standins/${path}`];
    }));
  }
  await Deno.writeTextFile(`${copy}/deno.json`, JSON.stringify(config));
  const args = ["--yes", `deno@${version}`, "test", "--allow-all", "--no-prompt", "--no-check"];
  const npx = Deno.build.os === "windows" ? "npx.cmd" : "npx";
  const { code } = await new Deno.Command(npx, {
    args: [...args, ...files.length > 0 ? files : ["tests/"]],
    cwd: copy,
  }).spawn().status;
  Deno.exitCode = code;
} finally {
  await Deno.remove(copy, { recursive: true });
}
