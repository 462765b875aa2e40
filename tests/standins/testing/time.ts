/** A time that passes only when it is told to. */
export class FakeTime {
  now: number = Date.now();
  readonly #timers = new Map<number, { due: number; call: () => void }>();
  readonly #real = { setTimeout, clearTimeout, Date };
  readonly #realTimeout = AbortSignal.timeout;
  #lastId = 0;

  constructor() {
    const faked = () => this.now;
    Object.assign(globalThis, {
      setTimeout: (call: () => void, delay = 0) => {
        this.#timers.set(++this.#lastId, { due: this.now + delay, call });
        return this.#lastId;
      },
      clearTimeout: (id: number) => void this.#timers.delete(id),
      Date: class extends Date {
        static override now = faked;
      },
    });
    AbortSignal.timeout = (delay) => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(new DOMException("Timed out", "TimeoutError")), delay);
      return controller.signal;
    };
  }

  tick(ms = 0): void {
    const end = this.now + ms;
    while (true) {
      const [next] = [...this.#timers].sort(([, a], [, b]) => a.due - b.due);
      if (next === undefined || next[1].due > end) break;
      this.#timers.delete(next[0]);
      this.now = next[1].due;
      next[1].call();
    }
    this.now = end;
  }

  restore(): void {
    Object.assign(globalThis, this.#real);
    AbortSignal.timeout = this.#realTimeout;
  }

  [Symbol.dispose](): void {
    this.restore();
  }
}
