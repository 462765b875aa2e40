import { isThenable } from "../runtime/promises.ts";
import { WINDOW } from "../wire/protocol.ts";

const { Promise } = globalThis;

/** The worker's side of a stream: sends the values of a task, as many as the reader has room for. */
export class StreamWriter {
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
   * Sends the values of an iterable, to the end or until the reader goes.
   *
   * @param returned The value that the task has returned.
   * @throws {unknown} An error of the iterable, or of sending a value.
   */
  async drain(returned: unknown): Promise<void> {
    const iterator = iteratorOf(returned);
    while (true) {
      while (this.#room === 0 && !this.#closed) {
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
      if (this.#closed || this.#isAborted()) break;
      let step = iterator.next();
      if (isThenable(step)) step = await step;
      const { done, value } = step;
      if (done) return;
      try {
        this.#send(isThenable(value) ? await value : value);
      } catch (error) {
        await end(iterator);
        throw error;
      }
      this.#room--;
    }
    await end(iterator);
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
