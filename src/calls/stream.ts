import { InMessage } from "../member/job.ts";
import { discard } from "../member/open_ends.ts";
import { now } from "../runtime/real_timers.ts";
import { MAX_WINDOW, WINDOW } from "../wire/protocol.ts";
import { closeWhenCollected, type Handle } from "./abandoned.ts";

/** A reader that takes half of the window within this many ms is allowed a larger window. */
const FAST_MS = 2;
/** A reader that takes half of the window in more than this many ms is allowed a smaller window. */
const SLOW_MS = 4;
/** How many windows a reader must have taken before the window grows. */
const WINDOWS = 4;

/** A stream whose task was submitted. */
export interface OpenedStream {
  /** Resolves when the task has yielded all values. */
  readonly result: Promise<unknown>;
  /** Lets the worker send so many more values, and so many of these in messages. */
  pull(count: number, messages: number): void;
  /** Ends the task. */
  close(): void;
}

/** Submits the task of a stream. Each value that arrives goes to `onValue`. */
export type OpenStream = (onValue: (value: unknown) => void) => OpenedStream;

/**
 * Reads a stream. The stream begins when the loop asks for the first value, and ends with the loop, or
 * when the garbage collector takes the iterator.
 *
 * @param signal Ends the loop at once. Values that have arrived are dropped.
 */
export function readStream<T>(
  open: OpenStream,
  signal: AbortSignal | undefined,
): AsyncGenerator<T, void, undefined> {
  return closeWhenCollected((handle) => new StreamReader<T>(new Stream<T>(open, signal, handle)));
}

/** What is asked of a stream. */
const NEXT = 0, RETURN = 1, THROW = 2;

interface Request<T> {
  readonly kind: typeof NEXT | typeof RETURN | typeof THROW;
  /** What to return or to throw. */
  readonly given: unknown;
  readonly resolve: (result: IteratorResult<T, void> | Promise<IteratorResult<T, void>>) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * The values of a stream and the requests for values. An async generator would do the same in three
 * times the time, which is most of the time that a small value takes.
 */
class Stream<T> {
  readonly #open: OpenStream;
  readonly #signal: AbortSignal | undefined;
  readonly #handle: Handle;
  /** The values that are taken one after the other, and those that have arrived since. */
  #values: unknown[] = [];
  #arrived: unknown[] = [];
  /** The place of the next value. */
  #next = 0;
  /** The requests that have no answer yet, in their order. */
  readonly #requests: Request<T>[] = [];
  /** The reader, as long as somebody waits for an answer: nobody else may hold the reader then. */
  #reader: unknown;
  #opened: OpenedStream | undefined;
  /** Whether no more values are given. */
  #isDone = false;
  /** Whether the task has ended, and the reason if the task has failed. */
  #ended: { readonly failed: boolean; readonly reason?: unknown } | undefined;
  /** How many values may be on their way. */
  #window = WINDOW;
  /** How many values were taken in all, and since when so many, and so many in messages. */
  #total = 0;
  #taken = 0;
  #messages = 0;
  #since = 0;

  constructor(open: OpenStream, signal: AbortSignal | undefined, handle: Handle) {
    this.#open = open;
    this.#signal = signal;
    this.#handle = handle;
  }

