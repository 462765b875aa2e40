import { TaskNotFoundError } from "../api/errors.ts";
import { MAX_ADDRESSES } from "../wire/protocol.ts";
import { AddressedTask } from "./task.ts";
import { taskOf } from "./tasks_from.ts";

const tasksOfFunctions = new WeakMap<object, AddressedTask>();
/** Tasks by source: a function that each request makes anew is sent to a worker once. */
const tasksOfSources = new Map<string, AddressedTask>();

/**
 * Gives a task its address.
 *
 * @throws {TaskNotFoundError} If the task is neither a task of a module nor a function that can be
 * sent by its source.
 */
export function addressOf(task: unknown): AddressedTask {
  if (typeof task !== "function") {
    const found = taskOf(task);
    if (found !== undefined) return found;
    throw new TaskNotFoundError(
      `Cannot run ${describe(task)}: pass a function, or a task of tasksFrom()`,
    );
  }
  let found = tasksOfFunctions.get(task);
  if (found === undefined) {
    found = addressSource(task);
    tasksOfFunctions.set(task, found);
  }
  return found;
}

function describe(task: unknown): string {
  if (task === null) return "null";
  if (task instanceof Promise) return "a promise";
  return typeof task === "object" ? "an object that names no task" : `${typeof task}`;
}

// deno-lint-ignore ban-types -- any function at all
function addressSource(task: Function): AddressedTask {
  const source = Function.prototype.toString.call(task);
  let found = tasksOfSources.get(source);
  if (found !== undefined) return found;
  const name = nameOf(task);
  assertSendable(task, source, name);
  // Bounded: a program may make functions without end.
  if (tasksOfSources.size >= MAX_ADDRESSES) tasksOfSources.clear();
  const file = `task:${name.replace(/\s/g, "_") || "anonymous"}`;
  found = new AddressedTask({ source, name, file }, -1);
  tasksOfSources.set(source, found);
  return found;
}

/** The end of the source of a function that is not written in JavaScript, or is bound. */
const NATIVE = /\{\s*\[native code\]\s*\}\s*$/;

/**
 * Checks that a worker can evaluate the source of a function, and call the function.
 *
 * @throws {TaskNotFoundError} If the function is native, bound or a class.
 */
// deno-lint-ignore ban-types -- any function at all
function assertSendable(task: Function, source: string, name: string): void {
  if (NATIVE.test(source)) {
    const error = new TaskNotFoundError(
      `Cannot send ${name === "" ? "the function" : `"${name}"`} to a worker: it is native or ` +
        `bound and has no source; wrap it in a function, or use tasksFrom()`,
    );
    throw Object.assign(error, { task: name });
  }
  // Not by the source: a method may have the name "class".
  if (Object.getOwnPropertyDescriptor(task, "prototype")?.writable === false) {
    const error = new TaskNotFoundError(
      `Cannot send class "${name}" to a worker: it cannot be called; pass a function that makes ` +
        `an instance and returns plain data`,
    );
    throw Object.assign(error, { task: name });
  }
}

// deno-lint-ignore ban-types -- any function at all
function nameOf(task: Function): string {
  const { name } = task;
  return typeof name === "string" ? name : "";
}
