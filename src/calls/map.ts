import type { AsyncContext } from "../runtime/async_context.ts";
import { onAbort } from "../runtime/abort_listeners.ts";
import { closeWhenCollected, type Handle } from "./abandoned.ts";
import { ItemReader, type Source, type Submitted } from "./item_reader.ts";

/** How a map reads its source, and yields the results. */
export interface MapSettings {
  /** How many items may be in flight or wait to be taken. */
  readonly limit: number;
  /** Whether the results come in the order of the items. */
  readonly ordered: boolean;
  /** Ends the loop at once, whatever has arrived. */
  readonly signal: AbortSignal | undefined;
  /** The async context in which the source is read, and the items are submitted. */
  readonly context: AsyncContext;
}

/**
 * Maps items to results. At most `limit` items are in flight or wait to be taken: the source is read
 * no further ahead of the consumer. (`pooledMap` of @std/async reads the whole source whatever its
 * consumer does, and leaves rejections unhandled when its loop is left early.)
 *
 * @param items The source, which is opened when the loop asks for the first result.
 * @param submit Submits the task of one item.
 * @throws {TypeError} If `items` is not iterable.
 */
export function mapItems<T, R>(
  items: Source<T>,
  settings: MapSettings,
  submit: (item: T) => Submitted<R>,
): AsyncGenerator<R, void, undefined> {
  const open = opener(items);
  return closeWhenCollected((handle) => map(open, settings, submit, handle));
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

async function* map<T, R>(
  open: () => Iterator<T> | AsyncIterator<T>,
  { limit, ordered, signal, context }: MapSettings,
  submit: (item: T) => Submitted<R>,
  handle: Handle,
): AsyncGenerator<R, void, undefined> {
  const reader = new ItemReader(open, limit, context, submit);
  const stopListening = signal && onAbort(signal, () => reader.wake());
  let failed = false;
  handle.close = async () => {
    stopListening?.();
    await reader.close(failed);
  };
  try {
    while (true) {
      signal?.throwIfAborted();
      reader.readOn();
      const item = reader.take(ordered);
      if (item !== undefined) yield await item.result;
      else if (reader.isDone) return;
      else await reader.changed();
    }
  } catch (error) {
    failed = true;
    throw error;
  } finally {
    await handle.close();
  }
}
