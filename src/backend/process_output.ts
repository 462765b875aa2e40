/**
 * The output of processes. With the descriptors of the program's output a task could do more than
 * print: make the descriptors non-blocking, so that the program's next `console.log` throws; empty
 * the program's log file; read the terminal. So a restricted process prints into pipes, and the
 * program passes the output on.
 */

import { clearTimeout, setTimeout } from "../runtime/real_timers.ts";

/** The pause, in ms, after each chunk: a flood must not keep the event loop busy. */
const PAUSE_MS = 1;
/** For how long, in ms, the last output of a process that has ended is waited for. */
const LAST_OUTPUT_MS = 200;

/** What is used here of the readable ends that Node's part of Deno makes. */
interface ReadableEnd {
  on(event: "data", listener: (chunk: Uint8Array) => void): void;
  on(event: "end" | "close" | "error", listener: () => void): void;
  pause(): void;
  resume(): void;
  destroy(): void;
  /** Deno 2.6 lacks both: there the ends go with the process, by its own `ref()` and `unref()`. */
  ref?(): void;
  unref?(): void;
}

/**
 * Passes on the output of a process.
 *
 * @param process The process; it prints into pipes.
 * @returns Is to be called when the process has ended; resolves when its last output was passed on.
 */
export function passOutput(
  process: { readonly stdout: unknown; readonly stderr: unknown },
): () => Promise<void> {
  const ends = [process.stdout, process.stderr] as ReadableEnd[];
  const passed = Promise.all([passOn(ends[0]!, Deno.stdout), passOn(ends[1]!, Deno.stderr)]);
  return async () => {
    // A program that ends by itself waits for the last output.
    for (const end of ends) end.ref?.();
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, LAST_OUTPUT_MS);
    await Promise.race([passed, late.promise]);
    clearTimeout(timer);
    // A program started by the process may hold the same output, and go on.
    for (const end of ends) end.destroy();
  };
}

/**
 * Passes on the output of an end, no faster than the reader takes the output; resolves at its end.
 */
function passOn(end: ReadableEnd, target: typeof Deno.stdout): Promise<void> {
  const ended = Promise.withResolvers<void>();
  let passing = Promise.resolve();
  // A process that prints nothing keeps no program alive.
  end.unref?.();
  end.on("data", (chunk) => {
    end.pause();
    passing = writeAll(target, chunk).then(() => void setTimeout(() => end.resume(), PAUSE_MS));
  });
  end.on("end", () => passing.then(ended.resolve));
  end.on("close", () => passing.then(ended.resolve));
  end.on("error", ended.resolve);
  return ended.promise;
}

async function writeAll(target: typeof Deno.stdout, chunk: Uint8Array): Promise<void> {
  try {
    for (let rest = chunk; rest.length > 0;) rest = rest.subarray(await target.write(rest));
  } catch { /* The program has closed its output, or nobody reads the output any more. */ }
}
