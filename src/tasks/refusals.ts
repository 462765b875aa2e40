/** The errors of tasks and values that cannot be loaded, found or sent, each with advice. */

import { NotCloneableError, TaskNotFoundError, WorkerStartError } from "../api/errors.ts";
import { isOfModule } from "../wire/protocol.ts";
import { isUnmarked } from "../wire/values/cloneable.ts";
import { reasonOf } from "./reason.ts";
import type { AddressedTask } from "./task.ts";

/** The advice for a function that needs the code around its own. */
export const EXPORT_IT = "export the function from a module and name it with tasksFrom()";

/**
 * Makes the error of a module that cannot be loaded.
 *
 * @param failure The beginning of the message.
 * @param restricted The name of the pool, if its tasks have permissions of their own.
 */
export function loadError(
  failure: string,
  cause: unknown,
  restricted: string | undefined,
): WorkerStartError {
  const why = reasonOf(cause);
  // The imports of a module are loaded with the program's permission: Deno explains those well.
  const hint = cause instanceof Deno.errors.NotCapable
    ? permissionHint(restricted, cause.message)
    : undefined;
  return new WorkerStartError(`${failure}: ${why}${hint ? `: ${hint}` : ""}`, { cause });
}

/** Makes the error of a task that a worker cannot find. */
export function notFound(task: AddressedTask, cause: unknown): TaskNotFoundError {
  const { label, address, name } = task;
  const why = reasonOf(cause);
  const data = isOfModule(address) ? { task: name, module: address.url } : { task: address.name };
  const message = isOfModule(address)
    ? `Cannot find ${label}: ${why}`
    : `Cannot send ${label} by its source: ${why}; ${EXPORT_IT}`;
  return Object.assign(new TaskNotFoundError(message, { cause }), data);
}

/**
 * Makes the error of an argument, a result or a told value that cannot be sent.
 *
 * @param value The value, and whose value it is.
 * @param verb What the program does with such values.
 * @param why The reason.
 */
export function notCloneable(
  value: string,
  verb: "pass" | "return",
  cause: unknown,
  why: string,
): NotCloneableError {
  let advice = `${verb} plain data`;
  if (isUnmarked(why)) {
    why = "a stream or a port is not cloned but moved, and only if that is asked for";
    advice = verb === "pass"
      ? "pass transfer(stream, [stream])"
      : "return this.transfer(stream, [stream])";
  } else if (NESTED.test(why)) advice = `${verb} a flat list of its parts, or JSON`;
  else if (verb === "return" && YIELDS.test(why)) {
    advice = "stream what it yields with streamBlocking() or streamCpu()";
  }
  return new NotCloneableError(`Cannot send ${value}: ${why}; ${advice}`, { cause });
}

const NESTED = /^a value nested deeper/;
const YIELDS = /Generator|Iterator/;

/** Deno's words, on one line, for a missing permission to read, to import, and so on. */
const REQUIRES = "Requires ", ACCESS = " access";

/**
 * Whether a message says that a permission is missing. This is a loop, as a task may put anything into
 * a message, and a regular expression would search the same text anew after each "Requires".
 */
export function isNotGranted(message: string): boolean {
  let access = 0;
  for (let at = message.indexOf(REQUIRES); at >= 0;) {
    if (isWordAt(message, at - 1)) {
      at = message.indexOf(REQUIRES, at + 1);
      continue;
    }
    const lineEnd = message.indexOf("\n", at);
    const end = lineEnd < 0 ? message.length : lineEnd;
    // `access` only moves on: each match that was passed over lies before this line.
    const from = at + REQUIRES.length + 1;
    if (access < from) access = message.indexOf(ACCESS, from);
    while (access >= 0 && access < end && isWordAt(message, access + ACCESS.length)) {
      access = message.indexOf(ACCESS, access + 1);
    }
    if (access < 0) return false;
    if (access < end) return true;
    at = message.indexOf(REQUIRES, end);
  }
  return false;
}

function isWordAt(text: string, index: number): boolean {
  return /\w/.test(text.charAt(index));
}

/**
 * Says what to do about a missing permission.
 *
 * @param pool The name of the pool, if its tasks have permissions of their own.
 */
export function permissionHint(pool: string | undefined, message: string): string | undefined {
  if (pool === undefined || !isNotGranted(message)) return;
  return `whatever the program may, tasks of the ${pool} pool have what ${pool}: ` +
    `{ permissions } grants${pool === "cpu" ? "; runBlocking() has what the program has" : ""}`;
}
