/**
 * Noticing that a worker has died. A worker that ends by itself tells nobody, but Deno then
 * releases the lock it held. Waiting for the lock would keep the process alive as long as
 * the worker lives, so the locks of those that matter are looked at from time to time.
 */

import { locks } from "./locks.ts";
import { clearTimeout, setTimeout, type Timer } from "./timers.ts";

/** How often the locks are looked at, in ms. */
const INTERVAL = 25;

/** Who watches a lock. */
export interface Watcher {
  /** The lock is about to be looked at. */
  onLook(): void;
  /** The lock is free; called once. */
  onDeath(): void;
}

/** Who watches each lock. */
const watched = new Map<string, Watcher>();
/** How many of the watched keep the process alive: a caller waits for their task. */
let awaited = 0;
/** The next look; it is left to come when the last watch ends, as another one soon begins. */
let timer: Timer | undefined;
/** Whether the locks are being read: another look comes after that, if it is needed. */
let looking = false;

/**
 * Watches for the death of the worker that holds this lock.
 *
 * @param keepAlive Whether the process may not end before.
 * @param watcher Is told when the lock is free.
 * @returns Ends the watch.
 */
export function watch(lock: string, keepAlive: boolean, watcher: Watcher): () => void {
  watched.set(lock, watcher);
  if (keepAlive && awaited++ === 0 && timer !== undefined) Deno.refTimer(timer);
  if (timer === undefined && !looking) schedule();
  let ended = false;
  return () => {
    if (ended) return;
    ended = true;
    if (watched.get(lock) === watcher) watched.delete(lock);
    if (keepAlive) awaited--;
  };
}

function schedule(): void {
  timer = setTimeout(look, INTERVAL);
  if (awaited === 0) Deno.unrefTimer(timer);
}

async function look(): Promise<void> {
  timer = undefined;
  for (const watcher of [...watched.values()]) watcher.onLook();
  // A worker that is watched from now on may have taken its lock after the locks were read.
  const before = [...watched];
  if (before.length === 0) return;
  looking = true;
  const { held } = await locks!.query();
  looking = false;
  const alive = new Set(held.map(({ name }) => name));
  for (const [lock, watcher] of before) {
    if (!alive.has(lock) && watched.get(lock) === watcher) watcher.onDeath();
  }
  if (watched.size > 0 && timer === undefined) schedule();
}

/** Leaves no timer behind if nothing is watched. */
export function rest(): void {
  if (watched.size > 0) return;
  if (timer !== undefined) clearTimeout(timer);
  timer = undefined;
}

/** Resolves when the lock is free; with `false` if it is not after `patience` ms. */
export function released(lock: string, patience: number): Promise<boolean> {
  const signal = AbortSignal.timeout(patience);
  return locks!.request(lock, { signal }, () => true).catch(() => false);
}
