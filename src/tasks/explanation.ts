import { isOfModule, type SourceAddress } from "../wire/protocol.ts";
import { startOfMessage } from "../wire/thrown_limits.ts";
import { EXPORT_IT, permissionHint } from "./refusals.ts";
import type { AddressedTask } from "./task.ts";

/** Deno's words for a path in a module without a folder, as the entry of a worker is. */
const UNRESOLVED = /^(?:Import|Relative import path) "(?:\.{1,2})?\/[^"]*" not /;
/** The place in a message where Deno names the module with the import: the entry of the worker. */
const ENTRY = ' from "data:text/javascript,';

/**
 * Adds to the message of a task's error what its caller must know about running in a worker.
 *
 * @param restricted The name of the pool, if its tasks have permissions of their own.
 */
export function explain(error: Error, task: AddressedTask, restricted: string | undefined): void {
  reword(error, withoutEntry(error.message));
  const { address } = task;
  const explanation = !isOfModule(address) && explainSource(error, task.label, address) ||
    permissionHint(restricted, error.message);
  if (explanation !== undefined) reword(error, `${error.message}: ${explanation}`);
}

/** Explains the error of a function that was sent by its source, without the code around it. */
function explainSource(
  { name, message }: Error,
  label: string,
  { source, name: own }: SourceAddress,
): string | undefined {
  const sent = `${label} was sent to the worker by its source`;
  const missing = name === "ReferenceError" && /^(\S+) is not defined$/.exec(message)?.[1];
  if (missing && missing === own) {
    return `${sent}, without the variable that holds it; to call itself it needs a name of its ` +
      `own: write function ${own}() { … }, or ${EXPORT_IT}`;
  }
  if (missing === "arguments") {
    return `${sent} as an arrow, which has none; take them as (...args) => { … }`;
  }
  if (missing) {
    return `${sent} and sees nothing around it; pass ${missing} as an argument, if it is data, ` +
      `or ${EXPORT_IT}`;
  }
  if (name !== "TypeError") return;
  if (UNRESOLVED.test(message)) {
    return `${sent}, where no path leads to your modules; ${EXPORT_IT}`;
  }
  if (/^this\.\S+ is not a function$/.test(message) || /\bsuper\b/.test(source)) {
    return `${sent}, without the object or the class that it is a method of; export that from a ` +
      "module and name the method with tasksFrom()";
  }
}

/** A message without the URL of the entry, which is as long as the entry's source. */
function withoutEntry(message: string): string {
  const start = message.indexOf(ENTRY);
  const end = start < 0 ? -1 : message.indexOf('"', start + ENTRY.length);
  return end < 0 ? message : message.slice(0, start) + message.slice(end + 1);
}

/** Changes the message of an error, in its stack, too. */
function reword(error: Error, message: string): void {
  const { message: old, stack = "" } = error;
  if (message === old) return;
  error.message = message;
  // Not by a search: to look for a long message in a long stack takes longer than both are long.
  const start = startOfMessage(stack, old);
  if (start >= 0) error.stack = stack.slice(0, start) + message + stack.slice(start + old.length);
}
