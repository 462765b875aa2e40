import { onStopSignal } from "./stop_signals.ts";

/** The beginning of the names of the locks that the serving threads of this process hold. */
const LOCK_PREFIX = "@genro/executor serves ";

/** Web Locks, which Deno has since 2.9; its type library does not name them yet. */
const { locks } = navigator as unknown as {
  locks?: {
    request(name: string, callback: () => Promise<void>): Promise<void>;
    query(): Promise<{ held: { name: string; clientId: string }[] }>;
  };
};

/** How many locks this thread holds: a lock for each app. */
let ownLocks = 0;

/**
 * Announces that this thread serves, until the process is told to end. `deno serve --parallel` tells a
 * thread nothing of the other threads, but all threads share their locks.
 *
 * @param onEnding Called when the process is told to end.
 * @returns Counts the threads that serve, for when all threads have had the time to start.
 */
export function announceThread(onEnding: () => void): () => Promise<number> {
  // A Deno without locks does not end `deno serve` in order either: a listener here would only keep
  // the signal from ending the process.
  if (locks === undefined) return () => Promise.resolve(1);
  const ending = Promise.withResolvers<void>();
  const end = () => {
    // A held lock keeps the process alive, and a listener keeps the signal from ending the process.
    ending.resolve();
    ignore();
    onEnding();
  };
  const ignore = onStopSignal(end);
  ownLocks++;
  // Workers share the locks of their program, and a task may steal this lock.
  locks.request(LOCK_PREFIX + crypto.randomUUID(), () => ending.promise).catch(() => {});
  return async () => {
    const { held } = await locks.query();
    const present = held.filter(({ name }) => name.startsWith(LOCK_PREFIX));
    const byThread = Object.values(Object.groupBy(present, ({ clientId }) => clientId));
    // All threads run the same program, with as many apps. A worker whose task takes such locks counts
    // as a thread.
    const counts = byThread.map((locks) => Math.min(locks!.length, ownLocks));
    return Math.max(1, counts.reduce((sum, count) => sum + count, 0));
  };
}
