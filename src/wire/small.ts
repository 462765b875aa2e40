/** How many characters a text may have that takes next to no time to decode. */
const MAX_CHARACTERS = 1_000;

/** Whether a value that crosses the wire takes next to no time to decode. */
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
