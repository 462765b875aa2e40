import { discard } from "../member/open_ends.ts";
import { Estimate } from "../member/task_record.ts";
import { type AsyncContext, runIn } from "../runtime/async_context.ts";
import { isThenable } from "../runtime/promises.ts";
import { isAfterStartup } from "../runtime/after_startup.ts";
import { clearTimeout, now, setTimeout, type Timer } from "../runtime/real_timers.ts";

/** The source of a map's items. */
export type Source<T> = Iterable<T> | AsyncIterable<T>;

/** What a map does with its items. */
export interface ItemCalls<T, C> {
  /**
   * Submits the task of an item.
   *
   * @param settle Is called once, with the result, or with a promise that rejects.
   */
  submit(item: T, settle: (outcome: unknown) => void): C;
  /** Takes back a call, unless its task has begun. */
  withdraw(call: C): void;
  /**
   * How many items of these tasks are worth reading ahead, by the time that the tasks take.
   *
   * @param pending How many items have no result yet.
   * @param late Whether the source answers later: what is asked for now is submitted at any time.
   */
  ahead(pending: number, late: boolean): number;
}

/** How far a source is read ahead. */
export interface ReadingSettings {
  /** Whether the results come in the order of the items. */
  readonly ordered: boolean;
  /** How many items may be in flight or wait to be taken; more while the tasks are short, if `grows`. */
  readonly limit: number;
  /** Whether more items than `limit` are read while the tasks are short. */
  readonly grows: boolean;
  /** As many items are kept in flight, if `limit` permits: they keep all workers busy. */
  readonly busy: number;
  /** The async context in which the source is read, and the items are submitted. */
  readonly context: AsyncContext;
}

/** Whether an item has a result, or an error. */
export const PENDING = 0, RETURNED = 1, THROWN = 2;

/** An item that was read and not taken: a place in the list of these items. */
class Item<C> {
  state: typeof PENDING | typeof RETURNED | typeof THROWN = PENDING;
  /** The result, or the error. */
  outcome: unknown;
  call: C | undefined;
  previous: Item<C> | undefined;
  next: Item<C> | undefined;
  /** The item that was settled next. */
  nextSettled: Item<C> | undefined;
}

/** A map hands out results, reads and waits in turns; a turn is to take at most this many ms. */
const TURN_MS = 2;
/** A loop that has not had to wait for this many ms is slow. */
const LONG_TURN_MS = 8;
/**
 * A map that has not waited for long rests once in this many ms, until a timer has called back.
 * Promises come before other events, and so do messages while more of them arrive: a map that goes on
 * with each message could leave no time to timers and connections.
 */
const MAX_UNRESTED_MS = 20, MAX_UNRESTED_AT_STARTUP_MS = 100;
/** A loop that waits for longer, in ms, does not wait for short tasks. */
const LONG_WAIT_MS = 4;
/** For at most this many ms items are read while a result waits to be taken. */
const READING_MS = 1;
/** The clock is read once per this many items. */
const CLOCK_ITEMS = 32;

/** Reads the source of a map, submits the items, and keeps the items that the loop has not taken. */
export class ItemReader<T, C> {
  readonly #source: Iterator<T> | AsyncIterator<T>;
  readonly #calls: ItemCalls<T, C>;
  readonly #settings: ReadingSettings;
  readonly #onNews: () => void;
  /** Whether the loop waits for news: a result, the end, or an error. */
  isAwaited = false;
  /** The items that were read and not taken, in the order of the source. */
  #first: Item<C> | undefined;
  #last: Item<C> | undefined;
  #size = 0;
  /** How many items have no result yet. */
  #pending = 0;
  /** The items with a result, in the order of the results; for a loop without an order. */
  #firstSettled: Item<C> | undefined;
  #lastSettled: Item<C> | undefined;
  /** Whether the source was asked for an item, and has not answered. */
  #isReading = false;
  /** Whether the source has answered later. */
  #isLate = false;
  /** Whether no more items are read. */
  #hasEnded = false;
  /** Whether the source must be told when no more items are read: not after its own end or error. */
  #isOpen = true;
  #isClosed = false;

  /** How many items may be in flight or wait to be taken, by what the loop and the tasks do. */
  #window: number;
  /** The same at this moment. */
  #limit: number;
  /** The timer of a rest, and when the latest rest ended, in ms. */
  #rest: Timer | undefined;
  #restedAt = now();
  /** How many more items must be taken before more than `limit` are read: by then their time is known. */
  #unproven: number;
  /** How many items the loop has taken since its latest wait, and when the wait ended. */
  #taken = 0;
  #turnBegan = now();
  /** When the wait began. */
  #waitBegan = 0;
  /** How long the loop takes for an item: to read and submit an item, and to use a result. */
  readonly #handling = new Estimate();

