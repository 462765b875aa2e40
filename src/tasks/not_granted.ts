/** Deno's words, on one line, for a missing permission to read, to import, and so on. */
const REQUIRES = "Requires ", ACCESS = " access";

/**
 * Whether a message says that a permission is missing. This is a loop, as a task may put anything into
 * a message, and a regular expression would search the same text anew after each "Requires".
 */
export function isNotGranted(message: string): boolean {
  let access = 0;
  for (let at = message.indexOf(REQUIRES); at >= 0;) {
    if (isWordAt(message, at - 1)) {
      at = message.indexOf(REQUIRES, at + 1);
      continue;
    }
    const lineEnd = message.indexOf("\n", at);
    const end = lineEnd < 0 ? message.length : lineEnd;
    // `access` only moves on: each match that was passed over lies before this line.
    const from = at + REQUIRES.length + 1;
    if (access < from) access = message.indexOf(ACCESS, from);
    while (access >= 0 && access < end && isWordAt(message, access + ACCESS.length)) {
      access = message.indexOf(ACCESS, access + 1);
    }
    if (access < 0) return false;
    if (access < end) return true;
    at = message.indexOf(REQUIRES, end);
  }
  return false;
}

function isWordAt(text: string, index: number): boolean {
  return /\w/.test(text.charAt(index));
}

/**
 * Says what to do about a missing permission.
 *
 * @param pool The name of the pool, if its tasks have permissions of their own.
 */
export function permissionHint(pool: string | undefined, message: string): string | undefined {
  if (pool === undefined || !isNotGranted(message)) return;
  return `whatever the program may, tasks of the ${pool} pool have what ${pool}: ` +
    `{ permissions } grants${pool === "cpu" ? "; runBlocking() has what the program has" : ""}`;
}
