import { discard } from "../member/open_ends.ts";
import { type AsyncContext, runIn } from "../runtime/async_context.ts";

/** The source of a map's items. */
export type Source<T> = Iterable<T> | AsyncIterable<T>;

/** A submitted item: its result, and how to take the item back before its task has begun. */
export interface Submitted<R> {
  readonly result: Promise<R>;
  withdraw(): void;
}

/** An item that was read and not taken. */
interface Item<R> extends Submitted<R> {
  settled: boolean;
}

/** Reads the source of a map, submits the items, and keeps the items that the loop has not taken. */
export class ItemReader<T, R> {
  readonly #source: Iterator<T> | AsyncIterator<T>;
  readonly #limit: number;
  readonly #context: AsyncContext;
  readonly #submit: (item: T) => Submitted<R>;
  /** The items that were read and not taken, in the order of the source. */
  readonly #waiting: Item<R>[] = [];
  /** Whether the source was asked for an item, and has not answered. */
  #reading = false;
  /** Whether no more items are read. */
  #ended = false;
  /** Whether the source must be told when no more items are read: not after its own end or error. */
  #open = true;
  /** Resolves at the next `wake()`, which may come before the loop waits. */
  #change = Promise.withResolvers<void>();

  constructor(
    open: () => Iterator<T> | AsyncIterator<T>,
    limit: number,
    context: AsyncContext,
    submit: (item: T) => Submitted<R>,
  ) {
    this.#limit = limit;
    this.#context = context;
    this.#submit = submit;
    this.#source = runIn(context, open);
  }

  /** Whether the source has ended, and all items were taken. */
  get isDone(): boolean {
    return this.#ended && this.#waiting.length === 0;
  }

  /** Asks the source for an item, if the limit permits another item. */
  readOn(): void {
    if (this.#ended || this.#reading || this.#waiting.length >= this.#limit) return;
    runIn(this.#context, () => this.#read());
  }

  async #read(): Promise<void> {
    this.#reading = true;
    let given = false;
    try {
      const { done, value } = await this.#source.next();
      given = !done;
      if (done) this.#ended = true;
      else {
        const item = await value;
        // The loop may have been left meanwhile.
        if (!this.#ended) this.#add(this.#submit(item));
      }
    } catch (error) {
      // The error arrives in its turn, after the results of the items before.
      this.#ended = true;
      this.#add({ result: Promise.reject(error), withdraw: () => {} });
    }
    if (!given) this.#open = false;
    this.#reading = false;
    this.wake();
  }

  #add({ result, withdraw }: Submitted<R>): void {
    const item = { result, withdraw, settled: false };
    const settle = () => {
      item.settled = true;
      this.wake();
    };
    result.then(settle, settle);
    this.#waiting.push(item);
  }

  /** Takes an item whose result is there: the next in order, or, if not `ordered`, any item. */
  take(ordered: boolean): Submitted<R> | undefined {
    const index = ordered ? 0 : this.#waiting.findIndex(({ settled }) => settled);
    if (!this.#waiting[index]?.settled) return;
    return this.#waiting.splice(index, 1)[0];
  }

  /** Resolves when an item was read or has a result, or at a `wake()`, since the last call. */
  async changed(): Promise<void> {
    await this.#change.promise;
    this.#change = Promise.withResolvers();
  }

  /** Wakes the loop, if the loop waits or is about to. */
  wake(): void {
    this.#change.resolve();
  }

  /**
   * Takes back the items whose task has not begun, and closes the source.
   *
   * @param failed Whether the loop has an error to throw. An error of the source's end is told only to
   * a loop without another error.
   */
  async close(failed: boolean): Promise<void> {
    for (const { result, withdraw } of this.#waiting) {
      withdraw();
      result.then(discard, () => {});
    }
    this.#ended = true;
    if (!this.#open) return;
    const closed = runIn(this.#context, async () => await this.#source.return?.());
    const quiet = failed || this.#reading ? closed.catch(() => {}) : closed;
    // A source that is being read cannot end before it has an item: nobody waits for that.
    if (!this.#reading) await quiet;
  }
}
