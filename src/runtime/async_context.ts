/**
 * The async context, in which `AsyncLocalStorage` and OpenTelemetry find the store and the span of
 * whoever runs. Deno hands the context on to all that is called back later: by a promise, a timer,
 * or a worker, which then keeps everything in the context alive for as long as it lives itself.
 *
 * `AsyncLocalStorage.snapshot()` is the public way to keep a context. Loading node:async_hooks for
 * it takes 6 ms, in programs too that have never heard of it. Deno's own functions are there
 * without loading anything, and take a nanosecond; a canary test says when they are gone.
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

/** The context of whoever calls. */
export const currentContext: () => AsyncContext = functions.currentContext;

/** Calls a function in a context, and returns what it returns. */
export const runIn: <T>(context: AsyncContext, call: () => T) => T = functions.runIn;

/** Calls a function in the empty context: what it sets up for later belongs to no caller. */
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

/** The same by what is public. The empty context is the one that this module is loaded in. */
function contextsOfNode(): Functions {
  const { AsyncLocalStorage } = process.getBuiltinModule("node:async_hooks");
  type Snapshot = ReturnType<typeof AsyncLocalStorage.snapshot>;
  const empty = AsyncLocalStorage.snapshot();
  return {
    currentContext: () => AsyncLocalStorage.snapshot(),
    runIn: (context, call) => ((context ?? empty) as Snapshot)(call),
  };
}
