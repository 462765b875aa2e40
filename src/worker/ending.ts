import { CLOSES, EXITS, OUTLIVES, PARKED } from "../wire/protocol.ts";
import { lazyGlobal } from "../runtime/lazy_global.ts";

const { load, notify, store, wait } = Atomics;

/**
 * The end of a worker, at the wish of its host. Native code (an addon of an npm package, or a
 * library that was opened by FFI) works in threads of its own, on memory of the worker. Deno frees
 * the memory when the worker ends, whoever uses the memory, and the whole program dies of SIGSEGV.
 * So a worker that may be running native code ends when its task returns.
 */
export class Ending {
  readonly #close: () => void;
  readonly #tell: () => void;
  readonly #hasNativeCode: () => boolean;
  #wanted = false;

  /**
   * @param close Ends the worker.
   * @param post Speaks to the host.
   */
  constructor(close: () => void, post: (message: typeof OUTLIVES) => void) {
    this.#close = close;
    this.#tell = () => post(OUTLIVES);
    this.#hasNativeCode = watchNativeCode();
  }

  /**
   * The host wants the worker gone.
   *
   * @param state The words of host and worker, for the end of the program: see `END` in
   * protocol.ts.
   * @param busy Whether a task runs.
   */
  want(state: Int32Array, busy: boolean): void {
    if (!busy || !this.#hasNativeCode()) {
      say(state, CLOSES);
      return this.#close();
    }
    if (load(state, 1) === EXITS) {
      say(state, PARKED);
      // The program ends, and this thread with the program. If this thread went on, Deno would end
      // the worker first, and free its memory.
      wait(state, 0, PARKED);
    }
    if (!this.#wanted) this.#tell();
    this.#wanted = true;
  }

  /** No task runs any more. */
  rest(): void {
    if (this.#wanted) this.#close();
  }
}

function say(state: Int32Array, word: number): void {
  store(state, 0, word);
  notify(state, 0);
}

/** The part of node:process that is used here. */
interface Process {
  getBuiltinModule(name: "node:module"): { _cache: Record<string, unknown> };
}

/**
 * Watches for native code.
 *
 * @returns Says whether native code was loaded.
 */
function watchNativeCode(): () => boolean {
  const { dlopen } = Deno;
  let opened = false;
  Deno.dlopen = ((...args: Parameters<typeof dlopen>) => {
    opened = true;
    return dlopen(...args);
  }) as typeof dlopen;
  const process = lazyGlobal<Process>("process");
  return () => {
    if (opened) return true;
    try {
      const { _cache } = process().getBuiltinModule("node:module");
      return Object.keys(_cache).some((file) => file.endsWith(".node"));
    } catch {
      // Node's part of Deno does not load any more, for example because a library has hidden
      // `Deno`.
      return false;
    }
  };
}
