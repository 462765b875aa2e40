/** When a process ends: as its host wants, when its host is gone, and at no other signal. */

import { setTimeout } from "../runtime/real_timers.ts";
import { RECALL_FD } from "../wire/records.ts";

const isWindows = Deno.build.os === "windows";

/** How often, in ms, a process makes sure that its host is there. */
const WATCH_INTERVAL_MS = 500;
/** How long, in ms, a process goes on whose older Deno cannot tell when nothing is left to do. */
const BLIND_FLUSH_MS = 50;
/**
 * Signals that a terminal or a service manager sends to all processes of a program. The host
 * decides when its processes end.
 */
const IGNORED_SIGNALS: readonly Deno.Signal[] = isWindows
  ? ["SIGINT", "SIGBREAK", "SIGHUP"]
  : ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"];

/** Goes on whatever signal is sent to all processes of the program. */
export function ignoreSignals(): void {
  for (const signal of IGNORED_SIGNALS) Deno.addSignalListener(signal, () => {});
}

/**
 * Ends this process when its host is gone, even if a task keeps its own thread busy.
 *
 * On Windows the kernel ends the process: Deno puts each process that it starts into a job, and the
 * kernel ends a job with the last handle to the job. The host has the only handle. `Deno.ppid`
 * would be of no use there: it goes on naming a host that is gone.
 *
 * The same thread gives runs back to the host: see `RECALL_FD`. It begins to do so when it is sent
 * the number of the run that was claimed last, in memory that is shared with the thread of the tasks.
 *
 * @param host The number of the host's process.
 * @see
 * {@link https://github.com/denoland/deno/blob/v2.9.6/runtime/subprocess_windows/src/process.rs}
 * @see {@link https://github.com/denoland/deno/blob/v2.9.6/runtime/ops/runtime.rs}
 */
export function watchHost(host: number): Worker | undefined {
  if (isWindows) return;
  const source = `setInterval(() => {
    if (Deno.ppid !== ${host}) Deno.kill(Deno.pid, "SIGKILL");
  }, ${WATCH_INTERVAL_MS});
  onmessage = async ({ data: claimed }) => {
    const { Socket } = await import("node:net");
    const socket = new Socket({ fd: ${RECALL_FD} });
    const say = (run) => socket.write(new Uint8Array(Int32Array.of(run).buffer));
    const asked = new Uint8Array(4);
    let size = 0;
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      for (const byte of bytes) {
        asked[size++ % 4] = byte;
        if (size % 4 > 0) continue;
        const [last] = new Int32Array(asked.buffer);
        let run = Atomics.load(claimed, 0);
        while ((last - run | 0) > 0) {
          const found = Atomics.compareExchange(claimed, 0, run, last);
          if (found === run) break;
          run = found;
        }
        say(run);
      }
    });
    say(0);
  };`;
  return new Worker(`data:text/javascript,${encodeURIComponent(source)}`, { type: "module" });
}

/**
 * Has Deno end this process when nothing is left to do: as soon as all modules of the command line
 * have ended. Each module loaded from now on is empty, the program's own among them.
 *
 * @param exit Ends the process at once.
 * @returns Resolves when the modules may end.
 */
export async function endWhenDone(exit: (code: number) => void): Promise<void> {
  const { registerHooks } = await import("node:module") as unknown as {
    registerHooks?: (hooks: { load(): object }) => void;
  };
  if (registerHooks === undefined) {
    setTimeout(() => exit(0), BLIND_FLUSH_MS);
    return await new Promise(() => {});
  }
  registerHooks({ load: () => ({ format: "module", source: "", shortCircuit: true }) });
}
