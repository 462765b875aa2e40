/** Stack traces that show the task's lines and the caller's, and none of ours. */

const OWN = [
  import.meta.resolve("./"),
  import.meta.resolve("../executor.ts"),
  import.meta.resolve("../worker.ts"),
];

/** The stack without the frames of this package. */
export function withoutOwnFrames(stack: string): string {
  return stack.split("\n").filter((line) =>
    !isFrame(line) || !OWN.some((url) => line.includes(url))
  )
    .join("\n");
}

/** The frames of `stack` alone, each on a line, without this package's. */
export function framesOf(stack: string): string {
  return withoutOwnFrames(stack).split("\n").filter(isFrame).join("\n");
}

function isFrame(line: string): boolean {
  return line.startsWith("    at ");
}