  next(reader: unknown): Promise<IteratorResult<T, void>> {
    if (this.#requests.length === 0 && this.#hasValue) {
      return Promise.resolve({ value: this.#take(), done: false });
    }
    return this.ask(NEXT, undefined, reader);
  }

  /** Answers a request after all requests before. */
  ask(
    kind: Request<T>["kind"],
    given: unknown,
    reader: unknown,
  ): Promise<IteratorResult<T, void>> {
    const { promise, resolve, reject } = Promise.withResolvers<IteratorResult<T, void>>();
    this.#requests.push({ kind, given, resolve, reject });
    this.#reader = reader;
    this.#answer();
    return promise;
  }

  get #hasValue(): boolean {
    if (this.#isDone || this.#signal?.aborted) return false;
    if (this.#next < this.#values.length) return true;
    if (this.#arrived.length === 0) return false;
    this.#values = this.#arrived;
    this.#arrived = [];
    this.#next = 0;
    return true;
  }

  #take(): T {
    let value = this.#values[this.#next];
    this.#values[this.#next++] = undefined;
    this.#total++;
    this.#taken++;
    if (value instanceof InMessage) {
      ({ value } = value);
      this.#messages++;
    }
    // One message for half of the window, as a message costs as much as some small values.
    if (this.#taken >= this.#window / 2 || this.#messages >= WINDOW / 2) this.#pull();
    return value as T;
  }

  /**
   * Lets the worker send more values. A reader that keeps up is allowed so many values as the reader
   * takes in a few ms: messages about room take as long as many small values.
   */
  #pull(): void {
    const time = now();
    const took = time - this.#since;
    const window = this.#window;
    let room = this.#taken;
    if (room < window / 2) { /* Too many values in messages to tell. */ }
    else if (took < FAST_MS && window < MAX_WINDOW && this.#total >= WINDOWS * window) {
      this.#window = 2 * window;
      room += window;
    } else if (took > SLOW_MS && window > WINDOW) {
      this.#window = window / 2;
      room = Math.max(0, room - window / 2);
    }
    const messages = this.#messages;
    this.#taken = this.#messages = 0;
    this.#since = time;
    if (room > 0 || messages > 0) this.#opened!.pull(room, messages);
  }

  /** Answers requests, as far as there are answers. */
  #answer(): void {
    const requests = this.#requests;
    for (let request = requests[0]; request !== undefined; request = requests[0]) {
      if (request.kind === NEXT && !this.#answerNext(request)) return;
      requests.shift();
      if (request.kind === NEXT) continue;
      this.#finish();
      const { given, kind, resolve, reject } = request;
      if (kind === THROW) reject(given);
      else resolve(Promise.resolve(given).then((value) => ({ value: value as void, done: true })));
    }
    this.#reader = undefined;
  }

  /** Answers a call of `next()`; `false` if there is no answer yet. */
  #answerNext({ resolve, reject }: Request<T>): boolean {
    if (!this.#isDone && this.#opened === undefined) {
      try {
        this.#begin();
      } catch (reason) {
        this.#isDone = true;
        reject(reason);
        return true;
      }
    }
    if (this.#hasValue) resolve({ value: this.#take(), done: false });
    else if (!this.#isDone) {
      if (this.#ended === undefined) return false;
      const { failed, reason } = this.#ended;
      this.#finish();
      if (failed) reject(reason);
      else resolve({ value: undefined, done: true });
    } else resolve({ value: undefined, done: true });
    return true;
  }

  #begin(): void {
    const { result, close } = this.#opened = this.#open((value) => {
      this.#arrived.push(value);
      if (this.#requests.length > 0) this.#answer();
    });
    this.#since = now();
    this.#handle.close = () => {
      close();
      for (const value of [...this.#values, ...this.#arrived]) {
        discard(value instanceof InMessage ? value.value : value);
      }
    };
    const end = (failed: boolean, reason?: unknown) => {
      this.#ended = { failed, reason };
      this.#answer();
    };
    result.then(() => end(false), (reason) => end(true, reason));
  }

  /** No more values are given. */
  #finish(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    const { close } = this.#handle;
    // The stack of the task's error may refer to the reader, which could then never be collected.
    delete this.#handle.close;
    close?.();
  }
}

/** What a program has of a stream. The stream has no reference to the reader, unless somebody waits. */
class StreamReader<T> {
  readonly #stream: Stream<T>;

  constructor(stream: Stream<T>) {
    this.#stream = stream;
  }

  next(): Promise<IteratorResult<T, void>> {
    return this.#stream.next(this);
  }

  return(value?: unknown): Promise<IteratorResult<T, void>> {
    return this.#stream.ask(RETURN, value, this);
  }

  throw(reason: unknown): Promise<IteratorResult<T, void>> {
    return this.#stream.ask(THROW, reason, this);
  }
}

// As of an async generator: the methods that make it iterable and disposable, and its tag.
Object.setPrototypeOf(
  StreamReader.prototype,
  Object.getPrototypeOf((async function* () {}).prototype),
);
interface StreamReader<T> extends AsyncGenerator<T, void, undefined> {}
