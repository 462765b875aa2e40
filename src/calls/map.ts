import { onAbort } from "../runtime/abort_listeners.ts";
import { closeWhenCollected, type Handle } from "./abandoned.ts";
import { discard } from "../member/open_ends.ts";
import { type AsyncContext, runIn } from "../runtime/async_context.ts";

/** One item on its way: its result, and how to take it back if it has not begun. */
export interface Submitted<R> {
  readonly result: Promise<R>;
  withdraw(): void;
}

/** An item that was read: what came of it, or of reading it. */
interface Item<R> extends Submitted<R> {
  settled: boolean;
}

/** Where the arguments of a map come from. */
type Source<T> = Iterable<T> | AsyncIterable<T>;

/**
 * What opens a source.
 *
 * @throws {TypeError} If it is no source.
 */
export function opener<T>(items: Source<T>): () => Iterator<T> | AsyncIterator<T> {
  // A string is one, too: of its characters.
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

/**
 * Maps items to results, as they come, in the order of the items or of the results. At most
 * `limit` items are in flight or wait to be taken: the source is read no further ahead of the
 * consumer than that. (`pooledMap` of @std/async reads the whole source whatever its consumer
 * does, and rejects unhandled when its loop is left early.)
 *
 * @param openSource Opens the source of the items.
 * @param signal Ends it at once, whatever has come by then.
 * @param context The async context in which the source is read, and the items are submitted.
 */
export function mapItems<T, R>(
  openSource: () => Iterator<T> | AsyncIterator<T>,
  limit: number,
  ordered: boolean,
  signal: AbortSignal | undefined,
  context: AsyncContext,
  submit: (item: T) => Submitted<R>,
): AsyncGenerator<R, void, undefined> {
  return closeWhenCollected((handle) =>
    map(openSource, limit, ordered, signal, context, submit, handle)
  );
}

async function* map<T, R>(
  openSource: () => Iterator<T> | AsyncIterator<T>,
  limit: number,
  ordered: boolean,
  signal: AbortSignal | undefined,
  context: AsyncContext,
  submit: (item: T) => Submitted<R>,
  handle: Handle,
): AsyncGenerator<R, void, undefined> {
  const source = runIn(context, openSource);
  /** What was read and not taken, in the order of the items. */
  const waiting: Item<R>[] = [];
  let reading = false;
  /** Whether no more is read. */
  let ended = false;
  /** Whether the source has to be told when no more is read: one that is done or has failed knows. */
  let open = true;
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
    let given = false;
    try {
      const { done, value } = await source.next();
      given = !done;
      if (done) ended = true;
      else {
        const item = await value;
        // The loop may have been left meanwhile.
        if (!ended) add(submit(item));
      }
    } catch (error) {
      // It arrives in its turn, after the results of the items before.
      ended = true;
      add({ result: Promise.reject(error), withdraw: () => {} });
    }
    if (!given) open = false;
    reading = false;
    change.resolve();
  };

  const stopListening = signal && onAbort(signal, () => change.resolve());
  let failed = false;
  handle.close = async () => {
    stopListening?.();
    for (const { result, withdraw } of waiting) {
      withdraw();
      result.then(discard, () => {});
    }
    ended = true;
    if (!open) return;
    const closed = runIn(context, async () => await source.return?.());
    // How that fails is told only to a consumer who would not learn of anything else.
    const quiet = failed || reading ? closed.catch(() => {}) : closed;
    // A source that is being read cannot end before it has an item: nobody waits for that.
    if (!reading) await quiet;
  };
  try {
    while (true) {
      signal?.throwIfAborted();
      if (!ended && !reading && waiting.length < limit) runIn(context, read);
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
  } catch (error) {
    failed = true;
    throw error;
  } finally {
    await handle.close();
  }
}
