/** Stack traces that show the task's lines and the caller's, and none of ours. */

/** Where this package is; nowhere in a bundle, which has the program's code in the same file. */
const OWN = import.meta.url?.endsWith("/src/stack.ts")
  ? ["./", "../executor.ts", "../serve.ts", "../worker.ts"].flatMap((path) => {
    const url = import.meta.resolve(path);
    // Deno prints some URLs of files with their characters decoded.
    return [url, decoded(url)];
  })
  : [];

function decoded(url: string): string {
  try {
    return decodeURIComponent(url);
  } catch {
    return url;
  }
}

/** The stack without the frames of this package, and of the event loop of Deno that calls it. */
export function withoutOwnFrames(stack: string): string {
  return without(stack, false).join("\n");
}

/**
 * The frames of a caller's stack alone, each on a line, without the same; none if the program's own
 * `Error.prepareStackTrace` has made no text of them.
 */
export function framesOf(stack: unknown): string {
  if (typeof stack !== "string") return "";
  return without(stack, true).filter(isFrame).join("\n");
}

/**
 * Leaves out frames.
 *
 * @param below Whether what the stack begins with is called by this package, or by what calls that.
 */
function without(stack: string, below: boolean): string[] {
  return stack.split("\n").filter((line) => {
    if (!isFrame(line)) return true;
    const own = OWN.some((url) => line.includes(url));
    below = own || below && line.includes("(ext:");
    // In a process the event loop is what a task itself comes back from when it has waited.
    return !below && !line.includes("(ext:core/");
  });
}

function isFrame(line: string): boolean {
  return line.startsWith("    at ");
}
