import { apply, awaitable, getPrototypeOf } from "./intrinsics.ts";
import { isThenable } from "./thenable.ts";
import { WINDOW } from "./protocol.ts";

const { Object, Promise, TypeError } = globalThis;
const { asyncIterator, iterator } = Symbol;

// deno-lint-ignore no-explicit-any -- a task, or a method of what it returned
type Method = (this: any, ...args: any[]) => unknown;

/** How what a task returned goes on and ends; either may give a promise. */
interface Source {
  next(): unknown;
  end(): unknown;
}

/** The worker's side of one stream: it sends what a task yields, as far as its reader has room. */
export class Outlet {
  readonly run: number;
  readonly #send: (value: unknown) => void;
  readonly #isAborted: () => boolean;
  /** How many values may be sent before the reader takes some. */
  #room = WINDOW;
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(run: number, send: (value: unknown) => void, isAborted: () => boolean) {
    this.run = run;
    this.#send = send;
    this.#isAborted = isAborted;
  }

  /** The reader has taken so many values. */
  pull(count: number): void {
    this.#room += count;
    this.#wake?.();
  }

  /** The reader has gone. */
  close(): void {
    this.#closed = true;
    this.#wake?.();
  }

  /**
   * Sends what a call has yielded, to its end or until the reader goes.
   *
   * @param call The function that was called.
   * @param returned What it returned.
   * @throws What it throws, or what sending throws.
   */
  async drain(call: Method, returned: unknown): Promise<void> {
    const source = sourceOf(call, returned);
    while (true) {
      while (this.#room === 0 && !this.#closed) {
        await awaitable(new Promise<void>((resolve) => this.#wake = resolve));
      }
      if (this.#closed || this.#isAborted()) break;
      let step = source.next();
      if (isThenable(step)) step = await awaitable(step);
      const { done, value } = step as IteratorResult<unknown>;
      if (done) return;
      try {
        this.#send(isThenable(value) ? await awaitable(value) : value);
      } catch (error) {
        await this.#end(source);
        throw error;
      }
      this.#room--;
    }
    await this.#end(source);
  }

  async #end(source: Source): Promise<void> {
    try {
      const ended = source.end();
      if (isThenable(ended)) await awaitable(ended);
    } catch { /* Nobody is there to hear of it. */ }
  }
}

// Other tasks may have overwritten the methods of generators, and would see what is yielded.
const generators = getPrototypeOf(function* () {}) as { prototype: Record<string, Method> };
const asyncGenerators = getPrototypeOf(async function* () {}) as typeof generators;
const { next, return: end } = generators.prototype;
const { next: nextAsync, return: endAsync } = asyncGenerators.prototype;

function sourceOf(call: Method, returned: unknown): Source {
  const kind = getPrototypeOf(call);
  if (kind === generators) return source(returned, next!, end);
  if (kind === asyncGenerators) return source(returned, nextAsync!, endAsync);
  const iterable = Object(returned) as Record<symbol, Method | undefined>;
  const open = iterable[asyncIterator] ?? iterable[iterator];
  if (typeof open !== "function") {
    const what = returned === null ? "null" : typeof returned;
    throw new TypeError(
      `Cannot stream what is not iterable: the task returned ${what}, expected a generator`,
    );
  }
  const opened = apply(open, returned, []) as Record<string, Method>;
  return source(opened, opened.next!, opened.return);
}

function source(owner: unknown, next: Method, end: Method | undefined): Source {
  return {
    next: () => apply(next, owner, []),
    end: () => end === undefined ? undefined : apply(end, owner, []),
  };
}
