/**
 * A list of modules in a temporary file, for processes on Windows: see module_list.ts.
 *
 * A second Deno, the keeper, writes the file, because the program may have no write permission. The
 * keeper removes the file when its standard input ends. The program closes that pipe when every
 * process that needs the file is ready; the system closes the pipe when the program dies, even of a
 * crash or a kill. After a minute the keeper removes the file in any case. Only a kill of the
 * keeper leaves the file behind.
 *
 * The folder of the file is new, and closed to other users. The keeper holds a lock, with which
 * Windows lets everybody read and nobody write. No process runs the file. So a task that may write
 * to temporary folders, and breaks the lock, gains at most imports of further modules in processes
 * that start later; other code does not run there.
 */

import { pathToFileURL } from "node:url";
import { now } from "../runtime/real_timers.ts";
import { environmentFor } from "./process_environment.ts";

/** For how long, in ms, processes that start may begin to use a file. */
const SHARED_MS = 20_000;
/** The age, in ms, at which a file is removed in any case: a start has long failed by then. */
const MAX_AGE_MS = 60_000;

/** The source of the keeper. Its argument is the length of the list in bytes. */
const KEEPER = `
const input = Deno.stdin.readable.getReader();
const signals = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"];
for (const signal of signals) Deno.addSignalListener(signal, () => {});
const folder = await Deno.makeTempDir({ prefix: "genro-executor-" });
try {
  const path = folder + "/modules.mjs";
  const file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  let left = Number(Deno.args[0]);
  while (left > 0) {
    const { done, value } = await input.read();
    if (done) break;
    left -= value.length;
    for (let rest = value; rest.length > 0;) rest = rest.subarray(await file.write(rest));
  }
  if (left === 0) {
    if (Deno.build.os === "windows") await file.lock(false);
    console.log(path);
    const late = new Promise((resolve) => setTimeout(resolve, ${MAX_AGE_MS}));
    const end = (async () => { while (!(await input.read()).done); })();
    await Promise.race([end, late]);
  }
  file.close();
} finally {
  await Deno.remove(folder, { recursive: true });
}
Deno.exit();
`;

/** A file, for one process that starts. */
export interface ListFile {
  /** The URL of the file; rejects if the keeper could not write the file. */
  readonly url: Promise<string>;
  /**
   * The process does not need the file any more. Resolves when a file that nobody needs is gone.
   */
  release(): Promise<void>;
}

/** A file that processes share. */
interface Shared {
  readonly source: string;
  /** When the file was made, in ms. */
  readonly made: number;
  readonly url: Promise<string>;
  readonly remove: () => Promise<void>;
  users: number;
}

/** The latest file. */
let latest: Shared | undefined;

/** Puts a list into a file. Processes that start at the same moment share the file. */
export function useListFile(source: string): ListFile {
  if (latest?.source !== source || now() - latest.made > SHARED_MS) latest = newFile(source);
  const file = latest;
  file.users++;
  let isReleased = false;
  return {
    url: file.url,
    async release() {
      if (isReleased) return;
      isReleased = true;
      if (--file.users > 0) return;
      if (latest === file) latest = undefined;
      await file.remove();
    },
  };
}

function newFile(source: string): Shared {
  const list = new TextEncoder().encode(source);
  const keeper = startKeeper(list.length);
  const input = keeper.stdin.getWriter();
  // If the keeper is gone, there is no path either.
  input.write(list).catch(() => {});
  const url = urlFrom(keeper);
  url.catch(() => {
    if (latest?.url === url) latest = undefined;
  });
  return {
    source,
    made: now(),
    url,
    users: 0,
    async remove() {
      keeper.ref();
      await input.close().catch(() => {});
      await keeper.status;
    },
  };
}

/** Starts the keeper of a list of so many bytes. */
function startKeeper(length: number): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-config", "--no-prompt", "--quiet", "--allow-write"],
      `data:text/javascript,${encodeURIComponent(KEEPER)}`,
      `${length}`,
    ],
    env: environmentFor("none"),
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
    // Or Deno kills the keeper when the program ends, before the keeper has removed the file:
    // https://github.com/denoland/deno/blob/v2.9.6/runtime/subprocess_windows/src/process.rs
    detached: true,
  }).spawn();
}

/** The URL of the file, once the keeper has written the file. */
async function urlFrom(keeper: Deno.ChildProcess): Promise<string> {
  const path = await firstLine(keeper.stdout);
  // The program may end while the keeper runs.
  keeper.unref();
  if (path !== undefined) return pathToFileURL(path).href;
  const { code } = await keeper.status;
  throw new Error(
    "the list of its modules is too long for a command line, and the Deno that was run to put it " +
      `into a temporary file ended with exit code ${code}; can the program's user write there?`,
  );
}

/** The first line of the output of a process; `undefined` if the output ends before. */
async function firstLine(output: ReadableStream<Uint8Array>): Promise<string | undefined> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of output) {
    text += decoder.decode(chunk, { stream: true });
    const [line, rest] = text.split(/\r?\n/, 2);
    if (rest !== undefined) return line;
  }
}
