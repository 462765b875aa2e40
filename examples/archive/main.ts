/**
 * Archives a folder: hashes and compresses its files, and lists them in a manifest.
 *
 * ```sh
 * tmp=${TMPDIR:-/tmp}
 * deno run --no-prompt "--allow-read=.,$tmp" "--allow-write=$tmp" examples/archive/main.ts
 * ```
 *
 * In PowerShell the first line is `$tmp = $env:TEMP`.
 *
 * It makes files to archive, 3000 or `--files N`, unless it gets a folder with `--from FOLDER`,
 * which it must be allowed to read. `--to FOLDER`, which it must be allowed to read and write,
 * keeps the archive.
 */

import { Executor, tasksFrom, transfer } from "@genro/executor";
import { SingleBar } from "npm:cli-progress@3";
import { watchEventLoop } from "./event_loop.ts";
import { optionsFrom } from "./options.ts";
import { summary } from "./summary.ts";
import { temporaryFolder } from "./temporary_folder.ts";

const { makeSamples } = tasksFrom(import.meta, () => import("./samples.ts"));
const { compress, list, read, write } = tasksFrom(import.meta, () => import("./tasks.ts"));

const options = await optionsFrom(Deno.args).catch((error) => {
  console.error(`Cannot archive: ${error.message}`);
  Deno.exit(2);
});
const interrupt = new AbortController();
Deno.addSignalListener("SIGINT", () => interrupt.abort());

const totals = { files: 0, bytes: 0, compressed: 0 };
try {
  await archive();
} catch (error) {
  if (!interrupt.signal.aborted) throw error;
  console.error(`Interrupted after ${totals.files} files`);
  Deno.exitCode = 130;
}

async function archive(): Promise<void> {
  // Removed when the executor has ended, and nothing writes into it any more.
  await using scratch = await temporaryFolder();
  await using executor = await Executor.start({ blocking: { maxWorkers: 4 } });
  const runner = executor.with({ signal: interrupt.signal });

  const from = options.from ?? `${scratch.path}/samples`;
  const to = options.to ?? await Deno.makeTempDir({ dir: scratch.path });
  const manifest = `${to}/manifest.jsonl`;
  const paths = await Array.fromAsync(
    options.from === undefined
      ? runner.streamBlocking(makeSamples, from, options.files)
      : runner.streamBlocking(list, from),
  );
  console.log(`Archiving ${paths.length} files`);

  const bar = new SingleBar({ format: "{bar} {percentage} % of {total} files" });
  bar.start(paths.length, 0);
  using eventLoop = watchEventLoop();
  const start = performance.now();
  // Each stage takes from the one before what it has room for: few files are in memory.
  const contents = runner.mapBlocking(read, paths.map((path) => ({ path, from, to })));
  const compressed = runner.mapCpu(compress, moved(contents));
  const entries = runner.mapBlocking(write, moved(compressed));
  try {
    await Deno.writeTextFile(manifest, "");
    for await (const entry of entries) {
      await Deno.writeTextFile(manifest, `${JSON.stringify(entry)}\n`, { append: true });
      totals.files++;
      totals.bytes += entry.bytes;
      totals.compressed += entry.compressed;
      bar.increment();
    }
  } finally {
    bar.stop();
  }
  console.log(summary(totals, performance.now() - start, eventLoop.longestStall()));
}

/** What a pool made, marked to be moved to the next one: it is not used here. */
async function* moved<T extends { data: Uint8Array<ArrayBuffer> }>(
  files: AsyncIterable<T>,
): AsyncGenerator<T> {
  for await (const file of files) yield transfer(file, [file.data.buffer]);
}
