/** The errors of tasks and values that cannot be loaded, found or sent, each with advice. */

import { NotCloneableError, TaskNotFoundError, WorkerStartError } from "../api/errors.ts";
import { isOfModule } from "../wire/protocol.ts";
import { isUnmarked } from "../wire/values/cloneable.ts";
import { permissionHint } from "./not_granted.ts";
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
