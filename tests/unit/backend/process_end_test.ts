import { assertEquals } from "@std/assert";
import { isEndOfGroup, type ProcessEnd, whyEnded } from "../../../src/backend/process_end.ts";

const exit = (code: number): ProcessEnd => ({ code, signal: null });
const killed = (signal: string): ProcessEnd => ({ code: null, signal });

const ends: [end: ProcessEnd, why: string, isOfGroup: boolean][] = [
  [exit(0), "its process ended with exit code 0", false],
  [exit(42), "its process ended with exit code 42", false],
  [exit(130), "its process ended with exit code 130", true],
  [exit(143), "its process ended with exit code 143", true],
  [
    killed("SIGTRAP"),
    "its process was killed by SIGTRAP, which is how V8 ends when it is out of memory",
    false,
  ],
  [
    killed("SIGKILL"),
    "its process was killed by SIGKILL, as the kernel does when the machine or the container is " +
    "out of memory",
    false,
  ],
  [killed("SIGTERM"), "its process was killed by SIGTERM", true],
  [killed("SIGUSR1"), "its process was killed by SIGUSR1", false],
  [killed("toString"), "its process was killed by toString", false],
];

/** The exceptions of Windows as unsigned numbers, and what is said of each. */
const exceptions: [code: number, meaning: string, isOfGroup: boolean][] = [
  [0x80000003, "(0x80000003), which is how V8 ends when it is out of memory", false],
  [
    0xC0000005,
    "(0xC0000005), which is how native code ends that has used memory it does not have",
    false,
  ],
  [0xC00000FD, "(0xC00000FD), which says that the stack of native code has overflowed", false],
  [0xC0000135, "(0xC0000135), which says that Windows has not found a DLL of the program", false],
  [0xC000013A, "(0xC000013A), which is how Ctrl-C and a closed console end a program", true],
  [
    0xC0000142,
    "(0xC0000142), which says that a DLL of the program could not be initialized",
    false,
  ],
  [
    0xC0000409,
    "(0xC0000409), which is how native code ends that has found itself broken",
    false,
  ],
  [0xC0FFEE00, "(0xC0FFEE00)", false],
];

Deno.test("whyEnded() and isEndOfGroup() know exit codes and signals", () => {
  for (const [end, why, isOfGroup] of ends) {
    assertEquals([whyEnded(end), isEndOfGroup(end)], [why, isOfGroup]);
  }
});

Deno.test("whyEnded() and isEndOfGroup() know the exceptions of Windows, signed or not", () => {
  for (const [code, meaning, isOfGroup] of exceptions) {
    for (const given of [code, code | 0]) {
      const why = `its process ended with exit code ${given} ${meaning}`;
      assertEquals([whyEnded(exit(given)), isEndOfGroup(exit(given))], [why, isOfGroup]);
    }
  }
});

Deno.test("whyEnded() says why this program killed the process, and only if it did", () => {
  const fault = "it closed its channel and went on";
  assertEquals(whyEnded(killed("SIGKILL"), fault), fault);
  assertEquals(whyEnded(exit(1), fault), "its process ended with exit code 1");
  assertEquals(whyEnded(killed("SIGTERM"), fault), "its process was killed by SIGTERM");
});