  /**
   * Opens a source.
   *
   * @param onNews Is called when the loop waits, and there is a result, the end or an error.
   */
  constructor(
    open: () => Iterator<T> | AsyncIterator<T>,
    settings: ReadingSettings,
    calls: ItemCalls<T, C>,
    onNews: () => void,
  ) {
    this.#settings = settings;
    this.#calls = calls;
    this.#onNews = onNews;
    this.#window = this.#limit = this.#unproven = settings.limit;
    this.#source = runIn(settings.context, open);
  }

  /** Whether the source has ended, and all items were taken. */
  get isDone(): boolean {
    return this.#hasEnded && this.#size === 0;
  }

  /** The next item to be taken, if its result or error is there. */
  get ready(): Item<C> | undefined {
    if (!this.#settings.ordered) return this.#firstSettled;
    return this.#first?.state === PENDING ? undefined : this.#first;
  }

  /** Whether the map rests: no item is read or taken until other events have had their turn. */
  get isResting(): boolean {
    return this.#rest !== undefined;
  }

  /** Takes the item that is ready. */
  take(item: Item<C>): void {
    if (item === this.#firstSettled) this.#firstSettled = item.nextSettled;
    const { previous, next } = item;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    this.#size--;
    this.#taken++;
  }

  /**
   * Asks the source for items, if another item may be read. While a result waits to be taken, and the
   * workers have enough to do, items are read by the half window: a message takes many items.
   */
  readOn(): void {
    if (this.#hasEnded || this.#isReading || this.isResting || this.#size >= this.#limit) return;
    if (
      this.#pending >= this.#settings.busy && this.#size * 2 > this.#limit &&
      this.ready !== undefined
    ) return;
    runIn(this.#settings.context, this.#fill);
  }

  readonly #fill = (): void => {
    const begun = now();
    // To load the timers takes some ms, which the first tasks of a program had better not wait for.
    const most = isAfterStartup() ? MAX_UNRESTED_MS : MAX_UNRESTED_AT_STARTUP_MS;
    if (begun - this.#restedAt > most) {
      this.#rest = setTimeout(this.#onRested, 0);
      return;
    }
    this.#limit = this.#limitAt(begun);
    let look = 1;
    for (let read = 1; this.#size < this.#limit && this.#read(); read++) {
      if (read < look) continue;
      look += Math.min(look, CLOCK_ITEMS);
      if (this.ready !== undefined && now() - begun > READING_MS) break;
    }
  };

  /** How many items may be in flight or wait to be taken at this time. */
  #limitAt(time: number): number {
    const { limit } = this.#settings;
    // A slow loop finds its results there, however few items are read ahead.
    if (time - this.#turnBegan > LONG_TURN_MS) this.#window = Math.max(limit, this.#window / 2);
    if (this.#window <= limit) return limit;
    const ahead = this.#calls.ahead(this.#pending, this.#isLate);
    return Math.max(limit, Math.min(this.#window, ahead));
  }

  /** Other events have had their turn. */
  readonly #onRested = (): void => {
    this.#rest = undefined;
    this.#restedAt = now();
    if (this.isAwaited) this.#onNews();
  };

  /** Asks the source for an item; returns whether the next can be asked for at once. */
  #read(): boolean {
    this.#isReading = true;
    let step: IteratorResult<T> | PromiseLike<IteratorResult<T>>;
    try {
      step = this.#source.next();
      if (isThenable(step)) {
        this.#isLate = true;
        Promise.resolve(step as PromiseLike<IteratorResult<T>>).then(this.#onStep, this.#onBroken);
        return false;
      }
      return this.#takeStep(step);
    } catch (error) {
      return this.#break(error);
    }
  }

  readonly #onStep = (step: IteratorResult<T>): void => {
    try {
      this.#takeStep(step);
    } catch (error) {
      this.#break(error);
    }
    this.#goOn();
  };

  readonly #onBroken = (error: unknown): void => {
    this.#break(error);
    this.#goOn();
  };

  readonly #onItem = (item: T): void => {
    this.#add(item);
    this.#goOn();
  };

  readonly #onItemBroken = (error: unknown): void => {
    this.#fail(error);
    this.#goOn();
  };

  /** The source has answered later: reads on while the loop waits. */
  #goOn(): void {
    if (this.#isReading || !this.isAwaited || this.isResting) return;
    if (this.ready !== undefined || this.isDone) return this.#onNews();
    while (!this.#hasEnded && this.#size < this.#limit && this.#read());
  }

  #takeStep({ done, value }: IteratorResult<T>): boolean {
    if (done) {
      this.#isOpen = this.#isReading = false;
      this.#hasEnded = true;
      return false;
    }
    try {
      if (!isThenable(value)) return this.#add(value);
      this.#isLate = true;
      Promise.resolve(value).then(this.#onItem as (item: unknown) => void, this.#onItemBroken);
    } catch (error) {
      this.#fail(error);
    }
    return false;
  }

  /** The source is broken: there is nothing to be closed. */
  #break(error: unknown): false {
    this.#isOpen = false;
    return this.#fail(error);
  }

  /** The error arrives in its turn, after the results of the items before. */
  #fail(error: unknown): false {
    this.#isReading = false;
    if (this.#hasEnded) return false;
    this.#hasEnded = true;
    this.#settle(this.#append(), THROWN, error);
    return false;
  }

  #append(): Item<C> {
    const item = new Item<C>();
    const last = this.#last;
    item.previous = last;
    if (last === undefined) this.#first = item;
    else last.next = item;
    this.#last = item;
    this.#size++;
    this.#pending++;
    return item;
  }

