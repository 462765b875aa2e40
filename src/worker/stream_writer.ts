import { isThenable } from "../runtime/promises.ts";
import { WINDOW } from "../wire/protocol.ts";
import { Unrunnable } from "./functions.ts";

const { Promise } = globalThis;

/** Where the values of a stream go. */
export interface StreamOutlet {
  /** Keeps a small value, or returns `false`. */
  keepYielded(value: unknown): boolean;
  /** The value to send in place of the value that was not kept. */
  unkept(value: unknown): unknown;
  /** Sends a value in a message. */
  yield(value: unknown): void;
  /** Whether the reader has given up. */
  readonly isAborted: boolean;
}

/** The worker's side of a stream: sends the values of a task, as many as the reader has room for. */
export class StreamWriter {
  readonly run: number;
  readonly #outlet: StreamOutlet;
  /** How many values may be sent before the reader takes some. */
  #room = WINDOW;
  /** How many of these may go in messages. */
  #messages = WINDOW;
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(run: number, outlet: StreamOutlet) {
    this.run = run;
    this.#outlet = outlet;
  }

  /** The reader has room for so many more values, and for so many more of these in messages. */
  pull(count: number, messages: number): void {
    this.#room += count;
    this.#messages += messages;
    this.#wake?.();
  }

  /** The reader has gone. */
  close(): void {
    this.#closed = true;
    this.#wake?.();
  }

  /**
   * Sends the values of an iterable, to the end or until the reader goes.
   *
   * @param returned The value that the task has returned.
   * @throws {unknown} An error of the iterable, or of sending a value.
   */
  async drain(returned: unknown): Promise<void> {
    const iterator = iteratorOf(returned);
    while (true) {
      while (this.#room === 0 && !this.#closed) await this.#change();
      if (this.#closed || this.#outlet.isAborted) break;
      let step = iterator.next();
      if (isThenable(step)) step = await step;
      const { done, value } = step;
      if (done) return;
      try {
        const yielded = isThenable(value) ? await value : value;
        if (!this.#outlet.keepYielded(yielded)) {
          const sent = this.#outlet.unkept(yielded);
          while (this.#messages === 0 && !this.#closed) await this.#change();
          if (this.#closed) break;
          this.#post(sent);
        }
      } catch (error) {
        await end(iterator);
        throw error;
      }
      this.#room--;
    }
    await end(iterator);
  }

  #post(value: unknown): void {
    try {
      this.#outlet.yield(value);
    } catch (cause) {
      throw new Unrunnable("clone", cause);
    }
    this.#messages--;
  }

  /** Resolves when there is more room, or the reader has gone. */
  #change(): Promise<void> {
    return new Promise((resolve) => this.#wake = resolve);
  }
}

type AnyIterator = Iterator<unknown> | AsyncIterator<unknown>;

function iteratorOf(returned: unknown): AnyIterator {
  const iterable = Object(returned) as Record<symbol, (() => AnyIterator) | undefined>;
  const open = iterable[Symbol.asyncIterator] ?? iterable[Symbol.iterator];
  if (typeof open === "function") return open.call(returned);
  const what = returned === null ? "null" : typeof returned;
  throw new TypeError(
    `Cannot stream what is not iterable: the task returned ${what}, expected a generator`,
  );
}

async function end(iterator: AnyIterator): Promise<void> {
  try {
    await iterator.return?.();
  } catch { /* Nobody is there to hear of it. */ }
}
