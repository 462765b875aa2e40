/** The functions that a worker runs, and why a run has failed. */

import type { FailureKind, TaskAddress } from "../wire/protocol.ts";
import { isRefusal } from "../wire/values/cloneable.ts";
import type { RunContext } from "./run_context.ts";

/** Evaluates the source of a function in the global scope. */
export type Evaluate = (source: string) => unknown;

// deno-lint-ignore no-explicit-any -- a task takes and returns anything
export type TaskFunction = (this: RunContext, ...args: any[]) => unknown;

/** The functions that a worker runs, by the ids that the host gives to their addresses. */
export class Functions {
  readonly #evaluate: Evaluate;
  /** The modules that were loaded, by their URLs. */
  readonly #modules = new Map<string, unknown>();
  readonly #addresses = new Map<number, TaskAddress>();
  /** The functions that were found so far. */
  readonly #found = new Map<number, TaskFunction>();

  constructor(evaluate: Evaluate) {
    this.#evaluate = evaluate;
  }

  /** A module was loaded. */
  addModule(url: string, module: unknown): void {
    this.#modules.set(url, module);
  }

  /** An id stands for this address. */
  learn(id: number, address: TaskAddress): void {
    this.#addresses.set(id, address);
  }

  /** Forgets all ids. */
  forget(): void {
    this.#found.clear();
    this.#addresses.clear();
  }

  /**
   * The function of an id.
   *
   * @throws {Unrunnable} If nothing at the address is a function.
   */
  get(id: number): TaskFunction {
    return this.#found.get(id) ?? this.#find(id);
  }

  #find(id: number): TaskFunction {
    const address = this.#addresses.get(id)!;
    const found = "source" in address
      ? parse(address.source, address.file, this.#evaluate)
      : exportOf(this.#modules.get(address.url), address.path);
    this.#found.set(id, found);
    return found;
  }
}

/** The function that these names lead to in a module. */
function exportOf(module: unknown, path: readonly string[]): TaskFunction {
  let found = module;
  let self: unknown;
  for (let i = 0; i < path.length; i++) {
    const name = path[i]!;
    const owner = found as Record<string, unknown> | null | undefined;
    if (owner == null || !(name in Object(owner))) {
      const names = Object.keys(Object(owner)).join(", ") || "nothing";
      throw new Unrunnable("find", new TypeError(`"${name}" is not there; exported: ${names}`));
    }
    found = owner[name];
    // The functions of a module are no methods of the module: `this` is the context there.
    self = i === 0 || isNamespace(owner) ? undefined : owner;
  }
  if (typeof found !== "function") {
    throw new Unrunnable("find", new TypeError(`it is not a function but ${typeof found}`));
  }
  return self === undefined ? found as TaskFunction : found.bind(self);
}

/** Whether a value is a module: `export * as name` exports a module from another. */
function isNamespace(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === null &&
    (value as Record<symbol, unknown>)[Symbol.toStringTag] === "Module";
}

/** Makes a function of its source: in strict mode, as the module of the source was. */
function parse(source: string, file: string, evaluate: Evaluate): TaskFunction {
  const valueOf = (expression: string) =>
    evaluate(`"use strict";${expression}\n//# sourceURL=${file}`);
  try {
    return valueOf(`(${source})`) as TaskFunction;
  } catch (cause) {
    try {
      // The source of a method is no expression, but a member of an object.
      // The object has no prototype: `super` must fail, and not find something by chance.
      const owner = valueOf(`({__proto__:null,${source}})`) as Record<PropertyKey, unknown>;
      const { value, get, set } = Reflect.getOwnPropertyDescriptor(
        owner,
        Reflect.ownKeys(owner)[0]!,
      )!;
      const method = value ?? get ?? set;
      if (typeof method === "function") return method as TaskFunction;
    } catch (error) {
      // The source has one of the two forms, and is unexpected from its beginning in the other form.
      if (isUnexpected(cause) && !isUnexpected(error)) throw new Unrunnable("find", error);
    }
    throw new Unrunnable("find", cause);
  }
}

function isUnexpected(error: unknown): boolean {
  try {
    return String((error as Error).message).startsWith("Unexpected");
  } catch {
    return false;
  }
}

/** Why a run has failed, and in which of its steps. */
export class Unrunnable {
  readonly #kind: FailureKind;
  readonly cause: unknown;

  constructor(kind: FailureKind, cause: unknown) {
    this.#kind = kind;
    this.cause = cause;
  }

  get kind(): FailureKind {
    return this.#kind;
  }

  /**
   * What a run has failed of that has thrown this: the task, or a step before the task.
   * `instanceof` is no way to tell, as it throws for a revoked proxy, such as the drafts of immer.
   */
  static of(thrown: unknown): Unrunnable {
    if (typeof thrown === "object" && thrown !== null && #kind in thrown) return thrown;
    return new Unrunnable(isRefusal(thrown) ? "tell" : "threw", thrown);
  }
}
