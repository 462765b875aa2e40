/** A text with at most so many characters takes next to no time to decode. */
const MAX_CHARACTERS = 1_000;

/** Whether a value takes next to no time to decode on the other side. */
export function isSmall(value: unknown): boolean {
  switch (typeof value) {
    case "number":
    case "boolean":
    case "undefined":
      return true;
    case "string":
      return value.length <= MAX_CHARACTERS;
  }
  return value === null;
}
