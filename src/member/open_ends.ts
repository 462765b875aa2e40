import {
  adopt,
  ENDED,
  type EndState,
  HELD,
  lend,
  type Loan,
  type MovedEnd,
  refuse,
} from "../wire/values/moved_ends.ts";
import type { Guard } from "../wire/values/guards.ts";

/** A stream or port with an end here and an end in the worker. */
interface OpenEnd {
  /**
   * Ends the stream or port here. A port given to a task has no guard: the other end is the
   * caller's.
   */
  readonly guard: Guard | undefined;
  /** The state of the worker's end, as the worker has told. */
  state: EndState;
  /** Whether this side's end is open. */
  open: boolean;
  /** Whether a shutdown waits for the stream or port. */
  readonly isWork: boolean;
}

/** For each arrived value with streams or ports, a function that ends the streams and ports. */
const discards = new WeakMap<object, () => void>();

/**
 * Ends the streams and ports of an arrived value that nobody takes.
 *
 * @param value Any value.
 */
export function discard(value: unknown): void {
  if (typeof value === "object" && value !== null) discards.get(value)?.();
}

/** The streams and ports between a worker and its host. */
export class OpenEnds {
  readonly #ends = new Map<number, OpenEnd>();
  readonly #onFree: () => void;
  #lastId = 0;

  /**
   * Makes an empty list.
   *
   * @param onFree Is called when a stream or port no longer needs the worker.
   */
  constructor(onFree: () => void) {
    this.#onFree = onFree;
  }

  /** Whether there are no streams and ports. */
  get isEmpty(): boolean {
    return this.#ends.size === 0;
  }

  /** Whether a stream or port needs the worker: such a worker must not be retired. */
  get inUse(): boolean {
    return !this.isEmpty && this.#ends.values().some(isInUse);
  }

  /** Whether a shutdown waits for a stream or port. */
  get unfinished(): boolean {
    return !this.isEmpty && this.#ends.values().some((end) => end.isWork && isInUse(end));
  }

  /**
   * Readies arguments whose streams and ports move to the worker.
   *
   * @throws What structured clone throws.
   */
  lend(args: readonly unknown[], transferables: Iterable<Transferable>): Loan {
    const loan = lend(args, transferables, () => ++this.#lastId, (id) => this.#close(id));
    for (const { id } of loan.moved) {
      const guard = loan.guards.get(id);
      const isStream = guard !== undefined;
      this.#ends.set(id, { guard, state: HELD, open: isStream, isWork: isStream });
    }
    return loan;
  }

  /** The streams and ports of a loan could not be sent. */
  takeBack({ moved }: Loan, reason: unknown): void {
    for (const { id } of moved) {
      this.#ends.get(id)?.guard?.fail(reason);
      this.#ends.delete(id);
    }
  }

  /**
   * Takes the streams and ports of a value that the worker has sent; returns the value to pass on.
   *
   * @throws {TypeError} If the streams and ports do not fit; then all of them were ended.
   */
  adopt(value: unknown, moved: readonly MovedEnd[]): unknown {
    if (moved.some(({ id }) => this.#ends.has(id))) {
      const error = new TypeError("the worker names two streams alike");
      refuse(moved, error);
      throw error;
    }
    const values = [value];
    const adopted = adopt(values, moved, { onEnd: (id) => this.#close(id) });
    for (const { id, end, guard } of adopted) {
      // A worker that has moved a port away never tells of the port's end.
      const state = end instanceof MessagePort ? ENDED : HELD;
      this.#ends.set(id, { guard, state, open: true, isWork: true });
    }
    const ids = adopted.map(({ id }) => id);
    discards.set(values[0] as object, () => {
      const reason = new DOMException("The stream was left", "AbortError");
      for (const id of ids) this.#ends.get(id)?.guard?.fail(reason);
    });
    return values[0];
  }

  /** Whether a stream or port of this id was ever lent to the worker. */
  hasLent(id: number): boolean {
    return id <= this.#lastId;
  }

  /** The worker tells the state of its end. */
  setState(id: number, state: EndState): void {
    const end = this.#ends.get(id);
    if (end === undefined) return;
    end.state = state;
    this.#changed(id, end);
  }

  /** This side's end has ended. */
  #close(id: number): void {
    const end = this.#ends.get(id);
    if (end === undefined || !end.open) return;
    end.open = false;
    this.#changed(id, end);
  }

  #changed(id: number, end: OpenEnd): void {
    if (end.state === ENDED && !end.open) this.#ends.delete(id);
    if (!isInUse(end)) this.#onFree();
  }

  /** The worker is gone, or was given up: all readers and writers get this reason. */
  fail(reason: unknown): void {
    const ends = [...this.#ends.values()];
    this.#ends.clear();
    for (const { guard, open } of ends) if (open) guard?.fail(reason);
  }
}

function isInUse({ state, open }: OpenEnd): boolean {
  return state === HELD || (state === ENDED && open);
}
