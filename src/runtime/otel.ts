/**
 * OpenTelemetry as it is registered in this thread, by Deno (`OTEL_DENO=true`) or by an SDK for
 * JavaScript: what `@opentelemetry/api` finds, too. Read from where it is registered, as a copy of
 * the API that is older than the one the SDK was registered with finds nothing, and importing one
 * would cost every user 5 ms and a download.
 *
 * @see {@link https://github.com/open-telemetry/opentelemetry-js/blob/main/api/src/internal/global-utils.ts}
 */

const API = Symbol.for("opentelemetry.js.api.1");
/** Where a context has its span. */
const SPAN = Symbol.for("OpenTelemetry Context Key SPAN");

/** Names a span across threads. */
export interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
}

type Attributes = Record<string, string | number>;

/** What is used here of a span. */
export interface Span {
  spanContext(): SpanContext;
  setAttributes(attributes: Attributes): unknown;
  setStatus(status: { code: number; message?: string }): unknown;
  end(): void;
}

/** What is used here of the instruments of a meter. */
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

/** What an SDK has registered; each part may be missing. */
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

/** The SDK, if there is one; it may be registered at any time. */
export function sdk(): Sdk | undefined {
  return (globalThis as unknown as Record<symbol, Sdk | undefined>)[API];
}

/** Calls back, once and before it returns, in the context of a span of another thread. */
export function within(span: SpanContext, callback: () => void): void {
  let called = false;
  // Any task can register something in its worker: it may not keep another one from running.
  const once = () => {
    if (called) return;
    called = true;
    callback();
  };
  try {
    const context = sdk()?.context;
    context?.with(context.active().setValue(SPAN, new RemoteSpan(span)), once);
  } catch { /* It runs without. */ }
  once();
}

/** A span of another thread: it has a name, and takes nothing. */
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
