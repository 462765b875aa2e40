/**
 * How much of an error crosses the wire. The host decodes errors on its event loop, and a task may
 * throw anything: the worker sends no more than this, and the host refuses what is more.
 */

/** How many errors are sent with the one that was thrown: its causes, and those in its lists. */
export const MAX_ERRORS = 1_000;
/** How many errors inside of a value travel beside the value; their causes come on top. */
export const MAX_CARRIED_ERRORS = 500;
/** How many properties and items of lists all errors of a message have together. */
export const MAX_SLOTS = 20_000;
/** How deep lists with errors in them may be nested. */
export const MAX_LISTS = 100;
/** How long the name of an error, or of one of its properties, may be. */
export const MAX_NAME_CHARACTERS = 1_000;
/** How long the message of an error may be, and all messages and names together. */
export const MAX_MESSAGE_CHARACTERS = 2 ** 22, MAX_TEXT_CHARACTERS = 2 ** 23;
/** How long the frames in the stack of an error may be, and those of all errors together. */
export const MAX_FRAMES_CHARACTERS = 2 ** 16, MAX_ALL_FRAMES_CHARACTERS = 2 ** 20;

/** How many places in a stack are tried for the error's message: its name may have colons. */
const MAX_TRIES = 8;

/**
 * Where the frames of a stack begin: after the error's name and message, which the stack repeats.
 *
 * @returns The index of the first character after the message; 0 if the stack does not begin with
 * the message.
 */
export function endOfMessage(stack: string, message: string): number {
  const start = startOfMessage(stack, message);
  return start < 0 ? 0 : start + message.length;
}

/** Where the message is that a stack begins with; -1 if there is none. */
export function startOfMessage(stack: string, message: string): number {
  if (message === "") return -1;
  let start = 0;
  for (let tries = 0; tries < MAX_TRIES && start >= 0; tries++) {
    if (stack.startsWith(message, start)) return start;
    // Not further than a name reaches.
    const colon = stack.slice(start, start + MAX_NAME_CHARACTERS + 2).indexOf(": ");
    start = colon < 0 ? -1 : start + colon + 2;
  }
  return -1;
}

/** What may still be sent of the errors of a message. */
export class ThrownBudget {
  #slots = MAX_SLOTS;
  #text = MAX_TEXT_CHARACTERS;
  #frames = MAX_ALL_FRAMES_CHARACTERS;

  /** Takes room for a property, or for an item of a list; `false` if there is none. */
  takeSlot(): boolean {
    return --this.#slots >= 0;
  }

  /** Takes room for the name of a property; `false` if there is none. */
  takeName(name: string): boolean {
    if (name.length > MAX_NAME_CHARACTERS || name.length > this.#text) return false;
    this.#text -= name.length;
    return true;
  }

  /** As much of an error's name as there is room for. */
  cutName(name: string): string {
    return this.#cut(name, MAX_NAME_CHARACTERS, "");
  }

  /** As much of an error's message as there is room for. */
  cutMessage(message: string): string {
    return this.#cut(message, MAX_MESSAGE_CHARACTERS, "…");
  }

  #cut(text: string, most: number, end: string): string {
    if (text.length <= most && text.length <= this.#text) {
      this.#text -= text.length;
      return text;
    }
    const room = Math.min(most, this.#text);
    const cut = text.slice(0, Math.max(0, room - end.length)) + end;
    // The mark of what is left out may be more than there is room for.
    const taken = cut.length <= room ? cut : "";
    this.#text -= taken.length;
    return taken;
  }

  /**
   * As much of an error's stack as there is room for: whole lines, and one that says how many are
   * left out.
   *
   * @param stack The stack as it is.
   * @param message The message as it is.
   * @param sent What is sent of the message.
   */
  cutStack(stack: string, message: string, sent: string): string {
    // As most are: a library may have replaced the methods of strings that the rest needs.
    if (
      stack.length <= MAX_FRAMES_CHARACTERS && stack.length <= this.#frames && message === sent
    ) {
      this.#frames -= stack.length;
      return stack;
    }
    const end = endOfMessage(stack, message);
    const head = end === 0 ? "" : stack.slice(0, end - message.length) + sent;
    const room = Math.min(MAX_FRAMES_CHARACTERS, this.#frames);
    const frames = stack.length - end;
    if (frames <= room) {
      this.#frames -= frames;
      return end === 0 || message === sent ? stack : head + stack.slice(end);
    }
    const kept = cutLines(stack.slice(end, end + room), frames - room, room);
    this.#frames -= kept.length;
    return head + kept;
  }
}

/** The whole lines of a text that is cut off, with a line that says how much is left out. */
function cutLines(text: string, left: number, room: number): string {
  const note = (more: number) => `\n    … ${more} more characters of the stack are left out`;
  const most = note(left + text.length).length;
  if (most > room) return "";
  const end = Math.max(0, text.lastIndexOf("\n", room - most));
  return text.slice(0, end) + note(left + text.length - end);
}
