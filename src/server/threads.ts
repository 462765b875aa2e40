import { onStopSignal } from "./stop_signals.ts";

/** What the name of each lock begins with that a thread of this process holds while it serves. */
const LOCK_PREFIX = "@genro/executor serves ";

/** Web Locks, which Deno has since 2.9; its type library does not name them yet. */
const { locks } = navigator as unknown as {
  locks?: {
    request(name: string, callback: () => Promise<void>): Promise<void>;
    query(): Promise<{ held: { name: string; clientId: string }[] }>;
  };
};

/** How many locks this thread holds: one for each app. */
let ownLocks = 0;

/**
 * Says that this thread serves, until the process is told to end. `deno serve --parallel` tells
 * a thread nothing of the others, but they share their locks.
 *
 * @param onEnding Is called when the process is told to end.
 * @returns How many there are; to be called when all have had the time to start.
 */
export function announceThread(onEnding: () => void): () => Promise<number> {
  // Such a Deno does not end `deno serve` in order either: a listener here would only keep the
  // signal from ending it.
  if (locks === undefined) return () => Promise.resolve(1);
  const ending = Promise.withResolvers<void>();
  const end = () => {
    // A lock that is held keeps the process alive, and a listener from being killed.
    ending.resolve();
    ignore();
    onEnding();
  };
  const ignore = onStopSignal(end);
  ownLocks++;
  // Workers share the locks of their program, and a task may steal this one.
  locks.request(LOCK_PREFIX + crypto.randomUUID(), () => ending.promise).catch(() => {});
  return async () => {
    const { held } = await locks.query();
    const present = held.filter(({ name }) => name.startsWith(LOCK_PREFIX));
    const byThread = Object.values(Object.groupBy(present, ({ clientId }) => clientId));
    // All threads run the same program. A worker whose task takes locks of its own counts as one.
    const counts = byThread.map((locks) => Math.min(locks!.length, ownLocks));
    return Math.max(1, counts.reduce((sum, count) => sum + count, 0));
  };
}
