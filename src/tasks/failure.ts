import { isUnmarked } from "../wire/values/cloneable.ts";
import {
  ExecutorError,
  NotCloneableError,
  TaskNotFoundError,
  WorkerStartError,
} from "../api/errors.ts";
import { type FailureKind, isOfModule, type SourceAddress } from "../wire/protocol.ts";
import { framesOf } from "../wire/stack.ts";
import type { AddressedTask } from "./task.ts";
import { startOfMessage } from "../wire/thrown_limits.ts";

/** How a run failed in its worker, not yet made into what its caller will catch. */
export class Failure {
  readonly #task: AddressedTask;
  readonly #kind: FailureKind;
  readonly #thrown: () => unknown;
  readonly #restricted: string | undefined;

  /**
   * Makes one.
   *
   * @param thrown Makes what was thrown.
   * @param restricted What the pool is called, if its tasks have permissions of their own.
   */
  constructor(
    task: AddressedTask,
    kind: FailureKind,
    thrown: () => unknown,
    restricted: string | undefined,
  ) {
    this.#task = task;
    this.#kind = kind;
    this.#thrown = thrown;
    this.#restricted = restricted;
  }

  /** Makes what the caller will catch, who waits for this function. */
  revive(callee: () => void): unknown {
    const thrown = this.#thrown();
    if (this.#kind !== "threw") return withStackFrom(this.#refusal(thrown), callee);
    if (thrown instanceof Error) {
      const frames = callerFrames(callee);
      if (frames !== "") thrown.stack += `\n${frames}`;
      reword(thrown, withoutEntry(thrown.message));
      const explanation = this.#explanation(thrown);
      if (explanation !== undefined) explain(thrown, explanation);
    }
    return thrown;
  }

  #refusal(cause: unknown): ExecutorError {
    const { label, address } = this.#task;
    const why = reasonOf(cause);
    switch (this.#kind) {
      case "load":
        return loadError(`Cannot load the module of ${label}`, cause, this.#restricted);
      case "find":
        return notFound(
          !isOfModule(address)
            ? `Cannot send ${label} by its source: ${why}; ${EXPORT_IT}`
            : `Cannot find ${label}: ${why}`,
          this.#task,
          cause,
        );
      case "tell":
        return notCloneable(`what ${label} tells by progress()`, "pass", cause, why);
      default:
        return notCloneable(`the result of ${label}`, "return", cause, why);
    }
  }

  /** What one needs to know to understand an error that comes of running in a worker. */
  #explanation({ name, message }: Error): string | undefined {
    const { address } = this.#task;
    return !isOfModule(address) && this.#lost(address, name, message) ||
      permissionHint(this.#restricted, message);
  }

  /** The same, of what a function that is sent by its source leaves behind. */
  #lost({ source, name: own }: SourceAddress, error: string, message: string): string | undefined {
    const sent = `${this.#task.label} was sent to the worker by its source`;
    const missing = error === "ReferenceError" && /^(\S+) is not defined$/.exec(message)?.[1];
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
    if (error !== "TypeError") return;
    if (UNRESOLVED.test(message)) {
      return `${sent}, where no path leads to your modules; ${EXPORT_IT}`;
    }
    if (/^this\.\S+ is not a function$/.test(message) || /\bsuper\b/.test(source)) {
      return `${sent}, without the object or the class that it is a method of; export that from a ` +
        "module and name the method with tasksFrom()";
    }
  }
}

/**
 * The error of a module that cannot be loaded.
 *
 * @param failure What has failed.
 * @param restricted What the pool is called, if its tasks have permissions of their own.
 */
export function loadError(
  failure: string,
  cause: unknown,
  restricted: string | undefined,
): WorkerStartError {
  const why = reasonOf(cause);
  // What a module imports is loaded with the program's permission: that Deno explains well.
  const hint = cause instanceof Deno.errors.NotCapable
    ? permissionHint(restricted, cause.message)
    : undefined;
  return new WorkerStartError(`${failure}: ${why}${hint ? `: ${hint}` : ""}`, { cause });
}

/** What to do about a permission that the tasks of a pool do not have. */
function permissionHint(pool: string | undefined, message: string): string | undefined {
  if (pool === undefined || !isNotGranted(message)) return;
  return `whatever the program may, tasks of the ${pool} pool have what ${pool}: ` +
    `{ permissions } grants${pool === "cpu" ? "; runBlocking() has what the program has" : ""}`;
}

