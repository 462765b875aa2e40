import { parseArgs } from "node:util";

/** What the command line asks for. */
export interface Options {
  /** How many sample files to make. */
  files: number;
  /** The folder to archive instead of samples. */
  from?: string;
  /** The folder that keeps the archive. */
  to?: string;
}

const MAX_FILES = 100_000;

/**
 * Reads the command line, and looks whether its folders can be used.
 *
 * @throws {Error} If not; the message is for whoever typed it.
 */
export async function optionsFrom(args: string[]): Promise<Options> {
  const { values: { files, from, to } } = parseArgs({
    args,
    options: { files: { type: "string" }, from: { type: "string" }, to: { type: "string" } },
  });
  if (files !== undefined && from !== undefined) {
    throw new Error("--files makes samples, and --from does without them");
  }
  const count = Number(files ?? 3_000);
  if (!Number.isInteger(count) || count < 1 || count > MAX_FILES) {
    throw new RangeError(`expected --files from 1 to ${MAX_FILES}, received "${files}"`);
  }
  if (from !== undefined && await isEmpty(from)) {
    throw new Error(`there is nothing in --from "${from}"`);
  }
  if (to !== undefined) {
    await Deno.mkdir(to, { recursive: true });
    if (!await isEmpty(to)) throw new Error(`there is something in --to "${to}" already`);
  }
  return { files: count, from, to };
}

async function isEmpty(folder: string): Promise<boolean> {
  for await (const _ of Deno.readDir(folder)) return false;
  return true;
}
