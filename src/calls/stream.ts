import { closeWhenCollected, type Handle } from "./abandoned.ts";
import { discard } from "../member/open_ends.ts";
import { WINDOW } from "../wire/protocol.ts";

/** A stream that a worker has begun, or will. */
export interface OpenedStream {
  /** Resolves when all was yielded. */
  readonly result: Promise<unknown>;
  /** Allows it to send so many values more. */
  pull(count: number): void;
  /** Ends it, whatever it does. */
  close(): void;
}

/**
 * Reads a stream: it begins with the first value that is asked for, and ends with its loop, or when
 * nobody has it any more.
 *
 * @param open Begins it; each value that arrives goes to `onValue`.
 * @param signal Gives up what has arrived, too.
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
  /** What has arrived and was not taken. */
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
        // Asked for by the half: each message costs as much as a small value.
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
