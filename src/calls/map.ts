import { onAbort } from "../runtime/abort_listeners.ts";
import { closeWhenCollected } from "./abandoned.ts";
import {
  type ItemCalls,
  ItemReader,
  type ReadingSettings,
  RETURNED,
  type Source,
  THROWN,
} from "./item_reader.ts";

/** How a map reads its source, and yields the results. */
export interface MapSettings extends ReadingSettings {
  /** Ends the loop at once, whatever has arrived. */
  readonly signal: AbortSignal | undefined;
}

/**
 * Maps items to results. A bounded number of items is in flight or waits to be taken: the source is read
 * no further ahead of the consumer. (`pooledMap` of @std/async reads the whole source whatever its
 * consumer does, and leaves rejections unhandled when its loop is left early.)
 *
 * @param items The source, which is opened when the loop asks for the first result.
 * @param calls Submits the task of each item.
 * @throws {TypeError} If `items` is not iterable.
 */
export function mapItems<T, R, C>(
  items: Source<T>,
  settings: MapSettings,
  calls: ItemCalls<T, C>,
): MapResults<R> {
  const loop = new MapLoop<T, R, C>(opener(items), settings, calls);
  return closeWhenCollected((handle) => {
    handle.close = () => loop.close(false);
    return new MapResults(loop);
  });
}

/**
 * The method of a source that opens the source.
 *
 * @throws {TypeError} If the source has no such method.
 */
function opener<T>(items: Source<T>): () => Iterator<T> | AsyncIterator<T> {
  // A string is a source, too: of its characters.
  const { [Symbol.asyncIterator]: openAsync, [Symbol.iterator]: open } = (items ?? {}) as Partial<
    AsyncIterable<T> & Iterable<T>
  >;
  const found: (() => Iterator<T> | AsyncIterator<T>) | undefined = openAsync ?? open;
  if (typeof found === "function") return () => found.call(items);
  throw new TypeError(
    "Cannot map what is not iterable: expected an array, a generator or a stream, received " +
      Deno.inspect(items, { depth: 0 }),
  );
}

/** A call of `next()`, `return()` or `throw()` that waits for its turn. */
interface Call<R> {
  readonly method: "next" | "return" | "throw";
  readonly given: unknown;
  readonly resolve: (result: IteratorResult<R, unknown>) => void;
  readonly reject: (reason: unknown) => void;
  next: Call<R> | undefined;
}

/**
 * The loop of a map: answers the calls of its iterator in their order, as an async generator does.
 * Reading a generator's next value takes several turns of promises; a loop that has a result answers at
 * once. The loop refers to the iterator only while a call waits.
 */
class MapLoop<T, R, C> {
  readonly #open: () => Iterator<T> | AsyncIterator<T>;
  readonly #settings: MapSettings;
  readonly #calls: ItemCalls<T, C>;
  /** Reads the source, from the first `next()` to the end of the loop. */
  #reader: ItemReader<T, C> | undefined;
  #hasEnded = false;
  #isAborted = false;
  #stopListening: (() => void) | undefined;
  /** The calls that have no answer. */
  #first: Call<R> | undefined;
  #last: Call<R> | undefined;
  /** Whether a call is being answered: code of the source's, run by the answer, may call again. */
  #isBusy = false;
  /** The iterator, while a call waits: nobody else may hold the iterator. */
  #iterator: unknown;

  constructor(
    open: () => Iterator<T> | AsyncIterator<T>,
    settings: MapSettings,
    calls: ItemCalls<T, C>,
  ) {
    this.#open = open;
    this.#settings = settings;
    this.#calls = calls;
  }

