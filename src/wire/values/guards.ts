/**
 * A stream that is transferred goes on through a port, and Deno does not end it when the thread at
 * the other end dies: its reader waits for ever. So each side puts a stream of its own in the way,
 * which knows when the transferred stream has ended, and can be ended from outside. A port that has
 * arrived has a guard, too.
 */

import { lazyGlobal } from "../../runtime/lazy_global.ts";

// Streams of a polyfill cannot move.
const readableClass = lazyGlobal<typeof ReadableStream>("ReadableStream");
const writableClass = lazyGlobal<typeof WritableStream>("WritableStream");
const transformClass = lazyGlobal<typeof TransformStream>("TransformStream");

/** Whether a value is a stream of Deno's that is read. */
export function isReadable(value: unknown): value is ReadableStream {
  return value instanceof readableClass();
}

/** Whether a value is a stream of Deno's that is written to. */
export function isWritable(value: unknown): value is WritableStream {
  return value instanceof writableClass();
}

/** Whether a value is one of Deno's pairs of streams. */
export function isTransform(value: unknown): value is TransformStream {
  return value instanceof transformClass();
}

/** Makes a pair of streams, of which the halves are to be replaced. */
export function newTransform(): TransformStream {
  return new (transformClass())();
}

/** How a guarded stream or port can be ended, whatever its other side does. */
export interface Guard {
  /**
   * Errors the stream for whoever reads or writes it on one side, and cancels or aborts the other.
   */
  fail(reason: unknown): void;
}

/** What a guard tells. */
export interface GuardEvents {
  /** Somebody reads the stream, or writes to it. */
  onUse?(): void;
  /** The stream has ended: it was closed, errored, cancelled or aborted. */
  onEnd(): void;
}

/**
 * A stream in the place of another, and its guard, which does not keep the stream from being
 * collected.
 */
export interface Guarded<S> {
  readonly stream: S;
  readonly guard: Guard;
}

/** Guards a stream that is read. */
export function guardReadable(
  source: ReadableStream,
  events: GuardEvents,
): Guarded<ReadableStream> {
  const guard = new ReadableGuard(source.getReader(), events);
  // Nothing is read ahead: the transferred stream holds as much back as it would without a guard.
  return { stream: new (readableClass())(guard, { highWaterMark: 0 }), guard };
}

/** Guards a stream that is written to. */
export function guardWritable(
  sink: WritableStream,
  events: GuardEvents,
): Guarded<WritableStream> {
  const guard = new WritableGuard(sink.getWriter(), events);
  return { stream: new (writableClass())(guard, { highWaterMark: 1 }), guard };
}

class ReadableGuard implements Guard, UnderlyingDefaultSource {
  readonly #reader: ReadableStreamDefaultReader;
  readonly #events: GuardEvents;
  /** Weak, so that a stream that nobody reads any more can be collected. */
  #controller: WeakRef<ReadableStreamDefaultController> | undefined;
  #isReading = false;
  #isCancelled = false;
  /** Ends the guarded stream as the source has ended. */
  #settle: (() => void) | undefined;

  constructor(reader: ReadableStreamDefaultReader, events: GuardEvents) {
    this.#reader = reader;
    this.#events = events;
  }

  start(controller: ReadableStreamDefaultController): void {
    this.#controller = new WeakRef(controller);
    this.#reader.closed.then(
      () => this.#end(() => this.#controller!.deref()?.close()),
      (error) => this.#end(() => this.#controller!.deref()?.error(error)),
    );
  }

  async pull(controller: ReadableStreamDefaultController): Promise<void> {
    this.#events.onUse?.();
    this.#isReading = true;
    try {
      const { done, value } = await this.#reader.read();
      if (!done) controller.enqueue(value);
    } finally {
      this.#isReading = false;
      if (this.#settle !== undefined) this.#end(this.#settle);
    }
  }

  async cancel(reason: unknown): Promise<void> {
    // The source is closed at once, but has ended only when its own cancellation is done.
    this.#isCancelled = true;
    try {
      await this.#reader.cancel(reason);
    } finally {
      this.#events.onEnd();
    }
  }

  /** The source has ended; the chunk that is being read comes first. */
  #end(settle: () => void): void {
    this.#settle = settle;
    if (this.#isReading || this.#isCancelled) return;
    try {
      settle();
    } catch { /* The guard has failed. */ }
    this.#events.onEnd();
  }

  fail(reason: unknown): void {
    this.#controller!.deref()?.error(reason);
    this.#reader.cancel(reason).catch(() => {});
    this.#events.onEnd();
  }
}

class WritableGuard implements Guard, UnderlyingSink {
  readonly #writer: WritableStreamDefaultWriter;
  readonly #events: GuardEvents;
  /** Weak, so that a stream that nobody writes to any more can be collected. */
  #controller: WeakRef<WritableStreamDefaultController> | undefined;
  /** Rejects the promise that the guarded stream waits for. */
  #reject: ((reason: unknown) => void) | undefined;

  constructor(writer: WritableStreamDefaultWriter, events: GuardEvents) {
    this.#writer = writer;
    this.#events = events;
  }

  start(controller: WritableStreamDefaultController): void {
    this.#controller = new WeakRef(controller);
    this.#writer.closed.catch((error) => {
      this.#controller!.deref()?.error(error);
      this.#events.onEnd();
    });
  }

  write(chunk: unknown): Promise<void> {
    this.#events.onUse?.();
    return this.#wait(this.#writer.write(chunk));
  }

  async close(): Promise<void> {
    this.#events.onUse?.();
    await this.#wait(this.#writer.close());
    this.#events.onEnd();
  }

  async abort(reason: unknown): Promise<void> {
    try {
      await this.#wait(this.#writer.abort(reason));
    } finally {
      this.#events.onEnd();
    }
  }

  /**
   * Waits for the sink, or until the guard fails; `Promise.race()` would keep each of its promises.
   */
  #wait(done: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      done.then(resolve, reject);
    });
  }

  fail(reason: unknown): void {
    this.#controller!.deref()?.error(reason);
    this.#reject?.(reason);
    this.#writer.abort(reason).catch(() => {});
    this.#events.onEnd();
  }
}

/**
 * Guards a port that has arrived. A web port of Deno does not tell when its other end is closed or
 * has died with its thread; a port that arrives through a channel of Node's does, with a `close`
 * event, on both Deno's and Node's ports. So the port is shown to such a channel.
 *
 * @param onEnd Is called when either end was closed; if nobody listens to the port, the other end's
 * closing is not noticed.
 */
export function guardPort(port: MessagePort, onEnd: () => void): Guard {
  port.addEventListener("close", onEnd, { once: true });
  tellClose(port);
  // Weak, so that a port that nobody has any more can be collected.
  const ref = new WeakRef(port);
  return {
    fail() {
      ref.deref()?.close();
      onEnd();
    },
  };
}

/** Has a port tell of its end. */
async function tellClose(port: MessagePort): Promise<void> {
  // Loaded, for some ms, when a port first arrives.
  const { MessageChannel } = await import("node:worker_threads");
  const { port1, port2 } = new MessageChannel();
  port1.on("message", () => {});
  (port1 as unknown as EventTarget).dispatchEvent(new MessageEvent("message", { data: [port] }));
  port1.close();
  port2.close();
}
