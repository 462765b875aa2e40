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

/** Deno's event loop, whose frames a stack has in a process. */
const EVENT_LOOP = "(ext:core/";

/** The stack without the frames of this package, and of the event loop. */
export function withoutOwnFrames(stack: string): string {
  return stack.split("\n")
    .filter((line) => !isFrame(line) || !isOwn(line))
    .join("\n");
}

function isOwn(line: string): boolean {
  return line.includes(EVENT_LOOP) || OWN.some((url) => line.includes(url));
}

/** The frames of `stack` alone, each on a line, without those of this package and the event loop. */
export function framesOf(stack: string): string {
  return withoutOwnFrames(stack).split("\n").filter(isFrame).join("\n");
}

function isFrame(line: string): boolean {
  return line.startsWith("    at ");
}