  /** Answers `next()`, at once if the result is there. */
  next(iterator: unknown): Promise<IteratorResult<R, unknown>> {
    const reader = this.#reader;
    if (reader !== undefined && !this.#isBusy && this.#first === undefined && !this.#isAborted) {
      const item = reader.ready;
      if (item?.state === RETURNED && !reader.isResting) {
        this.#isBusy = true;
        reader.readOn();
        this.#isBusy = false;
        reader.take(item);
        if (this.#first !== undefined) this.#answerAll();
        return Promise.resolve({ done: false, value: item.outcome as R });
      }
    }
    return this.ask("next", undefined, iterator);
  }

  /** Answers a call in its turn. */
  ask(
    method: Call<R>["method"],
    given: unknown,
    iterator: unknown,
  ): Promise<IteratorResult<R, unknown>> {
    const { promise, resolve, reject } = Promise.withResolvers<IteratorResult<R, unknown>>();
    const call = { method, given, resolve, reject, next: undefined };
    if (this.#first === undefined) this.#first = call;
    else this.#last!.next = call;
    this.#last = call;
    this.#iterator = iterator;
    this.#answerAll();
    return promise;
  }

  /** Ends the loop. */
  async close(failed: boolean): Promise<void> {
    this.#hasEnded = true;
    this.#stopListening?.();
    const reader = this.#reader;
    this.#reader = undefined;
    await reader?.close(failed);
  }

  /** Answers the calls that can be answered now. */
  #answerAll(): void {
    if (this.#isBusy) return;
    this.#isBusy = true;
    for (let call = this.#first; call !== undefined; call = this.#first) {
      const answered = this.#answer(call);
      if (typeof answered === "object") {
        answered.then(() => {
          this.#first = call.next;
          this.#isBusy = false;
          this.#answerAll();
        });
        return;
      }
      if (!answered) break;
      this.#first = call.next;
    }
    this.#isBusy = false;
    if (this.#first === undefined) this.#iterator = undefined;
  }

  /** Answers a call now, later (then the promise resolves), or not yet (`false`). */
  #answer(call: Call<R>): boolean | Promise<void> {
    if (call.method === "throw") return this.#fail(call, call.given);
    if (call.method === "return") return this.#return(call);
    if (this.#hasEnded) {
      call.resolve({ done: true, value: undefined });
      return true;
    }
    if (this.#reader === undefined && !this.#begin(call)) return true;
    const reader = this.#reader!;
    // The source may abort the signal while it is read, and then never have an item.
    if (!this.#isAborted) reader.readOn();
    if (this.#isAborted) return this.#fail(call, this.#settings.signal!.reason);
    const item = reader.isResting ? undefined : reader.ready;
    if (item === undefined) {
      if (reader.isDone) return this.#end(call, undefined);
      reader.wait();
      return false;
    }
    reader.take(item);
    if (item.state === THROWN) return this.#fail(call, item.outcome);
    call.resolve({ done: false, value: item.outcome as R });
    return true;
  }

  /** Opens the source, at the first `next()`; `false` if the source cannot be opened. */
  #begin(call: Call<R>): boolean {
    try {
      this.#reader = new ItemReader(this.#open, this.#settings, this.#calls, this.#onNews);
    } catch (error) {
      this.#hasEnded = true;
      call.reject(error);
      return false;
    }
    const { signal } = this.#settings;
    if (signal === undefined) return true;
    this.#isAborted = signal.aborted;
    this.#stopListening = onAbort(signal, () => {
      this.#isAborted = true;
      this.#onNews();
    });
    return true;
  }

  /** Later, as the news may come from within the pool, and the next answer runs code of the source's. */
  readonly #onNews = (): void => {
    if (this.#reader?.isAwaited !== true) return;
    this.#reader.goOn();
    queueMicrotask(this.#onLater);
  };

  readonly #onLater = (): void => this.#answerAll();

  async #return(call: Call<R>): Promise<void> {
    try {
      const value = await call.given;
      await this.#end(call, value);
    } catch (error) {
      await this.#fail(call, error);
    }
  }

  async #end(call: Call<R>, value: unknown): Promise<void> {
    try {
      await this.close(false);
    } catch (error) {
      return call.reject(error);
    }
    call.resolve({ done: true, value });
  }

  async #fail(call: Call<R>, reason: unknown): Promise<void> {
    await this.close(true);
    call.reject(reason);
  }
}

/** The results of a map: what an async generator is to its consumer. */
export class MapResults<R> implements AsyncGenerator<R, unknown, undefined> {
  // deno-lint-ignore no-explicit-any -- a loop over any source
  readonly #loop: MapLoop<any, R, any>;

  // deno-lint-ignore no-explicit-any -- a loop over any source
  constructor(loop: MapLoop<any, R, any>) {
    this.#loop = loop;
  }

  next(): Promise<IteratorResult<R, unknown>> {
    return this.#loop.next(this);
  }

  return(value?: unknown): Promise<IteratorResult<R, unknown>> {
    return this.#loop.ask("return", value, this);
  }

  throw(reason: unknown): Promise<IteratorResult<R, unknown>> {
    return this.#loop.ask("throw", reason, this);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
