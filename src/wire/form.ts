/** Questions about values that arrive, which may be anything. No method of a value is called. */

const { isArray } = Array;

/** Whether a value is an object, a list included. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** Whether a value is an integer of 32 bits, as the numbers of runs are, and the ids of streams. */
export function isInt32(value: unknown): value is number {
  return typeof value === "number" && (value | 0) === value;
}

/**
 * Whether a value is a list of at most so many such items. A list may have gaps, which no method
 * visits.
 */
export function isListOf<T>(
  list: unknown,
  most: number,
  isItem: (item: unknown) => item is T,
): list is T[] {
  if (!isArray(list) || list.length > most) return false;
  for (let i = 0; i < list.length; i++) if (!isItem(list[i])) return false;
  return true;
}