  /** Submits an item; `false` if no more items are to be read. */
  #add(value: T): boolean {
    // The loop may have been left meanwhile.
    if (this.#hasEnded) return this.#isReading = false;
    const item = this.#append();
    try {
      item.call = this.#calls.submit(value, (outcome) => this.#returned(item, outcome));
    } catch (error) {
      this.#hasEnded = true;
      this.#settle(item, THROWN, error);
    }
    this.#isReading = false;
    return !this.#hasEnded;
  }

  /** A task has returned, or failed: then `outcome` is a promise. */
  #returned(item: Item<C>, outcome: unknown): void {
    if (this.#isClosed) drop(outcome);
    else if (!isThenable(outcome)) this.#settle(item, RETURNED, outcome);
    else {
      Promise.resolve(outcome).then(
        (value) => this.#settle(item, RETURNED, value),
        (error) => this.#settle(item, THROWN, error),
      );
    }
  }

  #settle(item: Item<C>, state: typeof RETURNED | typeof THROWN, outcome: unknown): void {
    if (this.#isClosed) return discard(outcome);
    item.state = state;
    item.outcome = outcome;
    item.call = undefined;
    this.#pending--;
    if (!this.#settings.ordered) {
      if (this.#firstSettled === undefined) this.#firstSettled = item;
      else this.#lastSettled!.nextSettled = item;
      this.#lastSettled = item;
    }
    if (this.isAwaited && !this.isResting && this.ready !== undefined) this.#onNews();
  }

  /** The loop has to wait: there is no result to be taken. */
  wait(): void {
    this.isAwaited = true;
    if (this.#taken === 0) return;
    const time = this.#waitBegan = now();
    this.#handling.learn((time - this.#turnBegan) / this.#taken);
    const most = TURN_MS / this.#handling.ms;
    this.#window = Math.max(this.#settings.limit, Math.min(this.#window, most));
    this.#unproven -= this.#taken;
    this.#taken = 0;
  }

  /**
   * The loop need not wait any more. More is read ahead from now on if the loop has waited for a moment
   * though everything was read.
   */
  goOn(): void {
    this.isAwaited = false;
    if (this.ready === undefined) return;
    const time = this.#turnBegan = now();
    if (time - this.#waitBegan > LONG_WAIT_MS) this.#restedAt = time;
    else if (this.#settings.grows && this.#size >= this.#limit && this.#unproven <= 0) {
      this.#window *= 2;
    }
  }

  /**
   * Takes back the items whose task has not begun, and closes the source.
   *
   * @param failed Whether the loop has an error to throw. An error of the source's end is told only to
   * a loop without another error.
   */
  async close(failed: boolean): Promise<void> {
    this.#isClosed = this.#hasEnded = true;
    if (this.#rest !== undefined) clearTimeout(this.#rest);
    this.isAwaited = false;
    for (let item = this.#first; item !== undefined; item = item.next) {
      if (item.state === RETURNED) discard(item.outcome);
      if (item.call !== undefined) this.#calls.withdraw(item.call);
    }
    this.#first = this.#last = this.#firstSettled = undefined;
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const closed = runIn(this.#settings.context, async () => await this.#source.return?.());
    const quiet = failed || this.#isReading ? closed.catch(() => {}) : closed;
    // A source that is being read cannot end before it has an item: nobody waits for that.
    if (!this.#isReading) await quiet;
  }
}

/** Drops the outcome of a task that nobody takes. */
function drop(outcome: unknown): void {
  if (outcome instanceof Promise) outcome.then(discard, () => {});
  else discard(outcome);
}
