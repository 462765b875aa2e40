/** What the service grants a snippet, and a user. */

/** The memory of V8's heap in each process, in MB. */
export const HEAP_MB = 64;
/** The memory of each process in all, in MB; 75 of them are Deno's. */
export const MEMORY_MB = 256;
/** How long, in ms, a snippet may run. */
export const TIME_LIMIT_MS = 1_000;
/** How long, in ms, a snippet may wait and run. */
export const PATIENCE_MS = 10_000;
/** How long, in ms, a client may take to send a source. */
export const BODY_TIMEOUT_MS = 5_000;

/** How long a source may be. */
export const SOURCE_BYTES = 64 * 1_024;
/** How many characters of JSON a result may have. */
export const RESULT_CHARACTERS = 64 * 1_024;
/** How many characters of what a snippet prints are kept. */
export const OUTPUT_CHARACTERS = 16 * 1_024;
/** How many characters the message of an error may have; the name and the stack likewise. */
export const ERROR_CHARACTERS = 4 * 1_024;
/** How many characters a process may answer with: all of the above, as JSON escapes it at worst. */
export const ANSWER_CHARACTERS = 6 *
  (RESULT_CHARACTERS + OUTPUT_CHARACTERS + 3 * ERROR_CHARACTERS + 1_024);