const EXPORT_IT = "export the function from a module and name it with tasksFrom()";
/** What Deno says of a path, as nothing is relative to the entry of a worker. */
const UNRESOLVED = /^(?:Import|Relative import path) "(?:\.{1,2})?\/[^"]*" not /;
/** Where a message names the module with an import, which is the entry of the worker. */
const ENTRY = ' from "data:text/javascript,';

/** A message without the URL of the entry, which is as long as the entry's source. */
function withoutEntry(message: string): string {
  const start = message.indexOf(ENTRY);
  const end = start < 0 ? -1 : message.indexOf('"', start + ENTRY.length);
  return end < 0 ? message : message.slice(0, start) + message.slice(end + 1);
}

/** What Deno says, on one line, where a permission is missing, be it to read or to import. */
const REQUIRES = "Requires ", ACCESS = " access";

/**
 * Whether a message says that a permission is missing. A task may have put anything into the
 * message, and a regular expression would begin anew at each "Requires".
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
    // Only on: what was passed over lies before this line.
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

/** Adds an explanation to an error's message. */
function explain(error: Error, explanation: string): void {
  reword(error, `${error.message}: ${explanation}`);
}

function reword(error: Error, message: string): void {
  const { message: old, stack = "" } = error;
  if (message === old) return;
  error.message = message;
  // To look for the old message in all of the stack would take longer than both are long.
  const start = startOfMessage(stack, old);
  if (start >= 0) error.stack = stack.slice(0, start) + message + stack.slice(start + old.length);
}

/** The error of a task that is not there, or cannot be sent. */
function notFound(message: string, task: AddressedTask, cause: unknown): TaskNotFoundError {
  const { address } = task;
  const error = new TaskNotFoundError(message, { cause });
  return Object.assign(
    error,
    isOfModule(address) ? { task: task.name, module: address.url } : { task: address.name },
  );
}

/**
 * Says why a value cannot be sent, and what to do.
 *
 * @param what The value, and whose it is.
 * @param verb What one does with such values.
 */
export function notCloneable(
  what: string,
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
  return new NotCloneableError(`Cannot send ${what}: ${why}; ${advice}`, { cause });
}

const NESTED = /^a value nested deeper/;
const YIELDS = /Generator|Iterator/;

/** A task has run for too long. A class of its own, as a signal's reason is its owner's to change. */
export class TimedOut extends DOMException {
  constructor({ label }: AddressedTask, ms: number) {
    super(`The task timed out: ${label} ran for ${ms} ms`, "TimeoutError");
  }
}

/** Whether a reason is to show where its caller is: what a task threw, or an error of ours. */
export function showsCaller(reason: unknown): reason is Failure | ExecutorError | TimedOut {
  return reason instanceof Failure || reason instanceof ExecutorError || reason instanceof TimedOut;
}

/**
 * A promise that rejects with what the caller of a run is to catch for this reason. It does so
 * where the caller awaits it, so that the stack shows where that is: capturing it at each
 * submission would cost more than a short task.
 */
export function rejected(reason: unknown): Promise<never> {
  if (!showsCaller(reason)) return Promise.reject(reason);
  // Two turns later what was resolved with this promise waits for it, as V8's stacks need it.
  return Promise.resolve().then(() => {}).then(function here() {
    if (reason instanceof Failure) throw reason.revive(here);
    throw withStackFrom(reason, here);
  });
}

/** The frames of whoever called this function, as far as the program's own code can format them. */
export function callerFrames(callee: (...args: never[]) => unknown): string {
  try {
    return framesOf(withStackFrom(new Error(), callee).stack);
  } catch {
    return "";
  }
}

/** Gives an error the stack of whoever called this function; it becomes text when it is read. */
function withStackFrom<E extends Error>(error: E, callee: (...args: never[]) => unknown): E {
  Error.captureStackTrace(error, callee);
  return error;
}

/** How much of a cause an error's own message repeats; the whole is in its `cause`. */
const MAX_REASON_CHARACTERS = 10_000;

/**
 * Why something has failed, to be continued in a message.
 *
 * @param cause What was thrown, which may be anything: nothing of it is called or converted that
 * could throw.
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
      // To write a long one takes longer than it is long.
      return BigInt.asIntN(64, value) === value ? `${value}n` : "a long bigint";
    default:
      return String(value);
  }
}

/** A message that can be continued; Deno ends some of its own with a period. */
export function withoutPeriod(message: string): string {
  return message.replace(/\.$/, "");
}
