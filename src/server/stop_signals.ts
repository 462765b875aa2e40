/** The signals to end a server. */

/**
 * On Windows, Deno 2.8 and newer also hear SIGTERM: `deno run --watch` sends SIGTERM before each new
 * start of the program. Another program cannot send SIGTERM there, and kills instead.
 */
const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK", "SIGTERM"]
  : ["SIGINT", "SIGTERM"];

/**
 * Calls `stop` for each signal to end a server.
 *
 * @returns Removes the listeners.
 */
export function onStopSignal(stop: () => void): () => void {
  const heard = SIGNALS.filter((signal) => {
    try {
      Deno.addSignalListener(signal, stop);
      return true;
    } catch (error) {
      // This Deno hears no such signal here.
      if (error instanceof TypeError) return false;
      throw error;
    }
  });
  return () => {
    for (const signal of heard) Deno.removeSignalListener(signal, stop);
  };
}
