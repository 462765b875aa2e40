/**
 * The wire form of what a task throws. Structured clone loses the class, the own
 * properties and the nested errors of an `Error`, so errors travel as a flat table:
 * neither a cycle nor a `cause` of any depth costs recursion.
 */

import { withoutOwnFrames } from "./stack.ts";

/** A value inside a thrown one: an error of the table, a list with errors in it, or anything cloneable. */
type Slot =
  | { readonly error: number }
  | { readonly list: readonly Slot[] }
  | { readonly value: unknown };

interface ErrorRecord {
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
know("DOMException", DOMException.prototype, (message, name) => new DOMException(message, name));
for (const [name, DenoError] of Object.entries(Deno.errors)) {
  know(`Deno.errors.${name}`, DenoError.prototype, (message) => new DenoError(message));
}

/** Own properties that have a field of their own on the wire. */
const FIELDS = new Set(["name", "message", "stack"]);

/**
 * Encodes anything thrown.
 *
 * @throws {unknown} Whatever reading or cloning the value threw, if it is not an error
 * and not cloneable. Of an error only those properties are lost.
 */
export function encodeThrown(value: unknown): Thrown {
  const found: Error[] = [];
  const indexes = new Map<Error, number>();
  const slot = (value: unknown): Slot => {
    if (Array.isArray(value) && value.some(isError)) return { list: value.map(slot) };
    if (!isError(value)) return { value: structuredClone(value) };
    let error = indexes.get(value);
    if (error === undefined) {
      error = found.push(value) - 1;
      indexes.set(value, error);
    }
    return { error };
  };
  const root = slot(value);
  const errors: ErrorRecord[] = [];
  for (let i = 0; i < found.length; i++) errors.push(encodeError(found[i]!, slot));
  return { root, errors };
}

function isError(value: unknown): value is Error {
  return value instanceof Error || Error.isError(value);
}

function encodeError(error: Error, slot: (value: unknown) => Slot): ErrorRecord {
  const properties: ErrorRecord["properties"] = [];
  for (const key of Object.getOwnPropertyNames(error)) {
    if (FIELDS.has(key)) continue;
    try {
      const enumerable = Object.prototype.propertyIsEnumerable.call(error, key);
      properties.push([key, slot(Reflect.get(error, key)), enumerable]);
    } catch { /* What cannot be read or cloned stays behind; the error does not. */ }
  }
  const type = typeOf(error);
  const name = nameOf(error);
  const message = readString(error, "message");
  const stack = readString(error, "stack") || `${name}: ${message}`;
  return { type, name, message, stack, properties };
}

function typeOf(error: Error): string {
  let prototype = Object.getPrototypeOf(error);
  while (prototype !== null && !types.has(prototype)) {
    prototype = Object.getPrototypeOf(prototype);
  }
  return types.get(prototype) ?? "Error";
}

/** The error's name; its class's where it only inherited that of a native class. */
function nameOf(error: Error): string {
  const name = readString(error, "name");
  if (makers.has(name) && name === typeOf(error) && !types.has(Object.getPrototypeOf(error))) {
    try {
      return error.constructor.name || name;
    } catch { /* no constructor to ask */ }
  }
  return name;
}

/** Reads a string of an error whose getters may throw or lie. */
function readString(error: Error, key: "name" | "message" | "stack"): string {
  try {
    return String(error[key] ?? "");
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
  Error.stackTraceLimit = 0;
  try {
    const error = (makers.get(type) ?? Error)(message, name);
    if (error.name !== name) define(error, "name", name);
    define(error, "stack", withoutOwnFrames(stack));
    return error;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function define(error: Error, key: string, value: unknown, enumerable = false): void {
  Object.defineProperty(error, key, { value, enumerable, writable: true, configurable: true });
}
