import assert from "node:assert";

// deno-lint-ignore no-explicit-any -- a class with any constructor
type Class<E> = new (...args: any[]) => E;
