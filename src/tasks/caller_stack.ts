import { framesOf } from "../wire/stack.ts";

/** The frames above a function's call, unless the program's own code cannot format stacks. */
export function callerFrames(callee: (...args: never[]) => unknown): string {
  try {
    return framesOf(withStackFrom(new Error(), callee).stack);
  } catch {
    return "";
  }
}

/** Gives an error the stack above a function's call. V8 makes text of a stack when code reads it. */
export function withStackFrom<E extends Error>(error: E, callee: (...args: never[]) => unknown): E {
  Error.captureStackTrace(error, callee);
  return error;
}
