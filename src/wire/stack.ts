/** Stack traces that show the task's lines and the caller's, and none of ours. */

/** The places of this package; none in a bundle, which has the program's code in the same file. */
const OWN = import.meta.url?.endsWith("/src/wire/stack.ts")
  ? ["../", "../../executor.ts", "../../serve.ts", "../../worker.ts"].flatMap((path) =>
    printedForms(import.meta.resolve(path))
  )
  : [];

/**
 * The forms in which a stack may show a URL. Deno decodes the characters of a URL. If a file lies
 * in the folder that its Deno was started in, the URL of that folder stays encoded, and only the
 * path from there is decoded. A worker of the same program decodes all of the URL. So each
 * beginning of the URL may be encoded. See `format_file_name()` and `format_location()` in
 * https://github.com/denoland/deno/blob/v2.9.6/libs/core/error.rs
 */
function printedForms(url: string): string[] {
  const forms = new Set([url]);
  for (let slash = url.indexOf("/"); slash >= 0; slash = url.indexOf("/", slash + 1)) {
    forms.add(url.slice(0, slash + 1) + decoded(url.slice(slash + 1)));
  }
  forms.add(decoded(url));
  return [...forms];
}

/**
 * Decodes as Deno does: a `%` without a byte after it stays, and so does a text that is not UTF-8.
 */
function decoded(url: string): string {
  try {
    return decodeURIComponent(url.replaceAll(/%(?![\da-f]{2})/gi, "%25"));
  } catch {
    return url;
  }
}

/** The stack without the frames of this package, and of Deno's event loop below. */
export function withoutOwnFrames(stack: string): string {
  return without(stack, false).join("\n");
}

/**
 * The frames of a caller's stack alone, each on a line, without the frames of this package and of
 * the event loop. None if the program's own `Error.prepareStackTrace` has made no text of the
 * stack.
 */
export function framesOf(stack: unknown): string {
  if (typeof stack !== "string") return "";
  return without(stack, true).filter(isFrame).join("\n");
}

/**
 * Leaves out frames.
 *
 * @param below Whether the first frames are called by this package, or by a caller of this package.
 */
function without(stack: string, below: boolean): string[] {
  return stack.split("\n").filter((line) => {
    if (!isFrame(line)) return true;
    const own = OWN.some((url) => line.includes(url));
    below = own || below && line.includes("(ext:");
    // In a process, a task that has waited is called by the event loop itself.
    return !below && !line.includes("(ext:core/");
  });
}

function isFrame(line: string): boolean {
  return line.startsWith("    at ");
}
