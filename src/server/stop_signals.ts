/** The signals that end a server. */

/**
 * On Windows, Deno 2.8 and newer also hear SIGTERM, which `deno run --watch` sends before it starts a
 * program again. To end a program on Windows with SIGTERM is to kill it: the program hears nothing.
 */
const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK", "SIGTERM"]
  : ["SIGINT", "SIGTERM"];

/**
 * Calls `stop` for each signal that ends a server.
 *
 * @returns Ends that.
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
