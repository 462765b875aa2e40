/**
 * The OpenTelemetry SDK of this thread, as registered by Deno (`OTEL_DENO=true`) or by an SDK for
 * JavaScript: the same SDK that `@opentelemetry/api` finds. Read from the place of the registration. To
 * import the API would cost every user 5 ms and a download, and a version older than the version of
 * the registered SDK finds nothing.
 *
 * @see {@link https://github.com/open-telemetry/opentelemetry-js/blob/main/api/src/internal/global-utils.ts}
 */

const API = Symbol.for("opentelemetry.js.api.1");
/** The key of a span in a context. */
const SPAN = Symbol.for("OpenTelemetry Context Key SPAN");

/** Names a span across threads. */
export interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
}

type Attributes = Record<string, string | number>;

/** A span, as far as this package uses spans. */
export interface Span {
  spanContext(): SpanContext;
  setAttributes(attributes: Attributes): unknown;
  setStatus(status: { code: number; message?: string }): unknown;
  end(): void;
}

/** A meter, as far as this package uses meters. */
export interface Meter {
  createHistogram(name: string, options: object): {
    record(value: number, attributes: Attributes): void;
  };
  createCounter(name: string, options: object): {
    add(value: number, attributes: Attributes): void;
  };
  createObservableGauge(name: string, options: object): {
    addCallback(
      callback: (result: { observe(value: number, attributes: Attributes): void }) => void,
    ): void;
  };
}

interface Context {
  setValue(key: symbol, value: unknown): Context;
}

/** The parts that an SDK has registered; each part may be missing. */
export interface Sdk {
  readonly trace?: {
    getTracer(name: string): {
      startSpan(name: string, options: { kind: number; attributes: Attributes }): Span;
    };
  };
  readonly metrics?: { getMeter(name: string): Meter };
  readonly context?: {
    active(): Context;
    with(context: Context, callback: () => void): void;
  };
}

/** The SDK, if an SDK is registered, which may happen at any time. */
export function sdk(): Sdk | undefined {
  return (globalThis as unknown as Record<symbol, Sdk | undefined>)[API];
}

/** Calls back, once and before it returns, in the context of a span of another thread. */
export function within(span: SpanContext, callback: () => void): void {
  let called = false;
  // A task may register an SDK of its own in its worker, which must not keep other tasks from running.
  const once = () => {
    if (called) return;
    called = true;
    callback();
  };
  try {
    const context = sdk()?.context;
    context?.with(context.active().setValue(SPAN, new RemoteSpan(span)), once);
  } catch { /* The callback runs without the span. */ }
  once();
}

/** A span of another thread: it has an identity, and records nothing. */
class RemoteSpan implements Span {
  readonly #context: SpanContext;

  constructor({ traceId, spanId, traceFlags }: SpanContext) {
    this.#context = Object.freeze({ traceId, spanId, traceFlags, isRemote: true });
  }

  spanContext(): SpanContext {
    return this.#context;
  }

  isRecording(): boolean {
    return false;
  }

  setAttribute(): this {
    return this;
  }

  setAttributes(): this {
    return this;
  }

  addEvent(): this {
    return this;
  }

  addLink(): this {
    return this;
  }

  addLinks(): this {
    return this;
  }

  setStatus(): this {
    return this;
  }

  updateName(): this {
    return this;
  }

  recordException(): void {}

  end(): void {}
}
