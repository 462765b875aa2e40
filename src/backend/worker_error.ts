/**
 * At most this many characters of a message are looked at: a task may have made the message long.
 */
const MAX_MESSAGE_CHARACTERS = 100_000;
/** The colours that Deno gives to the URLs in its messages. */
// deno-lint-ignore no-control-regex -- a colour begins with this character
const COLOUR = /\x1b\[\d+m/g;
/** The line of Deno about an import in a generated module. */
const FROM_ENTRY = /\n +at data:text\/javascript,import\S*$/gm;
/** The URL of a generated module, anywhere else. */
const ENTRY = /data:text\/javascript,import\S*/g;

/** Deno's message on the error of a worker, without the generated module of the worker. */
export function describeWorkerError(message: string): string {
  return message.slice(0, MAX_MESSAGE_CHARACTERS)
    .replaceAll(COLOUR, "").replaceAll(FROM_ENTRY, "").replaceAll(ENTRY, "its entry");
}
