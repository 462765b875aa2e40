/**
 * Whether two options of executors mean the same: the same object, or equal objects. A URL equals its
 * text.
 */
export function areSame(a: unknown, b: unknown): boolean {
  if (a instanceof URL || b instanceof URL) return String(a) === String(b);
  if (Object.is(a, b)) return true;
  if (!isPlain(a) || !isPlain(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Array.isArray(a) === Array.isArray(b) &&
    [...keys].every((key) => areSame(own(a, key), own(b, key)));
}

/** Whether a value is an object or a list of options. A result of `tasksFrom()` has no prototype. */
function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === Array.prototype;
}

function own(value: object, key: string): unknown {
  return Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}
