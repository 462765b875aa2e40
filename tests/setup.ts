/**
 * Makes the packages of @std resolve. Where JSR answers within two seconds they are the real
 * ones; where it does not, `.offline` is linked to the stand-ins, which deno.json then finds.
 */

const PROBE = ["async@^1/deadline"];
const OTHERS = ["assert@^1", "testing@^1/mock", "testing@^1/time"];

const link = new URL("../.offline", import.meta.url);

/** Whether Deno has the packages, or gets them within so many ms. */
async function loads(packages: string[], within: number): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(Deno.execPath(), {
      // Without the configuration, which may point to the stand-ins already.
      args: ["cache", "--no-config", ...packages.map((name) => `jsr:@std/${name}`)],
      cwd: new URL(".", import.meta.url),
      stdin: "null",
      stdout: "null",
      stderr: "null",
      signal: AbortSignal.timeout(within),
    }).output();
    return success;
  } catch {
    return false;
  }
}

async function unlink(): Promise<void> {
  try {
    const { isSymlink } = await Deno.lstat(link);
    if (isSymlink) await Deno.remove(link);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function linkStandIns(): Promise<void> {
  try {
    // A junction needs the whole path; a link within the folder may move with it.
    if (Deno.build.os === "windows") {
      await Deno.symlink(new URL("./standins", import.meta.url), link, { type: "junction" });
    } else await Deno.symlink("tests/standins", link);
  } catch (error) {
    // Linked before, or by another run of this.
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}

// A few small files tell whether it answers; a slow connection may take longer for all of them.
if (await loads(PROBE, 2_000) && await loads(OTHERS, 30_000)) {
  await unlink();
  console.log("Setup: JSR answers, @std comes from there");
} else {
  await linkStandIns();
  console.log("Setup: JSR does not answer, @std is replaced by tests/standins");
}
