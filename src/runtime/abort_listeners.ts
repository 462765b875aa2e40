/**
 * Who is to be called when an abort signal aborts. A million tasks may share a signal, and to take a
 * listener off an `EventTarget` takes longer the more listeners there are. So each signal has one
 * listener of this package.
 */

/** Who may be called. */
export interface AbortListener {
  /** Whether to call no more; set before `stopListening()`. */
  readonly settled: boolean;
}

type Callback<T extends AbortListener> = (who: T, reason: unknown) => void;

/**
 * The listeners of a signal, in lists: to add to a map, and to delete, takes as long as a short task.
 * A list keeps settled listeners until they are as many as the others.
 */
class Listeners {
  /** How many are not settled, and how many there are. */
  #waiting = 0;
  #size = 0;
  readonly #lists = new Map<Callback<never>, AbortListener[]>();
  #latest: Callback<never> | undefined;
  #latestList: AbortListener[] = [];

  add(who: AbortListener, callback: Callback<never>): void {
    if (callback !== this.#latest) this.#find(callback);
    this.#latestList.push(who);
    this.#size++;
    this.#waiting++;
  }

  #find(callback: Callback<never>): void {
    this.#latest = callback;
    this.#latestList = this.#lists.get(callback) ?? [];
    this.#lists.set(callback, this.#latestList);
  }

  /** A listener was settled; `false` if no other waits. */
  removed(): boolean {
    if (--this.#waiting === 0) return false;
    if (this.#size > 2 * this.#waiting) this.#clean();
    return true;
  }

  #clean(): void {
    this.#size = 0;
    for (const list of this.#lists.values()) {
      let size = 0;
      for (const who of list) if (!who.settled) list[size++] = who;
      list.length = size;
      this.#size += size;
    }
  }

  call(reason: unknown): void {
    for (const [callback, list] of this.#lists) {
      for (const who of list) if (!who.settled) callback(who as never, reason);
    }
  }
}

const listened = new WeakMap<AbortSignal, Listeners>();

/** The signal asked for last, while anybody listens to the signal: most tasks share a signal. */
let latest: AbortSignal | undefined;
let latestListeners: Listeners | undefined;

function listenersOf(signal: AbortSignal): Listeners | undefined {
  return signal === latest ? latestListeners : listened.get(signal);
}

/** Calls `callback` when the signal aborts, with `who` and the reason, unless `who` is settled. */
export function listen<T extends AbortListener>(
  signal: AbortSignal,
  who: T,
  callback: Callback<T>,
): void {
  let listeners = listenersOf(signal);
  if (listeners === undefined) {
    listened.set(signal, listeners = new Listeners());
    signal.addEventListener("abort", callAll);
  }
  latest = signal;
  latestListeners = listeners;
  listeners.add(who, callback);
}

/** A listener was settled. A signal to which nobody listens has no listener. */
export function stopListening(signal: AbortSignal): void {
  if (listenersOf(signal)?.removed() === false) forget(signal);
}

function forget(signal: AbortSignal): void {
  listened.delete(signal);
  signal.removeEventListener("abort", callAll);
  if (signal !== latest) return;
  latest = undefined;
  latestListeners = undefined;
}

/**
 * Calls back when the signal aborts.
 *
 * @returns Stops listening.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const who = { settled: false };
  listen(signal, who, callback);
  return () => {
    if (who.settled) return;
    who.settled = true;
    stopListening(signal);
  };
}

function callAll({ target }: Event): void {
  const signal = target as AbortSignal;
  const listeners = listenersOf(signal);
  // First, as who is called is settled meanwhile.
  forget(signal);
  listeners?.call(signal.reason);
}
