/** How much of a cause an error's own message repeats; the whole cause is in the error's `cause`. */
const MAX_REASON_CHARACTERS = 10_000;

/**
 * The reason of a failure, as the end of a message.
 *
 * @param cause The thrown value, of any kind. No part of the value is called or converted in a way
 * that could throw.
 */
export function reasonOf(cause: unknown): string {
  const reason = cause instanceof Error ? cause.message : textOf(cause);
  return reason.length <= MAX_REASON_CHARACTERS
    ? withoutPeriod(reason)
    : `${reason.slice(0, MAX_REASON_CHARACTERS)}…`;
}

function textOf(value: unknown): string {
  switch (typeof value) {
    case "string":
      return value;
    case "object":
    case "function":
      if (value === null) return "null";
      return `${Array.isArray(value) ? "an array" : "an object"} that is no error`;
    case "bigint":
      // The time to write a long bigint grows faster than its length.
      return BigInt.asIntN(64, value) === value ? `${value}n` : "a long bigint";
    default:
      return String(value);
  }
}

/** A message without a period at its end, to be continued. Some messages of Deno have a period. */
export function withoutPeriod(message: string): string {
  return message.replace(/\.$/, "");
}
