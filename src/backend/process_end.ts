/** How a process has ended, in words: by a code, by a signal, or by an exception of Windows. */

/** The end of a process, as Deno tells of the end. */
export interface ProcessEnd {
  /** The exit code; `null` if a signal ended the process. Exit codes of Windows are signed here. */
  readonly code: number | null;
  /** The signal. On Windows only a signal of the program itself. */
  readonly signal: string | null;
}

const OUT_OF_MEMORY = "which is how V8 ends when it is out of memory";
const BROKEN = "which is how native code ends that has found itself broken";
const BAD_ACCESS = "which is how native code ends that has used memory it does not have";
const NO_MEMORY = "which says that Windows is out of memory";

/** The usual reasons for signals of Unix. */
const SIGNAL_MEANINGS: ReadonlyMap<string, string> = new Map([
  ["SIGABRT", BROKEN],
  ["SIGBUS", BAD_ACCESS],
  ["SIGKILL", "as the kernel does when the machine or the container is out of memory"],
  ["SIGSEGV", BAD_ACCESS],
  ["SIGTRAP", OUT_OF_MEMORY],
]);

const CTRL_C = 0xC000013A;

/**
 * The meanings of exit codes of Windows. After a crash there, the exit code is the number of an
 * exception.
 *
 * @see {@link https://learn.microsoft.com/en-us/openspecs/windows_protocols/ms-erref/596a1078-e883-4972-9bbc-49e60bebca55}
 */
const EXCEPTION_MEANINGS: ReadonlyMap<number, string> = new Map([
  [0x80000003, OUT_OF_MEMORY],
  [0xC0000005, BAD_ACCESS],
  [0xC0000017, NO_MEMORY],
  [0xC000001D, "which says that this processor lacks an instruction of the program"],
  [0xC00000FD, "which says that the stack of native code has overflowed"],
  [0xC000012D, NO_MEMORY],
  [0xC0000135, "which says that Windows has not found a DLL of the program"],
  [CTRL_C, "which is how Ctrl-C and a closed console end a program"],
  [0xC0000142, "which says that a DLL of the program could not be initialized"],
  [0xC0000374, "which says that native code has damaged the heap"],
  [0xC0000409, BROKEN],
]);

/** The first number of an exception of Windows. Exit codes of Unix are below 256. */
const FIRST_EXCEPTION = 0x80000000;

/**
 * The signals that a service manager or a terminal sends to all processes of a program, how an
 * older Deno tells of them, and the code after Ctrl-C on Windows.
 */
const GROUP_ENDS: readonly unknown[] = ["SIGHUP", 129, "SIGINT", 130, "SIGTERM", 143, CTRL_C];

/**
 * Says why a process ended.
 *
 * @param fault Why this program killed the process, if the program did.
 */
export function whyEnded({ code, signal }: ProcessEnd, fault?: string): string {
  if (signal === "SIGKILL" && fault !== undefined) return fault;
  if (signal !== null) {
    return explained(`its process was killed by ${signal}`, SIGNAL_MEANINGS.get(signal));
  }
  const unsigned = code! >>> 0;
  if (unsigned < FIRST_EXCEPTION) return `its process ended with exit code ${code}`;
  const hex = `0x${unsigned.toString(16).toUpperCase()}`;
  return explained(
    `its process ended with exit code ${code} (${hex})`,
    EXCEPTION_MEANINGS.get(unsigned),
  );
}

/** Whether the end of a process was meant for all processes of the program. */
export function isEndOfGroup({ code, signal }: ProcessEnd): boolean {
  return GROUP_ENDS.includes(signal ?? code! >>> 0);
}

function explained(what: string, meaning: string | undefined): string {
  return meaning === undefined ? what : `${what}, ${meaning}`;
}
