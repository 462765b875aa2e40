/** One item on its way: its result, and how to take it back if it has not begun. */
export interface Submitted<R> {
  readonly result: Promise<R>;
  withdraw(): void;
}

/**
 * Maps items to results, in order, as they come. At most `limit` items are in flight: the
 * source is read no further ahead of the consumer than that. (`pooledMap` of @std/async
 * reads the whole source whatever its consumer does, and rejects unhandled when its loop
 * is left early.)
 */
export async function* mapInOrder<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  limit: number,
  submit: (item: T) => Submitted<R>,
): AsyncGenerator<R, void, undefined> {
  const source = Symbol.asyncIterator in items
    ? items[Symbol.asyncIterator]()
    : items[Symbol.iterator]();
  const inFlight: Submitted<R>[] = [];
  let reading: Promise<void> | undefined;
  let ended = false;

  const read = async () => {
    try {
      const { done, value } = await source.next();
      if (done) ended = true;
      else inFlight.push(submit(await value));
    } catch (error) {
      // It arrives in its turn, after the results of the items before.
      ended = true;
      inFlight.push({ result: Promise.reject(error), withdraw: () => {} });
    }
    inFlight.at(-1)?.result.catch(() => {});
    reading = undefined;
  };

  try {
    while (true) {
      if (!ended && inFlight.length < limit) reading ??= read();
      const [head] = inFlight;
      if (reading !== undefined) {
        await Promise.race([reading, head?.result.then(() => {}, () => {}) ?? reading]);
        if (reading === undefined) continue;
      }
      if (head === undefined) return;
      inFlight.shift();
      yield await head.result;
    }
  } finally {
    for (const { withdraw } of inFlight) withdraw();
    if (!ended) {
      const returned = source.return?.();
      // A source that is being read cannot end before it has an item: nobody waits for that.
      if (reading === undefined) await returned;
    }
  }
}
