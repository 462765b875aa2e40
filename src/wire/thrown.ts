/**
 * The wire form of what a task throws. Structured clone loses the class, the own
 * properties and the nested errors of an `Error`, so errors travel as a flat table:
 * neither a cycle nor a `cause` of any depth costs recursion.
 */

import { assertReadable } from "./values/cloneable.ts";
import { withoutOwnFrames } from "./stack.ts";
import { cloneWhatCanBe } from "./values/prune.ts";
import { endOfMessage, MAX_ERRORS, MAX_LISTS, MAX_SLOTS, ThrownBudget } from "./thrown_limits.ts";

const { Error, structuredClone } = globalThis;
const { isArray } = Array;
const { isError: isNativeError } = Error;
const { getOwnPropertyDescriptor, getOwnPropertyNames, getPrototypeOf } = Object;

/** A value inside a thrown one: an error of the table, a list with errors in it, or anything cloneable. */
export type Slot =
  | { readonly error: number }
  | { readonly list: readonly Slot[] }
  | { readonly value: unknown };

/** An error of the table. */
export interface ErrorRecord {
  /** The nearest class both sides know, such as `TypeError` or `Deno.errors.NotFound`. */
  readonly type: string;
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  readonly properties: [key: string, slot: Slot, enumerable: boolean][];
}

/** Anything thrown, in a form that structured clone takes whole. */
export interface Thrown {
  readonly root: Slot;
  readonly errors: readonly ErrorRecord[];
}

/** Makes an error of each class that keeps its identity, by its name on the wire. */
const makers = new Map<string, (message: string, name: string) => Error>();
/** The wire name of each of those classes, by its prototype. */
const types = new Map<object, string>();

function know(
  type: string,
  prototype: object,
  make: (message: string, name: string) => Error,
): void {
  makers.set(type, make);
  types.set(prototype, type);
}

for (
  const NativeError of [
    Error,
    EvalError,
    RangeError,
    ReferenceError,
    SyntaxError,
    TypeError,
    URIError,
    WebAssembly.CompileError,
    WebAssembly.LinkError,
    WebAssembly.RuntimeError,
  ]
) know(NativeError.name, NativeError.prototype, (message) => new NativeError(message));
know("AggregateError", AggregateError.prototype, (message) => new AggregateError([], message));
know(
  "SuppressedError",
  SuppressedError.prototype,
  (message) => new SuppressedError(undefined, undefined, message),
);
know("DOMException", DOMException.prototype, (message, name) => new DOMException(message, name));
for (const [name, DenoError] of Object.entries(Deno.errors)) {
  know(`Deno.errors.${name}`, DenoError.prototype, (message) => new DenoError(message));
}

/** Own properties that have a field of their own on the wire. */
export const FIELDS: ReadonlySet<string> = new Set(["name", "message", "stack"]);

/**
 * Encodes anything thrown. Of more than thrown_limits.ts allows, the rest is left out, which an
 * error in its place says.
 *
 * @throws {unknown} Whatever reading or cloning the value threw, if it is not an error
 * and not cloneable. Of an error's properties only what cannot be cloned is lost.
 */
export function encodeThrown(value: unknown): Thrown {
  const found: Error[] = [];
  const indexes = new Map<Error, number>();
  const budget = new ThrownBudget();
  const indexOf = (error: Error): number => {
    const known = indexes.get(error);
    if (known !== undefined) return known;
    // The last place is for what says that there are more.
    if (found.length >= MAX_ERRORS - 1 && error !== more) return indexOf(more ??= leftOut());
    indexes.set(error, found.length);
    found[found.length] = error;
    return found.length - 1;
  };
  let more: Error | undefined;
  const slot = (value: unknown, clone: (value: unknown) => unknown, lists = 0): Slot => {
    if (isArray(value) && lists < MAX_LISTS && hasErrors(value)) {
      const list: Slot[] = [];
      for (let i = 0; i < value.length; i++) {
        const item: Slot = budget.takeSlot()
          ? slot(value[i], clone, lists + 1)
          : { error: indexOf(more ??= leftOut()) };
        list[i] = item;
        if (more !== undefined && "error" in item && found[item.error] === more) break;
      }
      return { list };
    }
    return isError(value) ? { error: indexOf(value) } : { value: clone(value) };
  };
  const root = slot(value, cloneWhole);
  const errors: ErrorRecord[] = [];
  for (let i = 0; i < found.length; i++) errors[i] = encodeError(found[i]!, slot, budget);
  return { root, errors };
}

