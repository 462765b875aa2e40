import { onAbort } from "./abort.ts";

/** One item on its way: its result, and how to take it back if it has not begun. */
export interface Submitted<R> {
  readonly result: Promise<R>;
  withdraw(): void;
}

/** An item that was read: what came of it, or of reading it. */
interface Item<R> extends Submitted<R> {
  settled: boolean;
}

/**
 * Maps items to results, as they come, in the order of the items or of the results. At most
 * `limit` items are in flight or wait to be taken: the source is read no further ahead of the
 * consumer than that. (`pooledMap` of @std/async reads the whole source whatever its consumer
 * does, and rejects unhandled when its loop is left early.)
 *
 * @param signal Ends it at once, whatever has come by then.
 */
export async function* mapItems<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  limit: number,
  ordered: boolean,
  signal: AbortSignal | undefined,
  submit: (item: T) => Submitted<R>,
): AsyncGenerator<R, void, undefined> {
  const source = Symbol.asyncIterator in items
    ? items[Symbol.asyncIterator]()
    : items[Symbol.iterator]();
  /** What was read and not taken, in the order of the items. */
  const waiting: Item<R>[] = [];
  let reading = false;
  let ended = false;
  let change = Promise.withResolvers<void>();

  const add = ({ result, withdraw }: Submitted<R>) => {
    const item = { result, withdraw, settled: false };
    const settle = () => {
      item.settled = true;
      change.resolve();
    };
    result.then(settle, settle);
    waiting.push(item);
  };
  const read = async () => {
    reading = true;
    try {
      const { done, value } = await source.next();
      if (done) ended = true;
      else add(submit(await value));
    } catch (error) {
      // It arrives in its turn, after the results of the items before.
      ended = true;
      add({ result: Promise.reject(error), withdraw: () => {} });
    }
    reading = false;
    change.resolve();
  };

  const stopListening = signal && onAbort(signal, () => change.resolve());
  try {
    while (true) {
      signal?.throwIfAborted();
      if (!ended && !reading && waiting.length < limit) read();
      const next = ordered ? 0 : waiting.findIndex(({ settled }) => settled);
      if (waiting[next]?.settled) {
        const [{ result }] = waiting.splice(next, 1) as [Item<R>];
        yield await result;
      } else if (ended && waiting.length === 0) {
        return;
      } else {
        await change.promise;
        change = Promise.withResolvers();
      }
    }
  } finally {
    stopListening?.();
    for (const { withdraw } of waiting) withdraw();
    if (!ended) {
      const returned = source.return?.();
      // A source that is being read cannot end before it has an item: nobody waits for that.
      if (!reading) await returned;
    }
  }
}
