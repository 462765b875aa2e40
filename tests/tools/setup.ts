/**
 * Makes the packages of @std resolve. Where JSR answers within two seconds they are the real
 * ones; where it does not, `.offline` leads to the stand-ins, which deno.json then finds: as a link,
 * and on Windows as a copy, since a link needs a privilege there and a junction a local NTFS drive.
 */

const PROBE = ["async@^1/deadline"];
const OTHERS = ["assert@^1", "testing@^1/mock", "testing@^1/time"];

const link = new URL("../../.offline", import.meta.url);

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

async function removeStandIns(): Promise<void> {
  try {
    const { isDirectory } = await Deno.lstat(link);
    await Deno.remove(link, { recursive: isDirectory });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function addStandIns(): Promise<void> {
  const standIns = new URL("../standins/", import.meta.url);
  if (Deno.build.os === "windows") return await copyChanged(standIns, new URL(`${link}/`));
  try {
    await Deno.symlink("tests/standins", link);
  } catch (error) {
    // Linked before, or by another run of this.
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}

/** Copies a folder of text files; what is there already may be in use, and is left alone. */
async function copyChanged(from: URL, to: URL): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) {
      await copyChanged(new URL(`${name}/`, from), new URL(`${name}/`, to));
      continue;
    }
    const [source, target] = [new URL(name, from), new URL(name, to)];
    const text = await Deno.readTextFile(source);
    const copied = await Deno.readTextFile(target).catch(() => undefined);
    if (copied !== text) await Deno.writeTextFile(target, text);
  }
}

// A few small files tell whether it answers; a slow connection may take longer for all of them.
if (await loads(PROBE, 2_000) && await loads(OTHERS, 30_000)) {
  await removeStandIns();
  console.log("Setup: JSR answers, @std comes from there");
} else {
  await addStandIns();
  console.log("Setup: JSR does not answer, @std is replaced by tests/standins");
}
