import { discard } from "../member/open_ends.ts";
import { WINDOW } from "../wire/protocol.ts";
import { closeWhenCollected, type Handle } from "./abandoned.ts";

/** A stream whose task was submitted. */
export interface OpenedStream {
  /** Resolves when the task has yielded all values. */
  readonly result: Promise<unknown>;
  /** Lets the worker send more values. */
  pull(count: number): void;
  /** Ends the task. */
  close(): void;
}

/**
 * Reads a stream. The stream begins when the loop asks for the first value, and ends with the loop, or
 * when the garbage collector takes the iterator.
 *
 * @param open Submits the task. Each value that arrives goes to `onValue`.
 * @param signal Ends the loop at once. Values that have arrived are dropped.
 */
export function readStream<T>(
  open: (onValue: (value: T) => void) => OpenedStream,
  signal: AbortSignal | undefined,
): AsyncGenerator<T, void, undefined> {
  return closeWhenCollected((handle) => read(open, signal, handle));
}

async function* read<T>(
  open: (onValue: (value: T) => void) => OpenedStream,
  signal: AbortSignal | undefined,
  handle: Handle,
): AsyncGenerator<T, void, undefined> {
  /** The values that have arrived and were not taken. */
  const values: T[] = [];
  let arrival = Promise.withResolvers<void>();
  let ended = false;
  const { result, pull, close } = open((value) => {
    values.push(value);
    arrival.resolve();
  });
  handle.close = () => {
    close();
    for (const value of values) discard(value);
  };
  const end = () => {
    ended = true;
    arrival.resolve();
  };
  result.then(end, end);
  try {
    for (let taken = 0;;) {
      if (values.length > 0 && !signal?.aborted) {
        // One message for half of the window, as a message costs as much as a small value.
        if (++taken === WINDOW / 2) {
          pull(taken);
          taken = 0;
        }
        yield values.shift()!;
      } else if (ended) {
        await result;
        return;
      } else {
        await arrival.promise;
        arrival = Promise.withResolvers();
      }
    }
  } finally {
    handle.close();
  }
}