/** What stands for the errors that are too many to be sent. */
function leftOut(): Error {
  const error = new Error(`more was left out: at most ${MAX_ERRORS} errors are sent`);
  error.stack = `Error: ${error.message}`;
  return error;
}

function cloneWhole(value: unknown): unknown {
  assertReadable(value);
  return structuredClone(value);
}

/** Clones what an error says of itself, as far as that can be. */
function cloneProperty(value: unknown): unknown {
  try {
    return cloneWhole(value);
  } catch {
    return cloneWhatCanBe(value);
  }
}

function hasErrors(values: readonly unknown[]): boolean {
  // A list may be long, and have nothing but gaps.
  const end = values.length < MAX_SLOTS ? values.length : MAX_SLOTS;
  for (let i = 0; i < end; i++) if (isError(values[i])) return true;
  return false;
}

function isError(value: unknown): value is Error {
  return isNativeError(value) || value instanceof Error;
}

function encodeError(
  error: Error,
  slot: (value: unknown, clone: (value: unknown) => unknown) => Slot,
  budget: ThrownBudget,
): ErrorRecord {
  const type = typeOf(error);
  const name = budget.cutName(nameOf(error));
  const whole = readString(error, "message");
  const message = budget.cutMessage(whole);
  const stack = budget.cutStack(stackOf(error) || `${name}: ${whole}`, whole, message);
  const properties: ErrorRecord["properties"] = [];
  const keys = getOwnPropertyNames(error);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    if (FIELDS.has(key) || !budget.takeName(key) || !budget.takeSlot()) continue;
    try {
      const { enumerable = false } = getOwnPropertyDescriptor(error, key)!;
      const value = error[key as keyof Error];
      properties[properties.length] = [key, slot(value, cloneProperty), enumerable];
    } catch { /* What cannot be read or cloned stays behind; the error does not. */ }
  }
  return { type, name, message, stack, properties };
}

function typeOf(error: Error): string {
  let prototype = getPrototypeOf(error);
  while (prototype !== null && !types.has(prototype)) prototype = getPrototypeOf(prototype);
  return prototype === null ? "Error" : types.get(prototype)!;
}

/** The error's name; its class's where it only inherited that of a native class. */
function nameOf(error: Error): string {
  const name = readString(error, "name");
  if (makers.has(name) && name === typeOf(error) && !types.has(getPrototypeOf(error)!)) {
    try {
      return error.constructor.name || name;
    } catch { /* no constructor to ask */ }
  }
  return name;
}

/** Reads a string of an error whose getters may throw or lie. */
function readString(error: Error, key: "name" | "message"): string {
  try {
    return String(error[key] ?? "");
  } catch {
    return "";
  }
}

/** The stack as text, also if the program's own `Error.prepareStackTrace` has made none of it. */
function stackOf(error: Error): string {
  try {
    const stack: unknown = error.stack;
    if (typeof stack === "string") return stack;
    if (!isArray(stack)) return "";
    let text = `${nameOf(error)}: ${readString(error, "message")}`;
    for (let i = 0; i < stack.length; i++) text += `\n    at ${String(stack[i])}`;
    return text;
  } catch {
    return "";
  }
}

/** Makes what was thrown again. */
export function decodeThrown({ root, errors: records }: Thrown): unknown {
  const errors = records.map(decodeError);
  const value = (slot: Slot): unknown =>
    "error" in slot ? errors[slot.error] : "list" in slot ? slot.list.map(value) : slot.value;
  records.forEach(({ properties }, index) => {
    for (const [key, slot, enumerable] of properties) {
      define(errors[index]!, key, value(slot), enumerable);
    }
  });
  return value(root);
}

function decodeError({ type, name, message, stack }: ErrorRecord): Error {
  const { stackTraceLimit } = Error;
  // Frames captured here would be printed in place of `stack` when nobody catches the error.
  setFrames(0);
  try {
    const error = (makers.get(type) ?? Error)(message, name);
    if (error.name !== name) define(error, "name", name);
    // Lines of the message are no frames, and there may be a million of them.
    const end = endOfMessage(stack, message);
    define(error, "stack", stack.slice(0, end) + withoutOwnFrames(stack.slice(end)));
    return error;
  } finally {
    setFrames(stackTraceLimit);
  }
}

/** Says how many frames are captured, where `Error` is not frozen. */
function setFrames(limit: number): void {
  Reflect.set(Error, "stackTraceLimit", limit);
}

function define(error: Error, key: string, value: unknown, enumerable = false): void {
  const property = { __proto__: null, value, enumerable, writable: true, configurable: true };
  Object.defineProperty(error, key, property as PropertyDescriptor);
}
