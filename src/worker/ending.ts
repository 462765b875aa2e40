import { CLOSES, EXITS, OUTLIVES, PARKED } from "../wire/protocol.ts";
import { lazyGlobal } from "../runtime/lazy_global.ts";

const { load, notify, store, wait } = Atomics;

/**
 * How a worker ends that its host wants gone. Native code (an addon of an npm package, or a
 * library that was opened by FFI) works in threads of its own, on memory of the worker's. Deno
 * frees that memory when the worker ends, whoever uses it, and the whole program dies of SIGSEGV.
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
   * @param state What host and worker say to each other where no message is heard any more.
   * @param busy Whether a task runs.
   */
  want(state: Int32Array, busy: boolean): void {
    if (!busy || !this.#hasNativeCode()) {
      say(state, CLOSES);
      return this.#close();
    }
    if (load(state, 1) === EXITS) {
      say(state, PARKED);
      // The program ends, and this thread with it: were it to go on, Deno would end the worker first.
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

/** What is used here of node:process. */
interface Process {
  getBuiltinModule(name: "node:module"): { _cache: Record<string, unknown> };
}

/** Watches what is loaded; the function that this returns says whether native code was. */
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
      // Node's part of Deno does not load any more, where a library has hidden `Deno`, for one.
      return false;
    }
  };
}
