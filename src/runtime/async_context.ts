/**
 * The async context, in which `AsyncLocalStorage` and OpenTelemetry find the store and the span of the
 * running code. Deno hands the context on to the callbacks of promises, timers and workers. A worker
 * keeps everything in its context alive for as long as the worker lives.
 *
 * `AsyncLocalStorage.snapshot()` is the public way to keep a context. To load node:async_hooks for the
 * snapshot takes 6 ms, also in programs without a use for the module. Deno's own functions need no
 * module, and take a nanosecond; a canary test says when Deno has these functions no more.
 */

/** A context; `undefined` is the empty one. */
export type AsyncContext = unknown;

interface Contexts {
  getAsyncContext(): AsyncContext;
  setAsyncContext(context: AsyncContext): void;
}

interface Internals {
  core?: Partial<Contexts>;
}

const { core } = ((Deno as unknown as Record<symbol, Internals | undefined>)[
  (Deno as unknown as { internal: symbol }).internal
]) ?? {};

const functions: Functions = hasContexts(core) ? contextsOf(core) : contextsOfNode();

/** The context of the caller. */
export const currentContext: () => AsyncContext = functions.currentContext;

/** Calls a function in a context, and returns the result. */
export const runIn: <T>(context: AsyncContext, call: () => T) => T = functions.runIn;

/** Calls a function in the empty context: timers and workers that start there belong to no caller. */
export function runInNone<T>(call: () => T): T {
  return currentContext() === undefined ? call() : runIn(undefined, call);
}

interface Functions {
  readonly currentContext: () => AsyncContext;
  readonly runIn: <T>(context: AsyncContext, call: () => T) => T;
}

function hasContexts(core: Partial<Contexts> | undefined): core is Contexts {
  return typeof core?.getAsyncContext === "function" && typeof core.setAsyncContext === "function";
}

function contextsOf({ getAsyncContext, setAsyncContext }: Contexts): Functions {
  return {
    currentContext: getAsyncContext,
    runIn(context, call) {
      const before = getAsyncContext();
      setAsyncContext(context);
      try {
        return call();
      } finally {
        setAsyncContext(before);
      }
    },
  };
}

/** The public way. The empty context is the context in which this module was loaded. */
function contextsOfNode(): Functions {
  const { AsyncLocalStorage } = process.getBuiltinModule("node:async_hooks");
  type Snapshot = ReturnType<typeof AsyncLocalStorage.snapshot>;
  const empty = AsyncLocalStorage.snapshot();
  return {
    currentContext: () => AsyncLocalStorage.snapshot(),
    runIn: (context, call) => ((context ?? empty) as Snapshot)(call),
  };
}
