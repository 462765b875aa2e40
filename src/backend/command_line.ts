/** The limits of systems for the length of a command line. */

/**
 * The most characters of a command line on Windows, with the zero at its end:
 * https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-createprocessw
 */
const MAX_WINDOWS_CHARACTERS = 32_767;
/** The most bytes of one argument on Linux, with the zero at its end: `MAX_ARG_STRLEN`. */
const MAX_LINUX_ARGUMENT_BYTES = 131_072;
/** The words of Linux, macOS and Windows for a command line that is too long. */
const TOO_LONG = /os error 7\b|os error 206\b|E2BIG|ENAMETOOLONG|too long/;

/**
 * Why a system will not start a process with this command line, as far as its limits are fixed. The
 * limit of Linux and macOS for all arguments together depends on the size of the stack and on the
 * environment: see {@linkcode tooLong}.
 *
 * @param args The command line, from the path of the program.
 */
export function misfit(
  args: readonly string[],
  os: typeof Deno.build.os = Deno.build.os,
): string | undefined {
  if (os === "windows") {
    const length = args.reduce((sum, arg) => sum + quotedLength(arg) + 1, 0);
    if (length <= MAX_WINDOWS_CHARACTERS) return undefined;
    return `its command line has ${count(length)} characters, and Windows takes ${
      count(MAX_WINDOWS_CHARACTERS)
    }; ${cure(args)}`;
  }
  const bytes = bytesOf(longestOf(args)) + 1;
  if (os !== "linux" || bytes <= MAX_LINUX_ARGUMENT_BYTES) return undefined;
  return `an argument of its command line has ${count(bytes)} bytes, and Linux takes ${
    count(MAX_LINUX_ARGUMENT_BYTES)
  }; ${cure(args)}`;
}

/** Why a process was not started, if the reason is the length of its command line. */
export function tooLong(
  error: Error,
  args: readonly string[],
  environment: readonly string[],
): string | undefined {
  if (!TOO_LONG.test(error.message)) return undefined;
  const [command, variables] = [args, environment].map((all) =>
    all.reduce((sum, text) => sum + bytesOf(text) + 1, 0)
  );
  return `its command line has ${count(command!)} bytes and its environment ${
    count(variables!)
  }, which is more than this system takes; ${cure(args)}`;
}

/** Advice on the longest argument. */
function cure(args: readonly string[]): string {
  const longest = longestOf(args);
  const what = `the longest argument, ${nameOf(longest)}, has ${count(longest.length)} characters`;
  if (/^--(?:allow|deny)-env=/.test(longest)) {
    return `${what}: name the variables that a pool needs, and no pattern that covers many`;
  }
  if (/^--(?:allow|deny)-/.test(longest)) {
    return `${what}: give the pool fewer permissions, or broader ones, such as a folder instead ` +
      "of its files";
  }
  if (longest.startsWith("data:")) {
    return `${what}: shorten the pool's workerUrl, or let the program read the npm packages that ` +
      "have tasks";
  }
  return `${what}: shorten the pool's options`;
}

/** An argument without its value. */
function nameOf(arg: string): string {
  return /^--[\w-]+|^data:/.exec(arg)?.[0] ?? `${arg.slice(0, 40)}…`;
}

function longestOf(args: readonly string[]): string {
  return args.reduce((longest, arg) => arg.length > longest.length ? arg : longest);
}

/** The greatest length of an argument with quotes around, and quotes and backslashes escaped. */
function quotedLength(arg: string): number {
  return arg.length + 2 + (arg.match(/["\\]/g)?.length ?? 0);
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

function count(n: number): string {
  return n.toLocaleString("en-US");
}
